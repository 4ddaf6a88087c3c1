"""Listeners hear of changes, and one that fails stops nobody."""

from __future__ import annotations

import pytest

from accounts import changes


def test_listeners(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def broken() -> None:
        raise RuntimeError("no")

    def listener() -> None:
        heard.append("x")

    for callback in (broken, listener, listener):
        changes.on_change(callback)
    changes.announce()
    assert heard == ["x"] and "listener for account changes failed" in caplog.text
    for callback in (broken, listener, listener):
        changes.forget(callback)
    changes.announce()
    assert heard == ["x"]
