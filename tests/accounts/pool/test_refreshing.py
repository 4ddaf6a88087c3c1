"""Refreshing of leases: another credential once, or a cooldown with its reason."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection

from accounts import services
from accounts.errors import PoolExhausted, RefreshFailed
from accounts.maintenance import RefreshRunner
from accounts.models import Strategy
from accounts.pool.lease import Lease
from accounts.pool.outcomes import UNAUTHORIZED_SECONDS, OutcomeTracker
from accounts.pool.pool import Pool
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.refreshing import Refreshing
from accounts.pool.state import AccountState, Loaded, Terms
from providers.drivers.base import Outcome, Scope, Verdict
from providers.upstream import Credential, CredentialKind
from tests.accounts.building import MODEL, START, Clock, ask
from tests.accounts.refreshing import FIRST, refresher
from tests.fakes.token_endpoint import FakeTokenEndpoint
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)


class Recorded:
    """Refreshing of one lease, with what it asked for."""

    def __init__(self, problem: RefreshFailed | None = None, fresh: str = "") -> None:
        credential = Credential(CredentialKind.OAUTH, "old", "old")
        self.state = AccountState(1, Terms("a1", "anthropic"), Loaded(credential, has_refresh=True))
        self.lease = Lease(self.state, "a1", credential, None, MODEL, START)
        self.problem, self.fresh = problem, fresh
        self.refreshed: list[str] = []
        members = PoolMembers(Clock(), Strategy.ROUND_ROBIN)
        members.install([self.state])
        outcomes = OutcomeTracker(members, 60.0, lambda: 0.0)
        self.refreshing = Refreshing(self._refresh, members, outcomes, self._look_again)

    async def refresh(self) -> bool:
        return await self.refreshing.refresh(self.lease)

    @property
    def cooldowns(self) -> list[tuple[float, str]]:
        return [(one.until, one.reason) for one in self.state.cooldowns.entries.values()]

    async def _refresh(self, account: int, refused: str) -> None:
        self.refreshed.append(refused)
        if self.problem is not None:
            raise self.problem

    def _look_again(self, account: int) -> None:
        if self.fresh:
            credential = Credential(CredentialKind.OAUTH, self.fresh, self.fresh)
            self.state.loaded = Loaded(credential, has_refresh=True)


async def test_a_lease_gets_another_credential_once() -> None:
    one = Recorded(fresh="new")
    assert await one.refresh() and one.lease.credential.secret == "new" and one.refreshed == ["old"]
    assert not await one.refresh() and one.refreshed == ["old"] and one.cooldowns == []


async def test_a_failed_refresh_names_the_end_of_the_cooldown() -> None:
    one = Recorded(RefreshFailed("busy", START + 7))
    assert not await one.refresh() and one.cooldowns == [(START + 7, "busy")]


async def test_a_failed_refresh_is_no_matter_when_another_process_was_quicker() -> None:
    one = Recorded(RefreshFailed("busy", START + 7), fresh="new")
    assert await one.refresh() and one.cooldowns == []


async def test_a_refreshed_credential_that_was_never_taken_is_not_refreshed_again() -> None:
    one = Recorded()
    one.lease.state.refreshed_fingerprint = one.lease.credential.fingerprint
    assert not await one.refresh() and one.refreshed == []
    assert one.cooldowns == [(START + UNAUTHORIZED_SECONDS, "the credential was refused")]


def test_a_pair_is_due_near_its_end_while_it_is_usable() -> None:
    one = Recorded()
    assert one.refreshing.due() == []  # it never ends
    near = replace(one.lease.credential, expires_at=START + 60)
    one.state.loaded = Loaded(near, has_refresh=True)
    assert one.refreshing.due() == [(1, "old")]
    one.state.accept_terms(replace(one.state.terms, is_paused=True))
    assert one.refreshing.due() == []


async def test_a_401_gets_one_new_credential_and_then_a_cooldown(
    endpoint: FakeTokenEndpoint, home: Path
) -> None:
    unauthorized = Verdict(
        Outcome.RETRY_OTHER, Scope.ACCOUNT, needs_refresh=True, reason="upstream returned 401"
    )
    pool = Pool(refresher=RefreshRunner(refresher(endpoint)))
    await asyncio.to_thread(pool.load)
    lease = pool.choose(ask(time.time()))
    assert lease.is_expired
    pool.report(lease, unauthorized)
    assert await pool.refresh(lease)
    assert lease.credential.secret == FIRST
    assert not await pool.refresh(lease)
    lease.release()
    again = pool.choose(ask(time.time()))
    assert again.credential.secret == FIRST and not again.is_expired
    pool.report(again, unauthorized)
    with pytest.raises(PoolExhausted) as out:
        pool.choose(ask(time.time()))
    assert out.value.until is not None and out.value.until > time.time() + 1700


async def test_a_refused_api_key_is_on_cooldown_at_once(endpoint: FakeTokenEndpoint) -> None:
    await asyncio.to_thread(
        services.add, {"name": "k", "source": "api_key", "secret": "sk-ant-api03-k"}, principal=SOMEBODY
    )
    pool = Pool(refresher=RefreshRunner(refresher(endpoint)))
    await asyncio.to_thread(pool.load)
    lease = pool.choose(ask(time.time()))
    assert not await pool.refresh(lease)
    with pytest.raises(PoolExhausted):
        pool.choose(ask(time.time()))
    assert endpoint.requests == []


async def test_without_the_database_nothing_is_refreshed_and_it_says_so(
    endpoint: FakeTokenEndpoint, home: Path
) -> None:
    pool = Pool(refresher=RefreshRunner(refresher(endpoint)))
    await asyncio.to_thread(pool.load)
    lease = pool.choose(ask(time.time()))
    await asyncio.to_thread(run_sql, "ALTER TABLE accounts_account RENAME TO accounts_away")
    try:
        assert not await pool.refresh(lease)
    finally:
        await asyncio.to_thread(run_sql, "ALTER TABLE accounts_away RENAME TO accounts_account")
    assert endpoint.requests == [] and "database is away" in pool.states()[0].last_error
    with pytest.raises(PoolExhausted) as out:
        pool.choose(ask(time.time()))
    assert out.value.until is not None and out.value.until < time.time() + 12


def run_sql(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    connection.close()
