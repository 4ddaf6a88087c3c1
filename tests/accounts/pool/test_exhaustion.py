"""Why no account can be had: the reason that ends soonest, in words for the caller."""

from __future__ import annotations

from accounts.errors import Exhaustion
from accounts.pool.cooldown import CooldownState
from accounts.pool.exhaustion import exhausted, why_not
from accounts.pool.state import AccountState, Loaded, Terms
from providers.drivers.base import UNKNOWN_MODEL, Scope
from tests.accounts.building import MODEL, START, key_loaded

NOBODY: frozenset[str] = frozenset()


def account(name: str, until: float = 0.0, reason: str = "full") -> AccountState:
    state = AccountState(1, Terms(name, "anthropic"), key_loaded(name))
    if until:
        state.cooldowns.start(CooldownState(Scope.MODEL, MODEL, START, until, reason))
    return state


def test_nothing_keeps_a_free_account_from_a_call() -> None:
    assert why_not(account("a"), MODEL, START) == (START, None, "")


def test_the_cooldown_that_ends_first_is_named() -> None:
    out = exhausted([account("a", START + 90), account("b", START + 30)], MODEL, START, NOBODY)
    assert (out.until, out.reason) == (START + 30, Exhaustion.COOLING) and "full" in str(out)


def test_an_account_that_may_know_the_model_outweighs_those_that_do_not() -> None:
    members = [account("a", START + 30, UNKNOWN_MODEL), account("b", START + 90)]
    assert exhausted(members, MODEL, START, NOBODY).reason is Exhaustion.COOLING
    assert exhausted(members[:1], MODEL, START, NOBODY).reason is Exhaustion.UNKNOWN_MODEL


def test_what_was_tried_is_not_waited_for() -> None:
    out = exhausted([account("a"), account("b", START + 30)], MODEL, START, frozenset(("a",)))
    assert (out.until, out.reason) == (None, Exhaustion.TRIED)


def test_accounts_without_a_credential_are_no_reason_to_wait() -> None:
    lost = AccountState(1, Terms("a", "anthropic"), Loaded())
    assert exhausted([lost], MODEL, START, NOBODY).reason is Exhaustion.UNUSABLE
