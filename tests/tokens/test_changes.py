"""Listeners of this process: told in order, once each, and unable to hurt one another."""

from __future__ import annotations

import pytest

from tests.principals import SOMEBODY
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
def test_issuing_and_revoking_are_told_apart() -> None:
    seen: list[str] = []

    def issued() -> None:
        seen.append("issued")

    def revoked() -> None:
        seen.append("revoked")

    changes.on_issued(issued)
    changes.on_revoked(revoked)
    token = services.issue(label="x", principal=SOMEBODY).token
    successor = services.rotate(token.id, principal=SOMEBODY).issued.token
    services.revoke(successor.id, principal=SOMEBODY)
    services.revoke(successor.id, principal=SOMEBODY)
    with pytest.raises(TokenNotFound):
        services.revoke("nobody", principal=SOMEBODY)
    changes.forget_issued(issued)
    changes.forget_revoked(revoked)
    changes.announce_issued()
    changes.announce_revoked()
    assert seen == ["issued", "issued", "revoked", "revoked"]
