"""Members of a pool: groups by provider, and own keys where there are no accounts."""

from __future__ import annotations

from dataclasses import replace

from accounts.models import Strategy
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.state import AccountState, Loaded, Terms
from tests.accounts.building import MODEL, OWN, START, Clock, key_loaded


def account(number: int, provider: str = "anthropic", **terms: object) -> AccountState:
    values = Terms(f"a{number}", provider, position=number)
    return AccountState(number, replace(values, **terms), key_loaded(f"key-{number}"))  # type: ignore[arg-type]


def members(*states: AccountState) -> PoolMembers:
    made = PoolMembers(Clock(), Strategy.ROUND_ROBIN)
    made.install(states)
    return made


def test_accounts_stand_with_their_providers_and_absent_ones_nowhere() -> None:
    made = members(account(2), account(1), account(3, "other"), account(4, is_absent=True))
    assert [state.name for state in made.states()] == ["a1", "a2", "a3", "a4"]
    names = {name: [one.name for one in group.members] for name, group in made.by_provider.items()}
    assert names == {"anthropic": ["a1", "a2"], "other": ["a3"]}
    assert made.group_of(made.by_id[3]) is made.by_provider["other"]


def test_a_provider_goes_on_where_it_stood_and_gets_the_new_strategy() -> None:
    made = members(account(1), account(2))
    breaker = made.by_provider["anthropic"].breaker
    made.install(made.states(), Strategy.PRIORITY)
    group = made.by_provider["anthropic"]
    assert group.breaker is breaker
    assert {getattr(group.pick(MODEL, START, lambda one: True), "name", "") for _ in range(4)} == {"a1"}
    made.install(made.states())
    group = made.by_provider["anthropic"]
    assert {getattr(group.pick(MODEL, START, lambda one: True), "name", "") for _ in range(4)} == {"a1", "a2"}


def test_a_new_key_or_address_is_a_new_group_and_so_is_one_that_was_forgotten() -> None:
    made = members()
    first = made.own_key("other", OWN, "https://o.test")
    assert made.own_key("other", OWN, "https://o.test") is first
    assert made.group_of(first.members[0]) is first
    assert made.own_key("other", OWN, "https://moved.test") is not first
    assert made.own_key("other", replace(OWN, secret="sk-new"), "https://moved.test") is not first
    held = made.own_key("other", OWN, "https://o.test")
    made.forget_own_key("other")
    assert made.group_of(held.members[0]) is None and made.own_keys() == {}


def test_own_keys_are_hidden_behind_accounts_but_their_breakers_are_known() -> None:
    made = members()
    made.own_key("anthropic", OWN, "")
    assert list(made.own_keys()) == ["anthropic"] and made.breakers() == {"anthropic": False}
    made.install([account(1)])
    assert made.own_keys() == {} and made.breakers() == {"anthropic": False}
    assert made.shut_until("anthropic") is None and made.shut_until("nobody") is None


def test_what_is_to_be_written_down_is_taken_once_and_without_those_that_are_gone() -> None:
    made = members(account(1))
    made.touched |= {1, 9}
    assert [state.name for state in made.take_touched()] == ["a1"] and made.take_touched() == []


def test_credentials_are_looked_for_in_every_account() -> None:
    made = members(account(1), account(2))
    made.by_id[1].loaded = Loaded(problem="no file")
    assert made.has_credentials("anthropic") and not made.has_credentials("other")
