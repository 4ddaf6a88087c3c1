"""The statements that differ between databases, on a PostgreSQL of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.postgres import Postgres, binaries
from tests.fakes.token_endpoint import FakeTokenEndpoint

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    if binaries() is None:
        pytest.skip("no PostgreSQL server")
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.mark.postgres
def test_upserts_revisions_and_one_refresh(postgres: Postgres, endpoint: FakeTokenEndpoint) -> None:
    endpoint.delay_seconds = 0.3
    done = subprocess.run(
        [sys.executable, "-m", "tests.accounts.postgres_child", json.dumps(postgres.database), endpoint.url],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "revision": 5, "cooldowns": ["?", "nul", "x" * 255], "changes": True,
    }  # fmt: skip
    assert (len(endpoint.requests), endpoint.rotations) == (1, 1)
