"""Bodies that come and go cost no page faults any more. In a process of its own: the setting can't be taken back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from gateway.servers.memory import keep_freed_memory
if sys.argv[2] == "kept" and not keep_freed_memory():
    print("unknown"); raise SystemExit
def bodies():
    for _ in range(50):
        pieces = [bytes(65_536) for _ in range(16)]
        b"".join(pieces)
bodies()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bodies()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word: str) -> int:
    command = [sys.executable, "-c", PROGRAM, str(ROOT), word]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout.strip()
    if said == "unknown":
        pytest.skip("not a C library that can be told")
    return int(said)


def test_freed_memory_is_kept_for_the_next_body() -> None:
    assert faults("kept") < 500 < faults("default")
