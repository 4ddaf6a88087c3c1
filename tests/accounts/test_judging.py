"""What answers teach: faults, rests, refusals, warnings and quota windows."""

from __future__ import annotations

from dataclasses import replace

from accounts.core import PoolOptions
from accounts.state import Terms
from providers.drivers.base import Outcome, QuotaWindow, Scope, Verdict
from tests.accounts.building import (
    FAULT,
    OK,
    START,
    UNAUTHORIZED,
    Clock,
    ask,
    call,
    core_pool,
    limit,
    refused,
)


def test_upstream_faults_open_the_breaker_for_everybody() -> None:
    clock = Clock()
    pool = core_pool(2, clock)
    for _ in range(5):
        call(pool, FAULT)
    down = refused(pool)
    assert down.is_upstream_down and down.until == START + 10
    clock.now += 10
    call(pool)
    assert [call(pool) for _ in range(3)]


def test_one_overload_never_rests_anything() -> None:
    pool = core_pool(1)
    call(pool, FAULT)
    assert call(pool)


def test_faults_on_one_accounts_road_rest_that_account_alone() -> None:
    pool = core_pool(3, options=PoolOptions(session_idle_seconds=0))
    for _ in range(5):
        call(pool, FAULT, pinned="a0")
        call(pool, pinned="a1")
    assert refused(pool, pinned="a0").until == START + 10
    assert {call(pool) for _ in range(6)} == {"a1", "a2"}


def test_a_requests_own_fault_costs_nobody_anything() -> None:
    pool = core_pool(1)
    for _ in range(20):
        call(pool, Verdict(Outcome.GIVE_UP, reason="upstream returned 400"))
    assert call(pool) and pool.states()[0].last_error == ""


def test_a_401_rests_the_account_only_when_the_refreshed_credential_is_refused_too() -> None:
    pool = core_pool(1)
    call(pool, UNAUTHORIZED)
    lease = pool.choose(ask())
    lease.was_refreshed = True
    pool.report(lease, UNAUTHORIZED)
    assert refused(pool).until == START + 1800


def test_near_a_limit_an_account_is_the_second_choice() -> None:
    clock = Clock()
    pool = core_pool(3, clock)
    call(pool, replace(OK, is_warning=True), pinned="a1")
    assert {call(pool) for _ in range(6)} == {"a0", "a2"}
    call(pool, limit(Scope.ACCOUNT, 60), pinned="a0")
    call(pool, limit(Scope.ACCOUNT, 60), pinned="a2")
    assert call(pool) == "a1"


def test_the_operators_share_of_a_quota_window() -> None:
    clock = Clock()
    pool = core_pool(
        clock=clock, terms=[Terms(f"a{n}", "anthropic", position=n, pause_at_percent=80) for n in range(2)]
    )
    window = QuotaWindow("5h", "allowed", 0.85, START + 500)
    call(pool, replace(OK, windows=(window,)), pinned="a0", session="s")
    assert {call(pool) for _ in range(4)} == {"a1"}
    assert refused(pool, pinned="a0").until == START + 500
    clock.now += 501
    assert {call(pool) for _ in range(4)} == {"a0", "a1"}


def test_a_model_that_an_account_lacks_rests_there_only_while_another_may_have_it() -> None:
    lacking = replace(limit(Scope.MODEL, 3600), is_unknown_model=True)
    pool = core_pool(2)
    first = call(pool, lacking)
    second = call(pool, lacking)
    assert {first, second} == {"a0", "a1"}
    assert {call(pool, lacking) for _ in range(4)} == {second}  # asked again: the vendor's 404 is the answer
    assert call(pool, model="another") in ("a0", "a1")
    alone = core_pool(1)
    assert [call(alone, lacking) for _ in range(3)] == ["a0"] * 3
