"""Listeners: told once each, and one that fails stops neither the change nor the others."""

from __future__ import annotations

import pytest

from accounts import changes as account_changes
from gateway.kernel.changes import Listeners
from providers import changes


def test_listeners(caplog: pytest.LogCaptureFixture) -> None:
    listeners, told = Listeners("pear"), []

    def bad() -> None:
        raise RuntimeError("boom")

    def good() -> None:
        told.append("good")

    for listener in (bad, good, good):
        listeners.add(listener)
    listeners.announce()
    for listener in (bad, good, good):
        listeners.remove(listener)
    listeners.announce()
    assert told == ["good"]
    assert "boom" in caplog.text and "A listener for pear changes failed" in caplog.text


def test_each_app_has_its_own() -> None:
    told: list[str] = []

    def hear() -> None:
        told.append("providers")

    changes.on_change(hear)
    try:
        account_changes.announce()
        assert told == []
        changes.announce()
        assert told == ["providers"]
    finally:
        changes.forget(hear)
