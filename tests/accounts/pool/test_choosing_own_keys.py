"""Choosing for providers without accounts, which are called with their own keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accounts.errors import Exhaustion, PoolExhausted
from providers.drivers.base import Scope
from tests.accounts.building import FAULT, OK, OWN, START, Clock, ask, limit, memory_pool


def test_a_provider_without_accounts_is_called_with_its_own_key() -> None:
    pool = memory_pool(1)
    with pytest.raises(PoolExhausted) as out:
        pool.choose(ask(provider="other"))
    assert out.value.reason is Exhaustion.NO_ACCOUNT
    lease = pool.choose(ask(provider="other", own=OWN))
    assert (lease.account, lease.credential) == ("", OWN)
    lease.release()
    assert [state.name for state in pool.states()] == ["a0"]
    assert pool.choose(ask(own=OWN)).account == "a0"  # accounts go first
    with pytest.raises(PoolExhausted):
        pool.choose(ask(provider="other", own=OWN, pinned="a0"))


def test_cooldowns_and_the_breaker_hold_for_an_own_key_and_a_new_key_owes_nothing() -> None:
    clock = Clock()
    pool = memory_pool(0, clock)
    lease = pool.choose(ask(provider="other", own=OWN))
    pool.report(lease, limit(Scope.ACCOUNT, 30))
    lease.release()
    with pytest.raises(PoolExhausted) as out:
        pool.choose(ask(provider="other", own=OWN))
    assert out.value.until is not None and START + 30 <= out.value.until < START + 32
    fresh = replace(OWN, secret="sk-new", fingerprint="new-1")
    for _ in range(5):
        lease = pool.choose(ask(provider="other", own=fresh))
        pool.report(lease, FAULT)
        lease.release()
    with pytest.raises(PoolExhausted) as out:
        pool.choose(ask(provider="other", own=fresh))
    assert out.value.is_upstream_down
    assert pool.choose(ask(provider="other", own=fresh, address="https://moved")).credential == fresh
    with pytest.raises(PoolExhausted):
        for _ in range(6):
            pool.report(pool.choose(ask(provider="other", own=fresh)), FAULT)
    clock.now += 11
    lease = pool.choose(ask(clock.now, provider="other", own=fresh))
    pool.report(lease, OK)
    lease.release()
    assert pool.choose(ask(clock.now, provider="other", own=fresh)).credential == fresh
