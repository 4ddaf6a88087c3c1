"""The backend: a new database file gets mode 0600, a new directory 0700; -wal and -shm files follow it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        name = str(conn_params["database"])
        if not name.startswith(("file:", ":memory:")):
            try:
                _prepare(Path(name))
            except OSError as exc:  # to everybody above, a database that can't be opened
                raise sqlite3.OperationalError(f"unable to open database file: {exc.strerror}") from exc
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        return connection


def _prepare(path: Path) -> None:
    """Never opens a file that is there: closing any descriptor of it drops the locks that this process's other
    connections hold (POSIX), and another process then takes the database for abandoned."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
