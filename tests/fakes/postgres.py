"""A PostgreSQL server of one test's own: in a temporary directory, on a Unix socket, without a port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.rows import dict_row


def binaries() -> Path | None:
    """The directory of `initdb` and `pg_ctl`, newest version first; None when there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    return found[-1] if found else Path(on_path).parent if on_path else None


class Postgres:
    """`start` and `stop` as often as a test likes; `close` removes it."""

    def __init__(self, max_connections: int = 100) -> None:
        self.max_connections = max_connections
        self.is_up = False
        self.directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._bin = binaries()
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        self._run("initdb", "-D", str(self.directory / "data"), "-A", "trust", "-U", "router", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        command = [f"{self._bin}/{program}", *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, capture_output=True, cwd="/tmp", timeout=240)

    @property
    def database(self) -> dict[str, object]:
        """An entry for `DATABASES`, with the pool that the gateway uses."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "router",
            "HOST": str(self.directory),
            "CONN_MAX_AGE": 0,
            "OPTIONS": {"pool": {"min_size": 0, "max_size": 3, "timeout": 2}},
        }

    def url(self, name: str = "postgres") -> str:
        """A DATABASE_URL."""
        return f"postgres://router@{quote(str(self.directory), safe='')}/{name}"

    def create(self, name: str, template: str = "template1") -> str:
        """A new database's URL. Nobody may be connected to the template."""
        self.query(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def query(self, words: str, *values: object, database: str = "postgres") -> list[dict[str, Any]]:
        """What a statement finds, from outside."""
        where = {"host": str(self.directory), "user": "router", "dbname": database}
        with psycopg.connect(**where, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(words, values or None)
            return cursor.fetchall() if cursor.description else []

    def start(self, more: str = "") -> None:
        settings = (
            f"-c max_connections={self.max_connections} -c listen_addresses= "
            f"-c unix_socket_directories={self.directory} -c fsync=off {more}"
        )
        log, data = str(self.directory / "log"), str(self.directory / "data")
        self._run("pg_ctl", "-w", "-D", data, "-l", log, "-o", settings, "start")
        self.is_up = True

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-D", str(self.directory / "data"), "-m", "immediate", "stop")
        self.is_up = False

    def close(self) -> None:
        if (self.directory / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
