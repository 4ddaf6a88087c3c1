"""Ready accounts of a provider, and the refusal when none is."""

from __future__ import annotations

from accounts.errors import Exhaustion
from accounts.models import Strategy
from accounts.pool.cooldown import CooldownState
from accounts.pool.provider_accounts import ProviderAccounts
from accounts.pool.state import AccountState, Loaded, Terms
from providers.drivers.base import UNKNOWN_MODEL, Scope
from tests.accounts.building import MODEL, START, key_loaded

NOBODY: frozenset[str] = frozenset()


def group(count: int = 3, strategy: str = Strategy.ROUND_ROBIN) -> ProviderAccounts:
    states = [AccountState(n, Terms(f"a{n}", "p", position=n), key_loaded(f"k{n}")) for n in range(count)]
    return ProviderAccounts("p", states, strategy)


def picked(one: ProviderAccounts, now: float = START, model: str = MODEL) -> str | None:
    state = one.pick(model, now, lambda _: True)
    return None if state is None else state.name


def test_members_stand_in_the_operators_order() -> None:
    states = [AccountState(n, Terms(f"a{n}", "p", position=9 - n), key_loaded("k")) for n in range(3)]
    assert [state.name for state in ProviderAccounts("p", states, Strategy.PRIORITY).members] == [
        "a2",
        "a1",
        "a0",
    ]


def test_a_cooldown_counts_as_soon_as_the_group_is_touched_and_ends_by_itself() -> None:
    one = group(2)
    picked(one)
    one.members[0].cooldowns.start(CooldownState(Scope.ACCOUNT, "", START, START + 10, "r"))
    one.touch()
    assert {picked(one) for _ in range(4)} == {"a1"}
    assert {picked(one, START + 10) for _ in range(4)} == {"a0", "a1"}


def test_a_model_on_cooldown_is_left_out_for_that_model_only() -> None:
    one = group(2)
    one.members[0].cooldowns.start(CooldownState(Scope.MODEL, MODEL, START, START + 10, "r"))
    one.members[1].cooldowns.start(CooldownState(Scope.FAMILY, "haiku", START, START + 10, "r"))
    assert {picked(one) for _ in range(4)} == {"a1"}
    assert {picked(one, model="claude-haiku-4-5") for _ in range(4)} == {"a0"}
    assert {picked(one, model="claude-sonnet-5") for _ in range(4)} == {"a0", "a1"}


def test_an_inherited_group_goes_on_where_the_last_one_stood() -> None:
    one = group(3)
    assert picked(one) == "a0"
    for _ in range(5):
        one.breaker.fault(_, START, 3)
    heir = ProviderAccounts("p", one.members, Strategy.ROUND_ROBIN)
    heir.inherit(one)
    assert picked(heir) == "a1" and heir.breaker.is_open(START)


def test_a_refusal_is_remembered_while_all_are_on_cooldown_and_forgotten_when_one_is_cleared() -> None:
    one = group(2)
    for state, seconds in zip(one.members, (10, 20), strict=True):
        state.cooldowns.start(CooldownState(Scope.ACCOUNT, "", START, START + seconds, "r"))
    assert picked(one) is None
    first = one.exhausted(MODEL, START, NOBODY)
    second = one.exhausted(MODEL, START + 4, NOBODY)
    assert (first.until, first.retry_after_seconds) == (START + 10, 10.0)
    assert (second.until, second.retry_after_seconds) == (START + 10, 6.0)
    assert picked(one, START + 10) == "a0"
    one.members[0].cooldowns.start(CooldownState(Scope.ACCOUNT, "", START + 10, START + 99, "r"))
    one.touch()
    assert picked(one, START + 11) is None and one.exhausted(MODEL, START + 11, NOBODY).until == START + 20


def test_accounts_that_cannot_serve_at_all_are_not_waited_for() -> None:
    one = group(1)
    one.members[0].loaded = Loaded(problem="No credential files found in /x")
    refusal = one.exhausted(MODEL, START, NOBODY)
    assert (refusal.until, refusal.reason, refusal.retry_after_seconds) == (None, Exhaustion.UNUSABLE, None)
    assert "/x" not in str(refusal)


def test_a_model_that_no_account_has_is_said_to_be_unknown_and_not_on_cooldown() -> None:
    one = group(2)
    for state in one.members:
        state.cooldowns.start(CooldownState(Scope.MODEL, MODEL, START, START + 3600, UNKNOWN_MODEL))
    assert one.exhausted(MODEL, START, NOBODY).is_unknown_model
    one.members[1].cooldowns.start(CooldownState(Scope.ACCOUNT, "", START, START + 7200, "tired"))
    refusal = one.exhausted(MODEL, START, NOBODY)
    assert (refusal.reason, refusal.until) == (Exhaustion.COOLING, START + 7200)
