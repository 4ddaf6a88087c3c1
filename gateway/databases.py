"""Where the rows live: SQLite in DATA_DIR, or PostgreSQL by DATABASE_URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import environ

FILE_NAME = "router.sqlite3"
BUSY_SECONDS = 20
POOL_SIZE = 3  # connections per process


def databases(data_dir: Path, url: str) -> dict[str, dict[str, Any]]:
    """Django's DATABASES. `url` is empty or `postgres://…`."""
    return {"default": _postgres(url) if url else _sqlite(data_dir / FILE_NAME)}


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "gateway.sqlite",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": BUSY_SECONDS,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def _postgres(url: str) -> dict[str, Any]:
    config: dict[str, Any] = dict(environ.Env.db_url_config(url))  # type: ignore[no-untyped-call]
    config["HOST"] = unquote(config["HOST"])  # a socket's directory: postgres://me@%2Frun%2Fpostgresql/name
    options = dict(config.get("OPTIONS", {}))
    options["pool"] = {"min_size": 1, "max_size": POOL_SIZE, "timeout": 10}
    return {**config, "OPTIONS": options, "CONN_MAX_AGE": 0}
