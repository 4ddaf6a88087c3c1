"""A secret on its way to the page that shows it, once."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest

from tokens.pages import handing


def request() -> Any:
    made = HttpRequest()
    made.session = {}  # type: ignore[assignment]
    return made


def test_it_is_taken_once_and_lies_sealed() -> None:
    made = request()
    handing.hand_over(made, "la_sk_secret", "id-1", "tomorrow")
    assert "la_sk_secret" not in str(made.session)
    found = handing.taken(made)
    assert found is not None and (found.secret, found.token_id, found.old_ends) == (
        "la_sk_secret",
        "id-1",
        "tomorrow",
    )
    assert handing.taken(made) is None and not made.session


def test_after_a_minute_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = request()
    handing.hand_over(made, "la_sk_secret", "id-1")
    monkeypatch.setattr(handing, "SECONDS", -1.0)
    assert handing.taken(made) is None


def test_what_was_not_sealed_by_us_is_nothing() -> None:
    made = request()
    made.session[handing.KEY] = "rubbish"
    assert handing.taken(made) is None
