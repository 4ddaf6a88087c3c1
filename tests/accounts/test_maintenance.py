"""Maintenance: early refreshes, changed files, cooldowns shared by processes, a database that is away."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest
from django.db import connection

from accounts import services
from accounts.errors import PoolExhausted
from accounts.maintenance import Maintenance, RefreshRunner
from accounts.models import Account
from accounts.pool.pool import Pool
from providers.drivers.base import Outcome, Scope, Verdict
from tests.accounts.building import ask
from tests.accounts.refreshing import FIRST, REFUSED, read_file, refresher, write_file
from tests.fakes.token_endpoint import FakeTokenEndpoint
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_caller_that_leaves_does_not_stop_it(endpoint: FakeTokenEndpoint, home: Path) -> None:
    endpoint.delay_seconds = 0.3
    runner = RefreshRunner(refresher(endpoint))
    number = (await Account.objects.aget()).id
    callers = [asyncio.create_task(runner(number, REFUSED)) for _ in range(50)]
    while not endpoint.requests:
        await asyncio.sleep(0.01)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await runner.aclose()
    assert len(endpoint.requests) == 1
    assert read_file(home)["claudeAiOauth"]["accessToken"] == FIRST


async def test_maintenance_refreshes_before_anybody_has_to_wait(
    endpoint: FakeTokenEndpoint, home: Path
) -> None:
    runner = RefreshRunner(refresher(endpoint))
    pool = Pool(refresher=runner)
    await asyncio.to_thread(pool.load)
    maintenance = Maintenance(pool, runner, interval_seconds=0.05)
    await maintenance.start()
    async with asyncio.timeout(20):
        while pool.choose(ask(time.time())).credential.secret != FIRST:
            await asyncio.sleep(0.02)
    await maintenance.aclose()
    assert len(endpoint.requests) == 1


async def test_maintenance_notices_a_changed_file_within_a_second(
    endpoint: FakeTokenEndpoint, home: Path
) -> None:
    write_file(home, "sk-ant-oat01-a", expires_at=0)
    runner = RefreshRunner(refresher(endpoint))
    pool = Pool(refresher=runner)
    await asyncio.to_thread(pool.load)
    maintenance = Maintenance(pool, runner)
    await maintenance.start()
    write_file(home, "sk-ant-oat01-b", expires_at=0)
    started = time.monotonic()
    async with asyncio.timeout(20):
        while pool.choose(ask(time.time())).credential.secret != "sk-ant-oat01-b":
            await asyncio.sleep(0.02)
    assert time.monotonic() - started < 1.5
    await maintenance.aclose()
    assert endpoint.requests == []


async def test_a_changed_file_is_noticed_while_the_database_does_not_answer(
    endpoint: FakeTokenEndpoint, home: Path
) -> None:
    asked, answered = threading.Event(), threading.Event()

    class Stuck(Pool):
        def share(self) -> None:
            asked.set()
            answered.wait(20)

    write_file(home, "sk-ant-oat01-a", expires_at=0)
    runner = RefreshRunner(refresher(endpoint))
    pool = Stuck(refresher=runner)
    await asyncio.to_thread(pool.load)
    maintenance = Maintenance(pool, runner, interval_seconds=0.05)
    await maintenance.start()
    await asyncio.to_thread(asked.wait, 10)
    write_file(home, "sk-ant-oat01-b", expires_at=0)
    try:
        async with asyncio.timeout(10):
            while pool.choose(ask(time.time())).credential.secret != "sk-ant-oat01-b":
                await asyncio.sleep(0.02)
    finally:
        answered.set()
        await maintenance.aclose()


async def test_three_workers_obey_a_cooldown_that_one_of_them_started(endpoint: FakeTokenEndpoint) -> None:
    await asyncio.to_thread(
        services.add, {"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY
    )
    runners, pools = [], [Pool() for _ in range(3)]
    for pool in pools:
        await asyncio.to_thread(pool.load)
        runners.append(Maintenance(pool, RefreshRunner(refresher(endpoint))))
        await runners[-1].start()
    verdict = Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, time.time() + 60, reason="full")
    pools[0].report(pools[0].choose(ask(time.time())), verdict)
    started = time.monotonic()
    async with asyncio.timeout(20):
        while any(is_open(pool) for pool in pools):
            await asyncio.sleep(0.02)
    assert time.monotonic() - started < 2  # a second, and what a busy machine adds
    for maintenance in runners:
        await maintenance.aclose()


def is_open(pool: Pool) -> bool:
    try:
        pool.choose(ask(time.time())).release()
    except PoolExhausted:
        return False
    return True


async def test_what_could_not_be_written_waits_until_the_database_is_back(
    endpoint: FakeTokenEndpoint,
) -> None:
    await asyncio.to_thread(
        services.add, {"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY
    )
    pool = Pool()
    await asyncio.to_thread(pool.load)
    maintenance = Maintenance(pool, RefreshRunner(refresher(endpoint)), interval_seconds=0.02)
    verdict = Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, time.time() + 60, reason="full")
    pool.report(pool.choose(ask(time.time())), verdict)
    await asyncio.to_thread(run_sql, "ALTER TABLE accounts_cooldown RENAME TO accounts_away")
    await maintenance.start()
    await asyncio.sleep(0.2)
    await asyncio.to_thread(run_sql, "ALTER TABLE accounts_away RENAME TO accounts_cooldown")
    await maintenance.aclose()
    other = Pool()
    await asyncio.to_thread(other.load)
    assert not is_open(other)
    assert (await Account.objects.aget()).used == 1


def run_sql(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    connection.close()
