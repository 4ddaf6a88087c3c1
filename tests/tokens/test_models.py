"""State of a row, its table and its key."""

from __future__ import annotations

import pytest

from tokens.models import Token


@pytest.mark.parametrize(("fields", "state"), [
    ({"expires_at": 11}, "active"), ({"expires_at": 10}, "expired"), ({"expires_at": 9}, "expired"),
    ({"expires_at": 11, "revoked_at": 5}, "revoked"), ({"expires_at": 9, "revoked_at": 0}, "revoked"),
])  # fmt: skip
def test_state(fields: dict[str, int], state: str) -> None:
    assert Token(id="a", **fields).state(now=10) == state


def test_the_table_and_key_are_the_fixed_ones() -> None:
    assert Token._meta.db_table == "tokens_token"
    assert Token._meta.pk.name == "id" and Token._meta.pk.max_length == 255
