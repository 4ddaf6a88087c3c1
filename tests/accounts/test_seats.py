"""Seats of conversations: found, taken, kept while an account is merely busy."""

from __future__ import annotations

from accounts.cooldown import Rest
from accounts.group import Group
from accounts.models import Strategy
from accounts.seats import NOWHERE, Seats
from accounts.state import AccountState, Terms
from providers.drivers.base import Scope
from tests.accounts.building import MODEL, START, ask, key_loaded


def group(count: int = 2) -> Group:
    states = [
        AccountState(n, Terms(f"a{n}", "anthropic", position=n), key_loaded(f"k{n}")) for n in range(count)
    ]
    return Group("anthropic", states, Strategy.ROUND_ROBIN)


def seated() -> tuple[Seats, Group]:
    seats, one = Seats(100, 10), group()
    seats.take(seats.find(one, ask(session="s")), one.members[0], START)
    return seats, one


def test_a_new_session_gets_a_key_and_then_its_seat() -> None:
    seats, one = seated()
    assert seats.find(one, ask(session="s")).state is one.members[0]
    assert seats.find(one, ask(session="s", model="claude-haiku-4-5")).state is one.members[0]
    assert seats.find(one, ask(session="other")).before is None


def test_without_a_session_or_a_choice_there_are_no_seats() -> None:
    seats = Seats(100, 10)
    assert seats.find(group(), ask()) is NOWHERE
    assert seats.find(group(1), ask(session="s")) is NOWHERE
    assert Seats(0, 10).find(group(), ask(session="s")) is NOWHERE


def test_an_account_at_rest_gives_the_seat_up_and_a_busy_one_does_not() -> None:
    seats, one = seated()
    assert seats.find(one, ask(session="s", excluded=frozenset(("a0",)))).key is None
    rest = Rest(Scope.ACCOUNT, "", START, START + 10, "r")
    one.members[0].rests.start(rest)
    moving = seats.find(one, ask(session="s"))
    assert (moving.state, moving.before) == (None, 0) and moving.key is not None and not moving.is_for_model
    rest.probe_until = START + 70
    probing = seats.find(one, ask(START + 11, session="s"))
    assert (probing.state, probing.key) == (None, None)


def test_a_model_at_rest_gets_a_seat_of_its_own() -> None:
    seats, one = seated()
    one.members[0].rests.start(Rest(Scope.MODEL, MODEL, START, START + 10, "r"))
    moving = seats.find(one, ask(session="s"))
    assert moving.is_for_model and moving.before == 0
    seats.take(moving, one.members[1], START)
    assert seats.find(one, ask(session="s")).state is one.members[1]
    assert seats.find(one, ask(session="s", model="claude-haiku-4-5")).state is one.members[0]


def test_a_removed_account_has_no_seats() -> None:
    seats, _ = seated()
    fewer = Group(
        "anthropic", [AccountState(n, Terms(f"a{n}", "anthropic"), key_loaded("k")) for n in (1, 2)], ""
    )
    found = seats.find(fewer, ask(session="s"))
    assert found.state is None and found.key is not None
