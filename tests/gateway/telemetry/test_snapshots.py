"""Counts that workers leave for each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gateway.telemetry.counters import Counts, encoded
from gateway.telemetry.snapshots import Snapshots


async def test_each_sees_the_others_and_not_itself(tmp_path: Path) -> None:
    workers = [Snapshots(tmp_path, lambda number=number: Counts(requests=number)) for number in (1, 10, 100)]
    for worker in workers:
        await worker.start()
        await worker.aclose()
    assert [sum(each.requests for each in worker.elsewhere()) for worker in workers] == [110, 101, 11]


async def test_the_last_word_is_written_and_stays(tmp_path: Path) -> None:
    counts = Counts()
    worker = Snapshots(tmp_path, lambda: counts)
    await worker.start()
    counts.requests = 7
    await worker.aclose()
    assert [each.requests for each in Snapshots(tmp_path, Counts).elsewhere()] == [7]


def test_a_dead_worker_has_no_calls_in_flight(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    for pid in (int(dead.stdout), os.getpid()):
        (tmp_path / f"{pid}-x.counts").write_bytes(encoded(Counts(requests=5, in_flight=3)))
    found = list(Snapshots(tmp_path, Counts).elsewhere())
    assert sum(each.requests for each in found) == 10
    assert sum(each.in_flight for each in found) == 3


async def test_what_cannot_be_read_or_written_is_said_and_left_out(tmp_path: Path, caplog) -> None:
    (tmp_path / "1-x.counts").write_bytes(b"\xff\xff")
    worker = Snapshots(tmp_path, Counts)
    assert list(worker.elsewhere()) == []
    assert "1-x.counts can't be read" in caplog.text
    gone = Snapshots(tmp_path / "gone", Counts)
    await gone.aclose()
    await gone.aclose()
    assert caplog.text.count("other workers don't see ours") == 1
