"""Where rows live."""

from pathlib import Path

from gateway.config.databases import databases


def test_sqlite_waits_for_its_lock_and_begins_immediately() -> None:
    config = databases(Path("/data"), "")["default"]
    assert config["NAME"] == Path("/data/router.sqlite3")
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert config["OPTIONS"]["timeout"] == 20


def test_postgres_by_its_socket() -> None:
    assert databases(Path("/data"), "postgres://me@%2Frun%2Fpg/db")["default"]["HOST"] == "/run/pg"


def test_postgres_by_url_with_a_small_pool() -> None:
    config = databases(Path("/data"), "postgres://me:p%40ss@db.example:5433/router?sslmode=require")[
        "default"
    ]
    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert (config["USER"], config["PASSWORD"], config["HOST"], config["PORT"], config["NAME"]) == (
        "me",
        "p@ss",
        "db.example",
        5433,
        "router",
    )
    assert config["CONN_MAX_AGE"] == 0
    assert config["OPTIONS"]["sslmode"] == "require"
    assert config["OPTIONS"]["pool"]["max_size"] == 3
