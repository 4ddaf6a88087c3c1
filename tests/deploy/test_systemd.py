"""The systemd unit: taken by systemd, and closed as far as its own judgement goes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy" / "systemd" / "link-assistant-router.service"
ANALYZE = shutil.which("systemd-analyze")
MOST_EXPOSED = 3.0

pytestmark = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ANALYZE), *arguments], capture_output=True, text=True, timeout=240, check=False
    )


def shipped(folder: Path, *changes: tuple[str, str]) -> Path:
    """Return a copy of the unit whose program is there."""
    text = UNIT.read_text()
    for before, after in (
        ("ExecStart=/opt/link-assistant-router/.venv/bin/python", "ExecStart=/bin/sh"),
        *changes,
    ):
        assert before in text
        text = text.replace(before, after)
    unit = folder / UNIT.name
    unit.write_text(text)
    return unit


def test_systemd_takes_it(tmp_path: Path) -> None:
    done = analyze("verify", str(shipped(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert UNIT.name not in done.stderr, done.stderr  # a name it does not know is only a warning


def test_a_mistake_would_be_noticed(tmp_path: Path) -> None:
    done = analyze("verify", str(shipped(tmp_path, ("ProtectClock=yes", "ProtectClocks=yes"))))
    assert "ProtectClocks" in done.stderr


def test_it_is_exposed_to_little() -> None:
    done = analyze("security", "--offline=yes", "--no-pager", str(UNIT))
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze can't judge a file")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED, done.stdout
