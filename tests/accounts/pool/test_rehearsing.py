"""How accounts stood before a rehearsal, and stand again after it."""

from __future__ import annotations

from accounts.pool.cooldown import CooldownState
from accounts.pool.outcomes import OutcomeTracker
from accounts.pool.pool import Pool
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.rehearsing import Rehearsing
from accounts.pool.state import AccountState, Terms
from gateway.kernel.events import Event
from providers.drivers.base import Scope
from tests.accounts.building import FAULT, MODEL, OWN, START, Clock, ask, call, key_loaded, memory_pool

A = ("a0", "a1")


def held(pool: Pool) -> list[list[tuple[str, float]]]:
    states = pool.states()
    return [[(each.value, each.until) for each in state.cooldowns.entries.values()] for state in states]


def test_what_came_goes_and_what_was_there_is_there_again(told: list[Event]) -> None:
    pool = memory_pool(2, Clock())
    first = pool.states()[0]
    first.cooldowns.start(CooldownState(Scope.MODEL, MODEL, START - 5, START + 5, "real"))
    first.last_error = "real"
    before, stood = pool.remember("anthropic"), held(pool)
    first.cooldowns.start(CooldownState(Scope.MODEL, MODEL, START, START + 900, "rehearsed", 2))
    first.cooldowns.start(CooldownState(Scope.ACCOUNT, "", START, START + 900, "rehearsed"))
    first.is_out, first.faults_in_row = True, 3
    pool.put_back(before, A)
    assert held(pool) == stood and (first.last_error, first.faults_in_row, first.is_out) == ("real", 0, False)
    assert [event.kind for event in told] == ["account-back"]
    first.cooldowns.entries[Scope.MODEL, MODEL].until = 0.0
    assert before.accounts[first.id].cooldowns[0].until == START + 5, "what is remembered is nobody else's"


def test_only_who_met_the_fault_and_the_breaker(told: list[Event]) -> None:
    pool = memory_pool(2, Clock())
    before = pool.remember("anthropic")
    for _ in range(5):
        call(pool, FAULT)
    assert pool.failing() == {"anthropic"}
    second = pool.states()[1]
    second.cooldowns.start(CooldownState(Scope.ACCOUNT, "", START, START + 9, "real"))
    pool.put_back(before, ("a0",))
    assert pool.failing() == frozenset() and second.cooldowns.on_account() is not None
    assert "breaker-closed" in [event.kind for event in told]


def test_another_process_has_nothing_to_learn_afterwards() -> None:
    clock = Clock()
    members = PoolMembers(clock, "round-robin")
    state = AccountState(1, Terms("a0", "anthropic"), key_loaded("key-of-a0"))
    members.install([state])
    outcomes = OutcomeTracker(members, 60.0, lambda: 0.0)
    rehearsing = Rehearsing(members, outcomes)
    before = rehearsing.remember("anthropic")
    rehearsed = CooldownState(Scope.ACCOUNT, "", START, START + 900, "rehearsed")
    state.cooldowns.start(rehearsed)
    clock.now += 1
    rehearsing.put_back(before, ("a0",))
    outcomes.adopt(state, [(state.fingerprint, rehearsed)])
    assert not state.cooldowns.entries
    assert outcomes.take_unsaved() == {(1, rehearsed.key): None}, "its row goes"


def test_a_provider_that_nobody_had_called() -> None:
    pool = memory_pool(0, Clock())
    before = pool.remember("other")
    pool.put_back(before, ("",))
    pool.choose(ask(START, provider="other", own=OWN, address="http://o")).release()
    own = pool.own_keys()["other"]
    own.cooldowns.start(CooldownState(Scope.ACCOUNT, "", START, START + 9, "rehearsed"))
    pool.put_back(before, ("",))
    assert not own.cooldowns.entries
