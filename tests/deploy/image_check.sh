#!/usr/bin/env bash
# Build the image of the Dockerfile without an engine, and try it as its own user (`make image-check`; as root, minutes).
# buildah (Debian) runs the steps in a chroot. The base is PYTHON where images can be pulled (PYTHON=python:3.13-slim-bookworm),
# else a Debian that debootstrap (Debian) makes here: its Python is 3.11, so it shows the steps and not that very base.
set -euo pipefail
cd "$(dirname "$0")/../.."

((EUID == 0)) || { echo "skipped: only root may chroot" >&2; exit 77; }
for program in buildah ${PYTHON:-debootstrap} curl; do
    [[ $program == *:* ]] || command -v "$program" >/dev/null || { echo "skipped: no $program (apt install it)" >&2; exit 77; }
done

work=$(mktemp -d /var/tmp/image-check.XXXXXX)
server=
end() {
    [[ -z $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
buildah=(buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs)
builder() { "${buildah[@]}" "$@"; }

base=${PYTHON:-}
if [[ -z $base ]]; then
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip bookworm "$work/base" >"$work/log" ||
        { tail "$work/log" >&2; exit 1; }
    ln -s python3 "$work/base/usr/bin/python"
    # Behind a mirror pip needs what this machine knows of it.
    if [[ -e /etc/pip.conf ]]; then cp /etc/pip.conf "$work/base/etc/"; fi
    cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/"
    made=$(builder from scratch)
    builder add -q "$made" "$work/base" /
    builder config --env PATH=/usr/local/bin:/usr/bin:/bin "$made"
    builder commit -q --rm "$made" localhost/base >/dev/null
    rm -rf "$work/base"
    base=localhost/base
fi

# What is committed, as a clone has it.
git archive --prefix=context/ HEAD | tar x -C "$work"
builder bud --isolation chroot --network host --build-arg "PYTHON=$base" \
    --build-arg "SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)" -t checked "$work/context"

image=$(builder inspect --type image --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}' checked)
[[ $image == "10001:10001 [router] [serve]" ]] || { echo "the image is $image" >&2; exit 1; }
container=$(builder from checked)
inside() { builder run --isolation chroot --network host "$container" -- "$@"; }
version=$(inside router --version)
[[ $version == "link-assistant-router $(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)" ]] || { echo "it says $version" >&2; exit 1; }
[[ $(inside id -u) == 10001 ]]
[[ -z $(inside find /app /venv -writable -not -type l) ]] || { echo "its user may write the program" >&2; exit 1; }

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
builder config --env ROUTER_HOST=127.0.0.1 --env "ROUTER_PORT=$port" --env "TOKEN_SECRET=$(openssl rand -hex 32)" "$container"
"${buildah[@]}" run --isolation chroot --network host "$container" -- router serve & # no function: its process would be another
server=$!
for _ in $(seq 120); do
    curl -fs "http://127.0.0.1:$port/health" >/dev/null && break
    sleep 1
done
curl -fsS "http://127.0.0.1:$port/health/ready"
inside sh -c "$(sed -n '/^HEALTHCHECK/,/^ENTRYPOINT/p' Dockerfile | python3 -c '
import json, shlex, sys
text = sys.stdin.read().split("CMD", 1)[1].split("ENTRYPOINT")[0].replace("\\\n", "")
print(shlex.join(json.loads(text)))')"
echo "built, and it serves as 10001: $version"
