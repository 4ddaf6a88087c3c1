"""Choosing accounts: conversations that stay, limits that move only what they must, probes, faults."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.errors import Exhaustion, PoolExhausted
from accounts.models import Strategy
from accounts.pool.lease import Lease
from accounts.pool.pool import PoolOptions
from accounts.pool.state import AccountState, Loaded, Terms
from providers.drivers.base import Scope, Verdict
from providers.upstream import Credential, CredentialKind
from tests.accounts.building import (
    BARE,
    FAULT,
    MODEL,
    OK,
    START,
    UNAUTHORIZED,
    Clock,
    ask,
    call,
    limit,
    memory_pool,
    refused,
)


@pytest.mark.parametrize("strategy", [Strategy.ROUND_ROBIN, Strategy.LEAST_USED, Strategy.WEIGHTED])
def test_a_hundred_conversations_stay_where_they_are(strategy: str) -> None:
    pool = memory_pool(5, options=PoolOptions(strategy=strategy))
    sessions: dict[int, set[str]] = defaultdict(set)
    for _turn in range(20):
        for conversation in range(100):
            sessions[conversation].add(call(pool, session=f"s{conversation}"))
    assert all(len(accounts) == 1 for accounts in sessions.values())
    assert set(Counter(next(iter(accounts)) for accounts in sessions.values()).values()) == {20}


def test_an_account_that_is_limited_moves_its_conversations_once_and_no_others() -> None:
    clock = Clock()
    pool = memory_pool(5, clock)
    before = {number: call(pool, session=f"s{number}") for number in range(100)}
    call(pool, limit(Scope.ACCOUNT, 600), session="s0")
    moved = {number: call(pool, session=f"s{number}") for number in range(100)}
    for number, account in before.items():
        assert (moved[number] != account) == (account == before[0])
    clock.now += 700
    assert {number: call(pool, session=f"s{number}") for number in range(100)} == moved


def test_the_model_that_is_limited_moves_alone() -> None:
    pool = memory_pool(3)
    home = call(pool, session="s")
    assert call(pool, session="s", model="claude-haiku-4-5") == home  # a subagent follows its parent
    call(pool, limit(Scope.FAMILY, 600), session="s")
    away = call(pool, session="s")
    assert away != home
    assert call(pool, session="s", model="claude-haiku-4-5") == home
    assert call(pool, session="s") == away


def test_tokens_do_not_share_conversations() -> None:
    pool = memory_pool(2)
    assert call(pool, session="s", token_id="one") != call(pool, session="s", token_id="two")


def test_idle_conversations_are_forgotten_and_zero_means_no_affinity() -> None:
    clock = Clock()
    pool = memory_pool(2, clock)
    first = call(pool, session="s")
    clock.now += 3601
    assert call(pool, session="s") != first
    loose = memory_pool(2, options=PoolOptions(session_idle_seconds=0))
    assert call(loose, session="s") != call(loose, session="s")


def test_a_busy_account_lets_one_call_go_elsewhere_and_keeps_its_conversation() -> None:
    pool = memory_pool(terms=[Terms(f"a{n}", "anthropic", position=n, max_parallel=1) for n in range(2)])
    lease = pool.choose(ask(session="s"))
    spilled = pool.choose(ask(session="s"))
    assert spilled.account != lease.account
    full = refused(pool, session="s")
    assert (full.reason, full.retry_after_seconds) == (Exhaustion.CAPPED, 1.0)
    lease.release()
    spilled.release()
    assert call(pool, session="s") == lease.account


def test_request_caps_per_window() -> None:
    clock = Clock()
    pool = memory_pool(clock=clock, terms=[Terms("a0", "anthropic", request_caps=((2, 60.0),))])
    call(pool), call(pool)
    full = refused(pool)
    assert full.reason is Exhaustion.CAPPED and full.until is not None and 60 <= full.until - clock.now <= 62
    clock.now = full.until
    call(pool)


def test_a_pinned_token_uses_its_account_or_none() -> None:
    pool = memory_pool(3)
    assert {call(pool, pinned="a1", session=f"s{n}") for n in range(5)} == {"a1"}
    call(pool, limit(Scope.ACCOUNT, 30), pinned="a1")
    assert refused(pool, pinned="a1").until == START + 30
    assert refused(pool, pinned="nobody").reason is Exhaustion.NO_ACCOUNT
    assert refused(pool, pinned="a0", excluded=frozenset(("a0",))).reason is Exhaustion.TRIED


def test_all_out_says_when_the_first_comes_back() -> None:
    pool = memory_pool(3)
    for number, seconds in enumerate((300, 100, 200)):
        call(pool, limit(Scope.ACCOUNT, seconds), pinned=f"a{number}")
    out = refused(pool)
    assert (out.until, out.reason, out.retry_after_seconds) == (START + 100, Exhaustion.COOLING, 100.0)
    assert not out.is_upstream_down and "a0" not in str(out)


def test_excluded_accounts_are_not_tried_again_and_then_it_says_so() -> None:
    pool = memory_pool(3)
    excluded: set[str] = set()
    for _ in range(3):
        excluded.add(call(pool, FAULT, excluded=frozenset(excluded)))
    assert len(excluded) == 3
    assert refused(pool, excluded=frozenset(excluded)).reason is Exhaustion.TRIED
    assert refused(pool, provider="other").reason is Exhaustion.NO_ACCOUNT


def test_after_the_end_one_probe_goes_first_and_its_success_opens_the_rest() -> None:
    clock = Clock()
    pool = memory_pool(1, clock)
    call(pool, limit(Scope.ACCOUNT, 60))
    clock.now += 61
    probe = pool.choose(ask(clock.now))
    assert refused(pool).reason is Exhaustion.COOLING
    pool.report(probe, OK)
    leases = [pool.choose(ask(clock.now)) for _ in range(10)]
    assert len(leases) == 10


def test_a_probe_that_meets_the_limit_again_starts_a_longer_cooldown() -> None:
    clock = Clock()
    pool = memory_pool(1, clock)
    for seconds in (1, 2, 4, 8):
        call(pool, BARE)
        assert refused(pool).until == clock.now + seconds
        clock.now += seconds
    call(pool)
    call(pool, BARE)
    assert refused(pool).until == clock.now + 1


def test_a_probe_whose_client_left_makes_room_for_the_next() -> None:
    clock = Clock()
    pool = memory_pool(1, clock)
    call(pool, limit(Scope.ACCOUNT, 60))
    clock.now += 61
    pool.choose(ask(clock.now)).release()
    assert pool.choose(ask(clock.now))


def test_releasing_twice_does_no_harm() -> None:
    pool = memory_pool(1)
    lease = pool.choose(ask())
    lease.release()
    lease.release()
    assert pool.states()[0].in_flight == 0


def test_has_other_and_has_choice() -> None:
    pool = memory_pool(2)
    assert pool.has_choice("anthropic") and not pool.has_choice("other")
    assert pool.has_other("anthropic", {"a0"}) and not pool.has_other("anthropic", {"a0", "a1"})


def test_an_account_that_never_had_a_credential_gives_no_choice() -> None:
    pool = memory_pool(2)
    first, second = pool.states()
    second.loaded = Loaded()
    assert not pool.has_choice("anthropic")
    second.used = 1  # logged out: the conversations that are bound to it will come back
    assert pool.has_choice("anthropic")
    first.loaded = Loaded()
    assert not pool.has_choice("anthropic")


def test_a_caller_s_own_login_is_lent_once_a_call_and_owes_nothing() -> None:
    own = Credential(CredentialKind.CALLER, "sk-ant-oat01-own", "f")
    pool = memory_pool(1)
    lease = pool.choose(ask(callers=own))
    assert (lease.account, lease.credential, lease.is_expired) == ("", own, False)
    for verdict in (limit(Scope.ACCOUNT, 60), UNAUTHORIZED, FAULT):
        pool.report(lease, verdict)
    pool.release(lease)
    with pytest.raises(PoolExhausted):
        pool.choose(ask(callers=own, excluded=frozenset({""})))
    again = pool.choose(ask(callers=own))
    assert again.credential is own and again.state is not lease.state
    assert not pool.own_keys() and pool.states()[0].used == 0
    assert call(pool) == "a0"


def test_who_holds_a_credential() -> None:
    pool = memory_pool(1)
    assert pool.has_credentials("anthropic") and not pool.has_credentials("other")
    pool.install_states([AccountState(1, Terms("a", "anthropic"), Loaded(problem="no file"))])
    assert pool.has_accounts("anthropic") and not pool.has_credentials("anthropic")


steps = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.sampled_from(
            [OK, OK, OK, BARE, FAULT, UNAUTHORIZED, limit(Scope.ACCOUNT, 30), limit(Scope.FAMILY, 9)]
        ),
        st.sampled_from([0.0, 0.1, 3.0, 40.0, -100.0, 1e6]),
        st.booleans(),
    ),
    max_size=80,
)


@settings(deadline=None)
@given(steps, st.sampled_from(Strategy.values))
def test_whatever_happens_only_open_accounts_are_chosen(
    walk: list[tuple[int, Verdict, float, bool]], strategy: str
) -> None:
    clock = Clock()
    pool = memory_pool(4, clock, PoolOptions(strategy=strategy))
    held: list[Lease] = []
    for session, verdict, gap, is_held in walk:
        clock.now += gap
        try:
            lease = pool.choose(ask(clock.now, session=f"s{session}"))
        except PoolExhausted as out:
            assert out.until is None or out.until >= clock.now - 10
            continue
        for cooldown in lease.state.cooldowns.matching(MODEL):
            assert not cooldown.is_active(clock.now)
        pool.report(lease, verdict)
        held.append(lease)
        if not is_held:
            held.pop().release()
    for lease in held:
        lease.release()
    assert [state.in_flight for state in pool.states()] == [0] * 4


def test_choosing_stays_quick_with_a_thousand_accounts() -> None:
    """Guard against an algorithm that grows with the pool; `bench/pool.py` measures."""
    pool = memory_pool(1000)
    for state in pool.states()[:500]:
        lease = pool.choose(ask(pinned=state.name))
        pool.report(lease, limit(Scope.FAMILY, 900))
        lease.release()
    call(pool)
    started = time.perf_counter()
    for number in range(2000):
        pool.choose(ask(session=f"s{number}")).release()
    assert (time.perf_counter() - started) / 2000 < 500e-6


def test_what_another_account_has_signed_is_remembered_when_a_conversation_moves() -> None:
    pool = memory_pool(2)
    first = pool.choose(ask(session="s"))
    assert not first.is_moved and not first.foreign_messages
    pool.report(first, limit(Scope.ACCOUNT, 600))
    second = pool.choose(ask(session="s"))
    assert second.is_moved and second.account != first.account
    pool.remember_move(second, 3)
    third = pool.choose(ask(session="s"))
    assert not third.is_moved and third.foreign_messages == 3
    stranger = pool.choose(ask(session="another"))
    assert not stranger.is_moved and not stranger.foreign_messages
