"""Listeners of this process: told in order, once each, and unable to hurt one another."""

from __future__ import annotations

import pytest

from tokens import changes, services
from tokens.errors import TokenNotFound


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


@pytest.mark.django_db(transaction=True)
def test_issuing_and_revoking_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(changes, "_on_issued", [])
    monkeypatch.setattr(changes, "_on_revoked", [])
    changes.on_issued(lambda: seen.append("issued"))
    changes.on_revoked(lambda: seen.append("revoked"))
    token = services.issue(label="x").token
    successor = services.rotate(token.id).issued.token
    services.revoke(successor.id)
    services.revoke(successor.id)
    with pytest.raises(TokenNotFound):
        services.revoke("nobody")
    assert seen == ["issued", "issued", "revoked", "revoked"]
