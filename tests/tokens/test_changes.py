"""Listeners of this process: told in order, once each, and unable to hurt one another."""

from __future__ import annotations

import pytest

from tokens import changes


def test_listeners_are_told_until_they_are_forgotten() -> None:
    seen: list[str] = []

    def first() -> None:
        seen.append("first")

    def second() -> None:
        seen.append("second")

    changes.on_change(first)
    changes.on_change(second)
    changes.on_change(first)  # twice is once
    changes.announce()
    changes.forget(first)
    changes.announce()
    changes.forget(second)
    changes.forget(second)
    changes.announce()
    assert seen == ["first", "second", "second"]


def test_a_listener_that_fails_does_not_silence_the_next(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    def broken() -> None:
        raise ValueError

    def sound() -> None:
        seen.append(1)

    changes.on_change(broken)
    changes.on_change(sound)
    changes.announce()
    changes.forget(broken)
    changes.forget(sound)
    assert seen == [1]
    assert "listener" in caplog.text
