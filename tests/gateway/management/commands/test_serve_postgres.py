"""`serve` with several workers over a real PostgreSQL."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.fakes.postgres import Postgres, binaries
from tests.gateway.management.commands.test_serve import NO_PROXY, ROOT, environment, manage

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed"),
]


@pytest.fixture
def database_url() -> Iterator[str]:
    server = Postgres()
    try:
        server.start()
        yield f"postgres://router@{quote(str(server.directory), safe='')}/postgres"
    finally:
        server.close()


def test_two_workers_migrate_once_and_obey_a_command(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "ALLOW_LOCAL_LIMITS": "true", "WORKERS": "2"}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "serve", "--host", "127.0.0.1", "--port", "0"],
        cwd=tmp_path,
        env=environment(tmp_path, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Listening on http://127.0.0.1:"), process.communicate()[1]
        with NO_PROXY.open(f"{line.split()[-1]}/health/ready", timeout=20) as answer:
            assert answer.status == 200
        issued = manage(tmp_path, "tokens", "issue", **settings)
        assert issued.out.startswith("la_sk_"), issued.err
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert not (tmp_path / ".link-assistant-router" / "router.sqlite3").exists()
