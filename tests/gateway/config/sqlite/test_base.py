"""The database file: only its owner reads it, whatever the umask says."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db.utils import ConnectionHandler

from gateway.config.databases import databases


@pytest.fixture
def lax_umask() -> object:
    before = os.umask(0)
    yield None
    os.umask(before)


def test_a_new_file_is_private_and_speaks_wal(
    tmp_path: Path, lax_umask: object, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        modes = modes_of_a_new_database(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert modes == {f"router.sqlite3{end}": 0o600 for end in ("", "-wal", "-shm")}


def modes_of_a_new_database(directory: Path) -> dict[str, int]:
    connection = ConnectionHandler(databases(directory, ""))["default"]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (x)")
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (1,)
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (20_000,)
    files = list(directory.iterdir())
    modes = {path.name: path.stat().st_mode & 0o777 for path in files}
    connection.close()
    return modes


def test_a_second_connection_does_not_drop_the_locks_of_the_first(
    tmp_path: Path, django_db_blocker: Any
) -> None:
    """Another process that closes last takes the write-ahead log away, unless it sees that we are still here."""
    with django_db_blocker.unblock():
        first, second = (ConnectionHandler(databases(tmp_path, ""))["default"] for _ in range(2))
        with first.cursor() as cursor:
            cursor.execute("CREATE TABLE t (x)")
        with second.cursor() as cursor:
            cursor.execute("SELECT 1")
        script = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM t'); c.close()"
        )
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "router.sqlite3")], check=True)
        assert (tmp_path / "router.sqlite3-wal").exists()
        with first.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
        first.close()
        second.close()


def test_a_kept_connection_goes_when_its_file_was_replaced(tmp_path: Path, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        kept, other = (ConnectionHandler(databases(tmp_path / name, ""))["default"] for name in ("a", "b"))
        for connection, value in ((kept, 1), (other, 2)):
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE t (x)")
                cursor.execute(f"INSERT INTO t VALUES ({value})")
        other.close()
        kept.close_if_unusable_or_obsolete()
        assert kept.connection is not None
        (tmp_path / "b" / "router.sqlite3").replace(tmp_path / "a" / "router.sqlite3")
        for end in ("-wal", "-shm"):
            (tmp_path / "a" / f"router.sqlite3{end}").unlink(missing_ok=True)
        kept.close_if_unusable_or_obsolete()
        assert kept.connection is None
        with kept.cursor() as cursor:
            cursor.execute("SELECT x FROM t")
            assert cursor.fetchone() == (2,)
        kept.close()
