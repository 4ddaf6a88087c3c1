"""Leases and batches of the shared ledger, and its behaviour without Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from tests.fakes.redis import RedisServer
from tests.tokens.limits.kinds import START, Subject, amount, record, shared
from tokens.errors import LedgerUnavailable, LimitExceeded
from tokens.limits import encoding, scripts
from tokens.limits.calendar import Calendar
from tokens.limits.redis import Lost, RedisLedger
from tokens.records import Limits

pytestmark = pytest.mark.redis
OWN = Limits("t", budget=Decimal(10), max_parallel_requests=2)
TOKEN = record(OWN)


@pytest.fixture
def subject(redis_server: RedisServer) -> Iterator[Subject]:
    found = shared(redis_server)
    found.open(TOKEN)
    yield found
    found.close()


def reap(subject: Subject) -> list[Lost]:
    lost: list[Lost] = []
    assert isinstance(subject.ledger, RedisLedger)
    subject.run(subject.ledger.reap(subject.now, lost.append))
    return lost


def test_a_lease_that_ends_keeps_what_was_seen_and_returns_the_rest(subject: Subject) -> None:
    reservation = subject.reserve(TOKEN, amount(10, 100, "4"))
    reservation.progress = lambda: amount(10, 7, "1.5")
    subject.now += 20
    subject.run(subject.ledger.renew(subject.now))
    subject.now += 59
    assert reap(subject) == []
    subject.now += 2
    [lost] = reap(subject)
    assert (lost.note["id"], lost.amount) == (reservation.id, amount(10, 7, "1.5"))
    state = subject.state(OWN)
    assert (state.parallel, state.spent, state.reserved) == (0, Decimal("1.5"), 0)
    assert reap(subject) == []
    subject.settle(reservation, amount(10, 100, "3"))  # its process was only slow: the row is written
    assert subject.state(OWN).spent == Decimal("1.5")


def test_a_lease_that_was_never_renewed_keeps_its_note(subject: Subject) -> None:
    note = {"id": "x", "seen": [10, 0, "0.25"]}
    subject.run(subject.ledger.reserve(TOKEN, amount(10, 5, "1"), subject.now, note))
    subject.now += 61
    [lost] = reap(subject)
    assert lost.amount == amount(10, 0, "0.25")


def test_two_reapers_find_a_lost_call_once(redis_server: RedisServer, subject: Subject) -> None:
    for _ in range(2):
        subject.reserve(TOKEN)
    subject.now += 61
    lost: list[Lost] = []

    async def both() -> None:
        others = [RedisLedger(Redis.from_url(redis_server.url), Calendar("UTC")) for _ in range(4)]
        await asyncio.gather(*(other.reap(subject.now, lost.append) for other in others))

    subject.run(both())
    assert sorted(call.note["id"] for call in lost) == ["call-1", "call-2"]


def test_one_round_trip_for_all_sets(redis_server: RedisServer, subject: Subject) -> None:
    token = record(OWN, Limits("group:1", "a", max_requests=9), Limits("group:2", "b", requests_per_minute=9))
    subject.open(token)
    subject.reserve(token)  # the scripts are loaded
    with SyncRedis.from_url(redis_server.url) as client:
        before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        subject.reserve(token)
        after = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert after == before + 1


def test_scripts_are_loaded_again_when_redis_forgot_them(redis_server: RedisServer, subject: Subject) -> None:
    running = subject.reserve(TOKEN)
    with SyncRedis.from_url(redis_server.url) as client:
        client.script_flush()
        subject.settle(running)
        client.script_flush()
        subject.reserve(TOKEN)
    assert subject.state(OWN).parallel == 1


def test_admitted_together_from_many_processes_never_too_many(
    redis_server: RedisServer, subject: Subject
) -> None:
    async def ask(ledger: RedisLedger, number: int) -> bool:
        try:
            await ledger.reserve(TOKEN, amount(cost="1"), START, {"id": f"n{number}"})
        except LimitExceeded:
            return False
        return True

    async def all_at_once() -> list[bool]:
        ledgers = [RedisLedger(Redis.from_url(redis_server.url), Calendar("UTC")) for _ in range(5)]
        return await asyncio.gather(*(ask(ledgers[n % 5], n) for n in range(50)))

    assert sum(subject.run(all_at_once())) == 2


async def test_without_redis() -> None:
    ledger = RedisLedger(Redis.from_url("unix:///nowhere.sock"), Calendar("UTC"))
    with pytest.raises(LedgerUnavailable):
        await ledger.reserve(TOKEN, amount(), START, {})
    with pytest.raises(LedgerUnavailable):
        await ledger.states((OWN,), START)
    ledger.forget("t")
    with pytest.raises(LedgerUnavailable):
        await ledger.flush()
    assert ledger.queued == 1


class LosesOne(RedisLedger):
    """Ledger whose first write swallows a cancellation, as `asyncio.wait_for` can do."""

    has_begun = False

    async def flush(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        else:
            await super().flush()


async def test_a_lost_cancellation_does_not_keep_it_from_closing(redis_server: RedisServer) -> None:
    ledger = LosesOne(Redis.from_url(redis_server.url), Calendar("UTC"))
    await ledger.start(lambda lost: None)
    ledger.forget("t")
    while not ledger.has_begun:
        await asyncio.sleep(0)
    await asyncio.wait_for(ledger.aclose(), 5)
    assert ledger.queued == 0


def test_a_clock_that_is_years_wrong_does_not_stop_redis(subject: Subject) -> None:
    for shift in (10**9, -(10**9), 10**8, 0):
        subject.now = START + shift
        subject.give_back(subject.reserve(TOKEN))
    assert subject.state(OWN).parallel == 0


def test_absurd_figures_are_refused_like_others(subject: Subject) -> None:
    token = record(Limits("absurd", output_tokens_per_minute=100, budget=Decimal(10)))
    subject.open(token)
    for estimate in (amount(10**30, 10**30), amount(1, 1, "1e30")):
        with pytest.raises(LimitExceeded) as refused:
            subject.reserve(token, estimate)
        assert refused.value.is_final
    unlimited = record(Limits("counts requests", max_requests=5))
    subject.open(unlimited)
    subject.settle(subject.reserve(unlimited, amount(10**30, 10**30)), amount(10**30, 10**30))
    subject.reserve(unlimited)


def test_a_note_with_half_a_character_is_kept(subject: Subject) -> None:
    note = {"id": "x", "model_asked": "caf\u00e9 \ud800"}
    subject.run(subject.ledger.reserve(TOKEN, amount(), subject.now, note))
    subject.now += 61
    [lost] = reap(subject)
    assert lost.note["model_asked"] == note["model_asked"]


def test_money_travels_whole() -> None:
    for text in ("0", "0.0000000001", "12.5", "9999999999.9999999999"):
        assert encoding.amount_of(*encoding.parts_of(Decimal(text))) == Decimal(text)
    assert encoding.parts_of(Decimal("0.00000000011")) == (0, 2)  # finer than the row: rounded up


def test_each_script_has_a_name_of_its_own() -> None:
    every = (scripts.RESERVE, scripts.SETTLE, scripts.SEED, scripts.STATES, scripts.RENEW)
    assert len({script.sha for script in every}) == 5


async def test_a_flush_waits_for_what_is_being_written(redis_server: RedisServer) -> None:
    class Slow(RedisLedger):
        written = 0

        async def _write_batch(self, batch: Any) -> None:
            await asyncio.sleep(0.05)
            self.written += len(batch)

    ledger = Slow(Redis.from_url(redis_server.url), Calendar("UTC"))
    ledger.forget("t")
    first = asyncio.create_task(ledger.flush())
    await asyncio.sleep(0)
    assert ledger.queued == 0 and ledger.written == 0
    await ledger.flush()
    assert ledger.written == 1
    await first
