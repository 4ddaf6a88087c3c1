"""Rows of sign-ins: when one may still be refreshed."""

from __future__ import annotations

import pytest

from tokens.signin.models import SignIn


@pytest.mark.parametrize(
    ("values", "is_alive"),
    [
        ({}, True),
        ({"revoked_at": 50}, False),
        ({"user_id": None}, False),
        ({"ends_at": 100}, False),
        ({"ends_at": 101}, True),
    ],
)
def test_when_it_may_be_refreshed(values: dict[str, object], is_alive: bool) -> None:
    sign_in = SignIn(**{"user_id": 1, "started_at": 0, "ends_at": 1000, **values})
    assert sign_in.is_alive(100.0) is is_alive
