#!/usr/bin/env bash
# Build the image of the Dockerfile twice without an engine, compare the two, and try it as its own user (`make image-check`;
# as root, minutes).
# buildah (Debian) runs the steps in a chroot. The base is PYTHON where images can be pulled (PYTHON=python:3.13-slim-bookworm),
# else a Debian 13 that debootstrap (Debian) makes here: its Python is 3.13 too, but it is not that very base.
set -euo pipefail
cd "$(dirname "$0")/../.."

((EUID == 0)) || { echo "skipped: only root may chroot" >&2; exit 77; }
for program in buildah ${PYTHON:-debootstrap} curl git openssl python3; do
    [[ $program == "${PYTHON:-}" ]] || command -v "$program" >/dev/null || { echo "skipped: no $program (apt install it)" >&2; exit 77; }
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
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip trixie "$work/base" >"$work/log" ||
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

# What is committed, as two clones have it: one of them is readable by its owner alone. The times in the layers are the commit's.
commit=$(git rev-parse HEAD)
epoch=$(git log -1 --format=%ct "$commit")
build() { # build NAME UMASK
    mkdir "$work/$1"
    git archive "$commit" | (umask "$2" && tar x --no-same-permissions -C "$work/$1")
    builder bud --no-cache --isolation chroot --network host --timestamp "$epoch" --build-arg "PYTHON=$base" \
        --build-arg "SOURCE_DATE_EPOCH=$epoch" -t "$1" "$work/$1"
    builder push -q "$1" "dir:$work/$1.image"
}
build checked 022
build again 077
python3 -m tests.deploy.image_compare "$work/checked.image" "$work/again.image"

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
curl -fsS "http://127.0.0.1:$port/health/ready" && echo
# buildah writes the OCI form, in which there is no place for HEALTHCHECK: the command is taken from the Dockerfile.
inside sh -c "$(sed -n '/^HEALTHCHECK/,/^ENTRYPOINT/p' Dockerfile | python3 -c '
import json, shlex, sys
text = sys.stdin.read().split("CMD", 1)[1].split("ENTRYPOINT")[0].replace("\\\n", "")
print(shlex.join(json.loads(text)))')"

# What an engine does to stop it: SIGTERM to the entrypoint's own process, here the last of buildah's descendants.
child=$server
while [[ -n $child ]]; do
    entrypoint=$child
    child=$(cat /proc/"$entrypoint"/task/*/children | tr ' ' '\n' | head -1)
done
kill "$entrypoint"
wait "$server" || { echo "stopped, it ended with $?" >&2; exit 1; }
server=
echo "built, healthy, served as 10001 and stopped: $version"
