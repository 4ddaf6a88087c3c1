"""The backend: a new database file gets mode 0600, a new directory 0700 (-wal and -shm follow it), and is kept open."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Connections may be kept (`CONN_MAX_AGE`): one whose file has been replaced meanwhile is closed, not asked."""

    _file: tuple[int, int] | None = None
    """Device and inode of what was opened; None = not a file."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        name = str(conn_params["database"])
        if not name.startswith(("file:", ":memory:")):
            try:
                _prepare(Path(name))
            except OSError as exc:  # to everybody above, a database that can't be opened
                raise sqlite3.OperationalError(f"unable to open database file: {exc.strerror}") from exc
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        self._file = _identity(name)
        return connection

    def close_if_unusable_or_obsolete(self) -> None:
        is_stored = self.connection is not None and self._file is not None and not self.in_atomic_block
        if is_stored and _identity(str(self.settings_dict["NAME"])) != self._file:
            self.close()
        super().close_if_unusable_or_obsolete()


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = Path(name).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepare(path: Path) -> None:
    """Never opens a file that is there: closing any descriptor of it drops the locks that this process's other
    connections hold (POSIX), and another process then takes the database for abandoned."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
