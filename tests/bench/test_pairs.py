"""Two trees, measured in turn."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_tree_is_compared_with_another() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.pairs", "--against", str(ROOT), "--pairs", "2", "--only", "chat over"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    rows = re.findall(
        r"^(chat over messages, \w+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)$", done.stdout, re.MULTILINE
    )
    assert [name for name, *_ in rows] == ["chat over messages, whole", "chat over messages, event"], (
        done.stdout
    )
    assert all(0.1 < float(ratio) < 10 for *_, middle, best in rows for ratio in (middle, best)), done.stdout
