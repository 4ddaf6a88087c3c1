"""`make soak`, short; and a million conversations in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from accounts.pool.affinity import MAX_SESSIONS
from accounts.pool.pool import PoolOptions
from bench.load import resident_mb
from tests.accounts.building import ask, memory_pool
from tests.harness import ROOT, base_environment

SECONDS = "25"


@pytest.mark.long
def test_nothing_grows(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "bench.soak", "--seconds", SECONDS, "--workers", "2"],
        cwd=ROOT,
        env=base_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["last"].keys() == {"rss_mb", "fds", "threads", "tasks", "connections"}
    assert report["last"]["tasks"] >= 2 * 5  # the workers' own are always there
    statuses = report["statuses"]
    assert statuses["200"] > 100
    assert set(statuses) <= {"200", "left", "500", "502", "503", "529"}, statuses


@pytest.mark.long
def test_a_million_sessions_stay_bounded():
    pool = memory_pool(2, clock=time.time, options=PoolOptions())
    wanted = ask(time.time(), session="")
    held = 0.0
    for number in range(1_000_000):
        wanted.session = str(number)
        lease = pool.choose(wanted)
        lease.release()
        if number == 3 * MAX_SESSIONS:  # full, and turned over twice
            held = resident_mb(os.getpid())
    assert resident_mb(os.getpid()) - held < 40  # resized maps; kept for good they would be 160
    assert pool.sessions.sizes == (MAX_SESSIONS, 0, 0)
    assert pool.choose(wanted).account == lease.account
