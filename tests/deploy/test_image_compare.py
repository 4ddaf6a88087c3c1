"""`make image-check` compares two builds: the same, or each file and field that differs."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import image_compare

FILE = {"name": "app/a.py", "mode": 0o644, "mtime": 1, "data": b"a = 1\n"}
OTHER = {"name": "app/b.py", "mode": 0o644, "mtime": 1, "data": b"b = 1\n"}


def image(folder: Path, *files: dict[str, Any], created: str = "then") -> Path:
    folder.mkdir()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in files:
            member = tarfile.TarInfo(file["name"])
            member.size, member.mode, member.mtime = len(file["data"]), file["mode"], file["mtime"]
            tar.addfile(member, io.BytesIO(file["data"]))
    layer, config = packed.getvalue(), json.dumps({"created": created, "rootfs": {}}).encode()
    digests = []
    for content in (config, layer):
        name = hashlib.sha256(content).hexdigest()
        (folder / name).write_bytes(content)
        digests.append({"digest": f"sha256:{name}", "size": len(content)})
    (folder / "manifest.json").write_text(json.dumps({"config": digests[0], "layers": digests[1:]}))
    return folder


def test_the_same_image_differs_in_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = image(tmp_path / "one", FILE, OTHER), image(tmp_path / "two", FILE, OTHER)
    assert image_compare.main(one, two) == 0
    assert "the same image to the byte: sha256:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ((FILE | {"mtime": 2}, OTHER), "layer 0, app/a.py: time 1 | 2"),
        ((FILE | {"mode": 0o600}, OTHER), "layer 0, app/a.py: mode 0o644 | 0o600"),
        ((FILE | {"data": b"a = 2\n"}, OTHER), "layer 0, app/a.py: content 6 bytes "),
        ((FILE,), "layer 0, app/b.py: only in the first"),
        ((OTHER, FILE), "layer 0, app/a.py: stands elsewhere in the layer"),
    ],
)
def test_each_file_that_differs_is_named(tmp_path: Path, changed: tuple[dict[str, Any]], told: str) -> None:
    found = image_compare.compare(image(tmp_path / "one", FILE, OTHER), image(tmp_path / "two", *changed))
    assert found[0].startswith(told)


def test_a_configuration_that_differs_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = image(tmp_path / "one", FILE), image(tmp_path / "two", FILE, created="now")
    assert image_compare.main(one, two) == 1
    assert "config, created: then | now" in capsys.readouterr().err
