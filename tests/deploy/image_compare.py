"""Compare two images (`dir:` of buildah, skopeo): the same to the byte, or what differs in them."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

Entry = dict[str, str]


def blob(image: Path, digest: str) -> Path:
    """Return the file that a digest names."""
    return image / digest.removeprefix("sha256:")


def read(image: Path) -> tuple[str, Any, Any]:
    """Return an image's digest, its manifest and its configuration."""
    raw = (image / "manifest.json").read_bytes()
    manifest = json.loads(raw)
    config = json.loads(blob(image, manifest["config"]["digest"]).read_bytes())
    return f"sha256:{hashlib.sha256(raw).hexdigest()}", manifest, config


def entries(layer: Path) -> dict[str, Entry]:
    """Return what a layer holds: by path all that makes its bytes."""
    found: dict[str, Entry] = {}
    with tarfile.open(layer) as tar:
        for place, member in enumerate(tar):
            data = tar.extractfile(member) if member.isreg() else None
            found[member.name] = {
                "place": str(place),
                "type": repr(member.type),
                "mode": oct(member.mode),
                "owner": f"{member.uid}:{member.gid} {member.uname}:{member.gname}",
                "time": str(member.mtime),
                "link": member.linkname,
                "extra": str(sorted(member.pax_headers.items())),
                "content": f"{member.size} bytes {hashlib.sha256(data.read()).hexdigest()}" if data else "",
            }
    return found


def differences(one: dict[str, Entry], two: dict[str, Entry]) -> list[str]:
    """Name each path that differs, and in what; a place in the order only where nothing else differs."""
    lines = [
        f"{path}: only in {where}"
        for path, where in [(p, "the first") for p in one.keys() - two.keys()]
        + [(p, "the second") for p in two.keys() - one.keys()]
    ]
    for path in one.keys() & two.keys():
        fields = [name for name in one[path] if name != "place" and one[path][name] != two[path][name]]
        if fields:
            lines.append(
                f"{path}: " + "; ".join(f"{name} {one[path][name]} | {two[path][name]}" for name in fields)
            )
    return sorted(lines) or [
        f"{path}: stands elsewhere in the layer" for path in one if one[path]["place"] != two[path]["place"]
    ]


def compare(one: Path, two: Path) -> list[str]:
    """Return in what two images differ: nothing where they are the same to the byte."""
    digest, manifest, config = read(one)
    other_digest, other, its_config = read(two)
    if digest == other_digest:
        return []
    lines = [
        f"config, {key}: {config.get(key)} | {its_config.get(key)}"
        for key in sorted(config.keys() | its_config.keys())
        if key != "rootfs" and config.get(key) != its_config.get(key)
    ]
    layers, others = manifest["layers"], other["layers"]
    if len(layers) != len(others):
        lines.append(f"{len(layers)} layers | {len(others)} layers")
    for number, (layer, its) in enumerate(zip(layers, others, strict=False)):
        if layer["digest"] != its["digest"]:
            found = differences(entries(blob(one, layer["digest"])), entries(blob(two, its["digest"])))
            lines += [f"layer {number}, {line}" for line in found or ["the same entries, packed otherwise"]]
    return lines or ["the manifests alone"]


def main(one: Path, two: Path) -> int:
    found = compare(one, two)
    for line in found[:100]:
        print(line, file=sys.stderr)
    if found:
        print(f"the two images differ in {len(found)} things", file=sys.stderr)
        return 1
    digest, manifest, _ = read(one)
    sizes = ", ".join(str(layer["size"]) for layer in manifest["layers"])
    print(f"built twice, the same image to the byte: {digest} (layers of {sizes} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
