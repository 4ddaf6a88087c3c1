"""Listeners: told once each, and one that fails stops neither the change nor the others."""

from __future__ import annotations

import pytest

from providers import changes


def test_listeners(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    def bad() -> None:
        raise RuntimeError("boom")

    def good() -> None:
        told.append("good")

    for listener in (bad, good, good):
        changes.on_change(listener)
    changes.announce()
    for listener in (bad, good, good):
        changes.forget(listener)
    changes.announce()
    assert told == ["good"] and "boom" in caplog.text
