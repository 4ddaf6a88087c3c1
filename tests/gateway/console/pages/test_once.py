"""What a form leaves for the page after it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from gateway.console.pages import once


def request() -> Any:
    made: Any = RequestFactory().get("/console/")
    made.session = {}
    return made


def test_it_is_taken_once_and_lies_sealed() -> None:
    asked = request()
    once.leave(asked, "it", {"secret": "CANARY"})
    assert "CANARY" not in str(asked.session)
    assert once.taken(asked, "another") is None
    assert once.taken(asked, "it") == {"secret": "CANARY"} and once.taken(asked, "it") is None


def test_not_after_a_minute_and_not_what_somebody_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request()
    monkeypatch.setattr(once, "SECONDS", -1.0)
    once.leave(asked, "it", {"secret": "x"})
    assert once.taken(asked, "it") is None
    asked.session[once.KEY + "it"] = "gcm1:nonsense"
    assert once.taken(asked, "it") is None
