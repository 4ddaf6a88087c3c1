"""Sticky sessions: found, bound, kept while an account is merely busy."""

from __future__ import annotations

from accounts.models import Strategy
from accounts.pool.cooldown import CooldownState
from accounts.pool.provider_accounts import ProviderAccounts
from accounts.pool.sessions import NOWHERE, StickySessions
from accounts.pool.state import AccountState, Terms
from providers.drivers.base import Scope
from tests.accounts.building import MODEL, START, ask, key_loaded


def group(count: int = 2) -> ProviderAccounts:
    states = [
        AccountState(n, Terms(f"a{n}", "anthropic", position=n), key_loaded(f"k{n}")) for n in range(count)
    ]
    return ProviderAccounts("anthropic", states, Strategy.ROUND_ROBIN)


def bound() -> tuple[StickySessions, ProviderAccounts]:
    sessions, one = StickySessions(100, 10), group()
    sessions.take(sessions.find(one, ask(session="s")), one.members[0], START)
    return sessions, one


def test_a_new_session_gets_a_key_and_then_its_account() -> None:
    sessions, one = bound()
    assert sessions.find(one, ask(session="s")).state is one.members[0]
    assert sessions.find(one, ask(session="s", model="claude-haiku-4-5")).state is one.members[0]
    assert sessions.find(one, ask(session="other")).before is None


def test_without_a_session_or_a_choice_nothing_is_bound() -> None:
    sessions = StickySessions(100, 10)
    assert sessions.find(group(), ask()) is NOWHERE
    assert sessions.find(group(1), ask(session="s")) is NOWHERE
    assert StickySessions(0, 10).find(group(), ask(session="s")) is NOWHERE


def test_an_account_on_cooldown_gives_the_session_up_and_a_busy_one_does_not() -> None:
    sessions, one = bound()
    assert sessions.find(one, ask(session="s", excluded=frozenset(("a0",)))).key is None
    cooldown = CooldownState(Scope.ACCOUNT, "", START, START + 10, "r")
    one.members[0].cooldowns.start(cooldown)
    moving = sessions.find(one, ask(session="s"))
    assert (moving.state, moving.before) == (None, 0) and moving.key is not None and not moving.is_for_model
    cooldown.probe_until = START + 70
    probing = sessions.find(one, ask(START + 11, session="s"))
    assert (probing.state, probing.key) == (None, None)


def test_a_model_on_cooldown_gets_a_binding_of_its_own() -> None:
    sessions, one = bound()
    one.members[0].cooldowns.start(CooldownState(Scope.MODEL, MODEL, START, START + 10, "r"))
    moving = sessions.find(one, ask(session="s"))
    assert moving.is_for_model and moving.before == 0
    sessions.take(moving, one.members[1], START)
    assert sessions.find(one, ask(session="s")).state is one.members[1]
    assert sessions.find(one, ask(session="s", model="claude-haiku-4-5")).state is one.members[0]


def test_a_removed_account_has_no_sessions() -> None:
    sessions, _ = bound()
    fewer = ProviderAccounts(
        "anthropic", [AccountState(n, Terms(f"a{n}", "anthropic"), key_loaded("k")) for n in (1, 2)], ""
    )
    found = sessions.find(fewer, ask(session="s"))
    assert found.state is None and found.key is not None
