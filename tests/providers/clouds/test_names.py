"""Answers about names are kept, within a bound."""

from __future__ import annotations

from providers.clouds.names import MOST, Names


def test_a_name_is_asked_about_once_and_their_number_has_a_bound() -> None:
    asked: list[bytes] = []

    def ask(name: bytes) -> bool:
        asked.append(name)
        return name.startswith(b"x")

    names = Names(ask)
    assert (names[b"x-1"], names[b"y"], names[b"x-1"]) == (True, False, True)
    assert asked == [b"x-1", b"y"]
    for number in range(2 * MOST):
        assert names[b"x%d" % number]
    assert len(names) <= MOST
