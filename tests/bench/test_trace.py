"""How many files a call passes through, and how often it changes from one to another."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST = {"/v1/messages": (30, 80), "/v1/chat/completions": (40, 110)}
"""Files and changes. A feature that needs more finds a detour to cut, or does its work behind a check made once."""


def test_a_call_takes_no_more_detours_than_before() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.trace"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    found = re.findall(r"^(\S+): (\d+) files, (\d+) changes", done.stdout, re.MULTILINE)
    assert {path for path, _, _ in found} == set(MOST)
    for path, files, changes in found:
        assert int(files) <= MOST[path][0] and int(changes) <= MOST[path][1], done.stdout
