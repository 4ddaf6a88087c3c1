"""An installation of 0.1.0 is upgraded in place: every row stays, and its tokens, keys and limits go on as they were.

`upgrade/0.1.0.sql` is what that release's own server and commands had written.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai_strict import StrictOpenAi
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess, Token, manage
from tests.rawhttp import Response

DUMP = Path(__file__).parent / "upgrade" / "0.1.0.sql"
OLD = {"TOKEN_SECRET": "of-the-installation-that-is-upgraded-0123456789"}
ALGORITHM = "la_sk_eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9"
LAPTOP, REVOKED = (
    Token(f"{ALGORITHM}.{payload}.{signature}", token_id)
    for token_id, payload, signature in (
        (
            "a68eb077-ea50-4f92-ab5f-b50667ec2193",
            "eyJzdWIiOiJhNjhlYjA3Ny1lYTUwLTRmOTItYWI1Zi1iNTA2NjdlYzIxOTMiLCJpYXQiOjE3OTYwMTgyNzcsImV4cCI6MjExMTM3ODI3NywibGFiZWwiOiJsYXB0b3AifQ",
            "QvQzn0cbJMS6pTU-amA3DGYIXoEWTnvq3H0zHgljlK0",
        ),
        (
            "88c40fc2-67e6-4c26-bb39-2d68ce6eb0a4",
            "eyJzdWIiOiI4OGM0MGZjMi02N2U2LTRjMjYtYmIzOS0yZDY4Y2U2ZWIwYTQiLCJpYXQiOjE3OTYwMTgyNzcsImV4cCI6MjExMTM3ODI3NywibGFiZWwiOiJyZXZva2VkIn0",
            "EYzfJf30Q2c_fMj1XbYkLeB4j8mybVOeZWAk700lTOY",
        ),
    )
)
COUNTS = {
    "accounts_account": 3,
    "auth_user": 1,
    "forgefed_follower": 1,
    "gateway_daily": 4,
    "gateway_exchange": 6,
    "gateway_price": 127,
    "providers_provider": 1,
    "providers_route": 1,
    "tokens_group": 2,
    "tokens_token": 5,
}
"""Rows that matter, as 0.1.0 left them."""
COUNTERS = {("gateway_revision", "value")}
"""What a migration may count up."""
GONE = {("forgefed_actor", "public_key_pem"): ""}
"""Columns that a later release has dropped, and what all rows had there."""
Row = dict[str, Any]


def rows(database: Path) -> dict[str, list[Row]]:
    """Return every row of every table that has an `id`."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        found = {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for (name,) in tables
        }
    return {name: kept for name, kept in found.items() if kept and "id" in kept[0]}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with the database of 0.1.0 in it."""
    (tmp_path / "data").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "router.sqlite3")) as connection:
        connection.executescript(DUMP.read_text())
    return tmp_path


def test_every_row_of_0_1_0_is_there_as_it_was(home: Path) -> None:
    database = home / "data" / "router.sqlite3"
    before = rows(database)
    assert {name: len(before[name]) for name in COUNTS} == COUNTS
    manage(home, "migrate", "--verbosity", "0", settings=OLD)
    after = rows(database)
    lost = []
    for table, old_rows in before.items():
        new = {row["id"]: row for row in after[table]}
        for row in old_rows:
            for column, value in row.items():
                if (table, column) in COUNTERS:
                    continue
                now = new.get(row["id"], {}).get(column, GONE.get((table, column), "no such column"))
                lost += [f"{table}.{column} of {row['id']}: {value!r}, now {now!r}"] * (now != value)
    assert not lost, "\n".join(lost)


@pytest.fixture
def upgraded(home: Path, openai_vendor: StrictOpenAi, vendor: Vendor) -> Iterator[GatewayProcess]:
    with contextlib.closing(sqlite3.connect(home / "data" / "router.sqlite3")) as connection, connection:
        connection.execute("UPDATE providers_provider SET base_url = ?", [f"{openai_vendor.url}/v1"])
    with GatewayProcess(home, home, vendor.url, "uvicorn", OLD) as process:
        yield process


def test_its_tokens_keys_and_sums_go_on(
    upgraded: GatewayProcess, vendor: Vendor, openai_vendor: StrictOpenAi
) -> None:
    def ask(token: Token, model: str) -> Response:
        body = b'{"model": "%s", "max_tokens": 20, "messages": [{"role": "user", "content": "hello"}]}'
        headers = [token.bearer, ("anthropic-version", "2023-06-01"), ("content-type", "application/json")]
        return upgraded.ask("POST", "/v1/messages", headers, body % model.encode())

    assert ask(LAPTOP, "claude-sonnet-4-5").status == 200
    # The provider's key was stored encrypted by 0.1.0; this server takes no other.
    answer = ask(LAPTOP, "claude-proxy-a")
    assert answer.status == 200 and "You said: hello" in str(answer.json()), answer
    assert ask(REVOKED, "claude-sonnet-4-5").status == 403
    assert len(upgraded.exchanges(LAPTOP, count=6, timeout=30)) == 6  # four of them are 0.1.0's
    group = next(
        one for one in upgraded.admin("GET", "/api/groups").json()["data"] if one["name"] == "everybody"
    )
    assert group["budget"] == "100" and group["tokens"] == 0
    listed = {one["name"] for one in upgraded.admin("GET", "/v1/accounts").json()["accounts"]}
    assert {"api-key", "second"} <= listed
