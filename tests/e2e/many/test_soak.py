"""`make soak`, short; and a million conversations in one process."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from accounts.affinity import MAX_SESSIONS
from accounts.core import PoolOptions
from tests.accounts.building import ask, core_pool
from tests.harness import ROOT, base_environment

SECONDS = "25"


@pytest.mark.soak
def test_nothing_grows(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "bench.soak", "--seconds", SECONDS, "--workers", "2"],
        cwd=ROOT,
        env=base_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    statuses = json.loads(done.stdout)["statuses"]
    assert statuses["200"] > 100
    assert set(statuses) <= {"200", "left", "500", "502", "503", "529"}, statuses


def test_a_million_sessions_stay_bounded():
    pool = core_pool(2, clock=time.time, options=PoolOptions())
    wanted = ask(time.time(), session="")
    for number in range(1_000_000):
        wanted.session = str(number)
        pool._seats.adopt(wanted, number % 2, None)
    assert len(pool._seats._of_sessions) == MAX_SESSIONS
    wanted.session = "999999"
    lease = pool.choose(wanted)
    assert lease.account == "a1"
