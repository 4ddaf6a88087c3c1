"""Say where the rows live: SQLite in DATA_DIR, or PostgreSQL by DATABASE_URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import environ

FILE_NAME = "router.sqlite3"
KEPT_SECONDS = 600
BUSY_SECONDS = 20
POOL_SIZE = 3  # connections per process
WAIT_SECONDS = 3
"""For a connection, when all are taken or the server is away: what needs one then says so, or is kept for later."""
GIVE_UP = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""So that a server that is gone without a word is noticed. Seconds; the last in ms. DATABASE_URL may say otherwise."""


def databases(data_dir: Path, url: str) -> dict[str, dict[str, Any]]:
    """Django's DATABASES. `url` is empty or `postgres://…`."""
    return {"default": _postgres(url) if url else _sqlite(data_dir / FILE_NAME)}


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "gateway.config.sqlite",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": BUSY_SECONDS,
            # The last one: what a statement for many rows keeps, in case it fails, need not go to a file.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;",
        },
        # Each thread keeps its own: opening one costs more than all that a poll asks.
        "CONN_MAX_AGE": KEPT_SECONDS,
    }


def _postgres(url: str) -> dict[str, Any]:
    config: dict[str, Any] = dict(environ.Env.db_url_config(url))  # type: ignore[no-untyped-call]
    config["HOST"] = unquote(config["HOST"])  # a socket's directory: postgres://me@%2Frun%2Fpostgresql/name
    options = {**GIVE_UP, **config.get("OPTIONS", {})}
    options["pool"] = {"min_size": 1, "max_size": POOL_SIZE, "timeout": WAIT_SECONDS, "reconnect_timeout": 0}
    # Asked before use, so that after a restart of the server nobody gets a connection of before.
    return {**config, "OPTIONS": options, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
