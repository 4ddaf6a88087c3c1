"""Outcome tracking: faults, cooldowns, refusals, warnings and quota windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from accounts.pool.pool import PoolOptions
from accounts.pool.state import Terms
from gateway.kernel.events import Event
from providers.drivers.base import Outcome, QuotaWindow, Scope, Verdict
from tests.accounts.building import (
    FAULT,
    OK,
    OWN,
    START,
    UNAUTHORIZED,
    Clock,
    ask,
    call,
    limit,
    memory_pool,
    refused,
)


def test_upstream_faults_open_the_breaker_for_everybody() -> None:
    clock = Clock()
    pool = memory_pool(2, clock)
    for _ in range(5):
        call(pool, FAULT)
    down = refused(pool)
    assert down.is_upstream_down and down.until == START + 10
    clock.now += 10
    call(pool)
    assert [call(pool) for _ in range(3)]


def test_one_overload_starts_no_cooldown() -> None:
    pool = memory_pool(1)
    call(pool, FAULT)
    assert call(pool)


def test_faults_that_only_one_account_meets_cool_down_that_account_alone() -> None:
    pool = memory_pool(3, options=PoolOptions(session_idle_seconds=0))
    for _ in range(5):
        call(pool, FAULT, pinned="a0")
        call(pool, pinned="a1")
    assert refused(pool, pinned="a0").until == START + 10
    assert {call(pool) for _ in range(6)} == {"a1", "a2"}


def test_a_requests_own_fault_costs_nobody_anything() -> None:
    pool = memory_pool(1)
    for _ in range(20):
        call(pool, Verdict(Outcome.GIVE_UP, reason="upstream returned 400"))
    assert call(pool) and pool.states()[0].last_error == ""


def test_a_401_cools_the_account_down_only_when_the_refreshed_credential_is_refused_too() -> None:
    pool = memory_pool(1)
    call(pool, UNAUTHORIZED)
    lease = pool.choose(ask())
    lease.was_refreshed = True
    pool.report(lease, UNAUTHORIZED)
    assert refused(pool).until == START + 1800


def test_near_a_limit_an_account_is_the_second_choice() -> None:
    clock = Clock()
    pool = memory_pool(3, clock)
    call(pool, replace(OK, is_warning=True), pinned="a1")
    assert {call(pool) for _ in range(6)} == {"a0", "a2"}
    call(pool, limit(Scope.ACCOUNT, 60), pinned="a0")
    call(pool, limit(Scope.ACCOUNT, 60), pinned="a2")
    assert call(pool) == "a1"


def test_the_operators_share_of_a_quota_window() -> None:
    clock = Clock()
    pool = memory_pool(
        clock=clock, terms=[Terms(f"a{n}", "anthropic", position=n, pause_at_percent=80) for n in range(2)]
    )
    window = QuotaWindow("5h", "allowed", 0.85, START + 500)
    call(pool, replace(OK, windows=(window,)), pinned="a0", session="s")
    assert {call(pool) for _ in range(4)} == {"a1"}
    assert refused(pool, pinned="a0").until == START + 500
    clock.now += 501
    assert {call(pool) for _ in range(4)} == {"a0", "a1"}


def test_a_model_that_an_account_lacks_is_on_cooldown_there_only_while_another_may_have_it() -> None:
    lacking = replace(limit(Scope.MODEL, 3600), is_unknown_model=True)
    pool = memory_pool(2)
    first = call(pool, lacking)
    second = call(pool, lacking)
    assert {first, second} == {"a0", "a1"}
    assert {call(pool, lacking) for _ in range(4)} == {second}  # asked again: the vendor's 404 is the answer
    assert call(pool, model="another") in ("a0", "a1")
    alone = memory_pool(1)
    assert [call(alone, lacking) for _ in range(3)] == ["a0"] * 3


# What operators are told


def kinds(told: list[Event]) -> list[tuple[str, str]]:
    return [(event.kind, event.subject) for event in told]


def test_an_account_is_told_to_be_out_once_and_back_once(told: list[Event]) -> None:
    clock = Clock()
    pool = memory_pool(2, clock)
    call(pool, limit(Scope.ACCOUNT, 60), pinned="a0")
    for _ in range(3):  # its probes fail, too
        clock.now += 120
        call(pool, limit(Scope.ACCOUNT, 60, clock.now), pinned="a0")
    assert kinds(told) == [("account-out", "account:a0")]
    details: dict[str, Any] = dict(told[0].details)
    assert (details["until"] - START, details["reason"]) == (60, "upstream returned 429")
    clock.now += 120
    for _ in range(3):
        call(pool, pinned="a0")
    assert kinds(told)[1:] == [("account-back", "account:a0")]


def test_limits_of_one_model_and_calls_that_succeed_are_told_nobody(told: list[Event]) -> None:
    pool = memory_pool(2)
    call(pool, limit(Scope.MODEL, 60), pinned="a0")
    call(pool)
    assert told == []


def test_calls_of_one_burst_are_one_event(told: list[Event]) -> None:
    pool = memory_pool(1)
    leases = [pool.choose(ask()) for _ in range(5)]
    for lease in leases:
        pool.report(lease, limit(Scope.ACCOUNT, 60))
    assert kinds(told) == [("account-out", "account:a0")]


def test_the_breaker_is_told_when_it_opens_and_when_it_closes(told: list[Event]) -> None:
    clock = Clock()
    pool = memory_pool(2, clock)
    for _ in range(5):
        call(pool, FAULT)
    assert kinds(told) == [("breaker-open", "provider:anthropic")]
    assert told[0].details["until"] == START + 10
    clock.now += 10
    call(pool, FAULT)  # the probe fails: still open
    clock.now += 60
    call(pool)
    call(pool)
    assert kinds(told)[1:] == [("breaker-closed", "provider:anthropic")]


def test_a_provider_s_own_key_is_the_provider_s(told: list[Event]) -> None:
    pool = memory_pool(0)
    call(pool, limit(Scope.ACCOUNT, 60), provider="openai", own=OWN, address="https://o.test")
    assert kinds(told) == [("account-out", "provider:openai")]
