"""How accounts stood before a rehearsal, and stand again after it."""

from __future__ import annotations

from accounts.pool.cooldown import CooldownState
from accounts.pool.pool import Pool
from gateway.kernel.events import Event
from providers.drivers.base import Scope
from tests.accounts.building import FAULT, MODEL, OWN, START, Clock, call, memory_pool

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
    pool = memory_pool(1, clock)
    before = pool.remember("anthropic")
    rehearsed = CooldownState(Scope.ACCOUNT, "", START, START + 900, "rehearsed")
    state = pool.states()[0]
    state.cooldowns.start(rehearsed)
    clock.now += 1
    pool.put_back(before, ("a0",))
    pool._synchronising._outcomes.adopt(state, [(state.fingerprint, rehearsed)])
    assert not state.cooldowns.entries


def test_a_provider_that_nobody_had_called() -> None:
    pool = memory_pool(0, Clock())
    before = pool.remember("other")
    pool.put_back(before, ("",))
    own = pool._members.own_key("other", OWN, "http://o").members[0]
    own.cooldowns.start(CooldownState(Scope.ACCOUNT, "", START, START + 9, "rehearsed"))
    pool.put_back(before, ("",))
    assert not own.cooldowns.entries
