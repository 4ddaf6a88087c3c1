"""The Dockerfile: good by hadolint's rules, whole, without times of its own, and nobody special runs it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not there for this machine")
def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    def lint(text: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "Dockerfile"
        file.write_text(text)
        command = [str(HADOLINT), "--no-color", str(file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)

    assert lint(TEXT).stdout == ""
    assert "DL3008" in lint(f"{TEXT}\nRUN apt-get install curl\n").stdout  # it looks


def test_the_image_runs_as_nobody_special_and_can_tell_its_health() -> None:
    assert re.search(r"(?m)^USER [1-9]\d*:[1-9]\d*$", TEXT)
    assert "HEALTHCHECK" in TEXT
    assert "--require-hashes" in TEXT


def test_nothing_in_it_notes_the_time() -> None:
    assert "useradd" not in TEXT and "adduser" not in TEXT  # /etc/shadow has the day
    assert "apt-get" not in TEXT  # other packages tomorrow
    installs = re.findall(r"pip .*\binstall .*", TEXT)
    assert len(installs) == 2 and all(" install --no-compile " in line for line in installs)
    assert "venv --without-pip" in TEXT
    assert "--invalidation-mode unchecked-hash" in TEXT


def test_every_package_is_in_it_and_let_through() -> None:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    packages = {name.removesuffix("*") for name in found["include"]}
    let_through = set(re.findall(r"(?m)^!(\S+)$", (ROOT / ".dockerignore").read_text()))
    for name in packages:
        assert f"COPY {name} /app/{name}" in TEXT
    copied = re.findall(r"(?m)^COPY (?!--from)(.+) /\S+$", TEXT)
    assert {name for line in copied for name in line.split()} == let_through >= packages
