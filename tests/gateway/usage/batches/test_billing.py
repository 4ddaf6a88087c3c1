"""Batches between calls, upstreams, rows and a ledger: each process may die between any two steps."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from channels.db import database_sync_to_async

from gateway.batches.models import BatchRow
from gateway.models import ExchangeRow
from gateway.telemetry.counters import Counts
from gateway.telemetry.metrics import Metrics
from gateway.usage.balances import Balances
from gateway.usage.batches import billing, rows
from gateway.usage.batches.asking import Standing, Unknown
from gateway.usage.batches.billing import GIVE_UP_SECONDS, Batches, BatchParts
from gateway.usage.batches.results import Bill
from gateway.usage.prices.copy import Prices
from gateway.usage.prices.table import Price, PriceTable
from tests.gateway.usage.batches.test_results import line
from tests.gateway.usage.contexts import context
from tokens.errors import LedgerUnavailable
from tokens.limits.calendar import Calendar
from tokens.limits.correcting import Correction
from tokens.limits.ledger import Balance
from tokens.limits.memory import MemoryLedger
from tokens.records import Limits

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW = NOON.timestamp()
BUDGET = Limits("t", budget=Decimal(10))
COST = Decimal("0.0003")  # of two results


class Told:
    """An upstream that says this of every batch."""

    def __init__(self, standing: Standing | Exception = Standing.ENDED) -> None:
        self.standing_told = standing
        self.reads = 0

    async def standing(self, row: BatchRow) -> Standing:
        if isinstance(self.standing_told, Exception):
            raise self.standing_told
        return self.standing_told

    async def read(self, row: BatchRow, bill: Bill) -> None:
        self.reads += 1
        await asyncio.sleep(0)
        bill.feed(line() + line())
        bill.finish()


class Worker:
    """One process, with a memory of its own."""

    def __init__(self, upstream: Told) -> None:
        self.ledger, prices = MemoryLedger(Calendar("UTC")), Prices()
        prices.table = PriceTable([Price("claude-x", Decimal(2), Decimal(10))])

        async def flush() -> bool:
            return True

        self.balances = Balances(self.ledger, Calendar("UTC"), flush)
        self.metrics = Metrics()
        told = self.metrics.billed
        self.parts = BatchParts(prices, self.balances, self.ledger, upstream, told)  # type: ignore[arg-type]
        self.batches = Batches(self.parts, lambda: NOW)

    async def spent(self) -> Decimal:
        [state] = await self.ledger.states((BUDGET,), NOW)
        return state.spent


async def made(worker: Worker, name: str = "b1", cost: str = "2.5") -> Any:
    """Make a batch as a call does."""
    found = context(ledger_id="t", token_id="t", provider="p", account="a")
    found.exchange.started_at = NOW
    if cost:
        await worker.batches.hold(found.exchange, Decimal(cost), "USD")
    await worker.batches.made(found, name)
    return found.exchange


async def stored(work: Any) -> Any:
    return await database_sync_to_async(work)()


async def bills() -> list[Decimal | None]:
    return await stored(lambda: list(ExchangeRow.objects.values_list("cost", flat=True)))


async def test_what_was_held_is_replaced_by_what_it_cost() -> None:
    worker = Worker(Told())
    exchange = await made(worker)
    assert worker.batches.kept(exchange) == Decimal("2.5") and worker.batches.kept(exchange) == 0
    await worker.balances.provide((BUDGET,))
    assert await worker.spent() == Decimal("2.5")
    await stored(lambda: rows.due("b1"))
    await worker.batches.turn()
    assert (await bills(), await worker.spent()) == ([COST], COST)
    assert await stored(rows.untold) == []


async def test_the_tokens_of_a_bill_are_counted_by_the_one_process_that_writes_it() -> None:
    one, other = Worker(Told()), Worker(Told())
    await made(one)
    row = await stored(lambda: rows.find("b1"))
    assert row is not None
    await asyncio.gather(one.batches.look(row), other.batches.look(row))
    usage, total = await stored(lambda: ExchangeRow.objects.get()), Counts()
    for worker in (one, other):
        total.add(worker.metrics.counts)
    tokens = total.surfaces["batch"].tokens
    assert (tokens[0], tokens[4]) == (usage.input_tokens, usage.output_tokens) and usage.output_tokens
    assert total.requests == total.surfaces["batch"].requests == 0  # no such call has come by


async def test_a_call_that_made_none_keeps_nothing() -> None:
    worker = Worker(Told())
    exchange = context(ledger_id="t").exchange
    await worker.batches.hold(exchange, Decimal(1), "USD")
    assert [row.held for row in await stored(lambda: list(BatchRow.objects.all()))] == [Decimal(1)]
    assert worker.batches.kept(exchange) == 0
    await worker.batches.turn()
    assert not await stored(BatchRow.objects.exists)


async def test_a_process_that_dies_while_a_batch_is_made_has_what_it_held_billed() -> None:
    dying = Worker(Told())
    exchange = context(ledger_id="t", token_id="t").exchange
    exchange.started_at = NOW
    await dying.batches.hold(exchange, Decimal("2.5"), "USD")  # and nobody hears of it again
    following = Worker(Told())
    await following.balances.provide((BUDGET,))
    await following.batches.turn()
    assert (await bills(), await following.spent()) == ([], Decimal("2.5"))
    following.batches = Batches(following.parts, lambda: NOW + billing.INTENT_SECONDS + 1)
    await following.batches.turn()
    await following.batches.turn()
    [row] = await stored(lambda: list(ExchangeRow.objects.all()))
    assert (row.cost, row.is_estimated, row.failure_message) == (Decimal("2.5"), True, billing.UNKNOWN)
    assert await following.spent() == Decimal("2.5")


async def test_a_batch_that_is_made_takes_the_place_of_the_intention() -> None:
    worker = Worker(Told())
    exchange = await made(worker)
    assert await stored(lambda: list(BatchRow.objects.values_list("pk", flat=True))) == ["b1"]
    assert worker.batches.kept(exchange) == Decimal("2.5")


async def test_where_the_row_of_a_batch_can_not_be_written_the_intention_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker, add = Worker(Told()), rows.add

    def away(row: BatchRow, instead_of: str = "") -> None:
        if instead_of:
            raise OSError
        add(row)

    monkeypatch.setattr(rows, "add", away)
    exchange = await made(worker)
    assert worker.batches.kept(exchange) == Decimal("2.5")
    await worker.batches.turn()
    [row] = await stored(lambda: list(BatchRow.objects.all()))
    assert row.pk == billing.INTENT + exchange.id and row.held == Decimal("2.5")


async def test_who_leaves_while_the_intention_is_written_leaves_none_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker, add = Worker(Told()), rows.add
    is_writing, may_write, has_written = threading.Event(), threading.Event(), threading.Event()

    def slowly(row: BatchRow, instead_of: str = "") -> None:
        is_writing.set()
        assert may_write.wait(60)
        add(row, instead_of)
        has_written.set()

    monkeypatch.setattr(rows, "add", slowly)
    holding = asyncio.create_task(worker.batches.hold(context().exchange, Decimal(1), "USD"))
    assert await asyncio.to_thread(is_writing.wait, 60)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    may_write.set()
    assert await asyncio.to_thread(has_written.wait, 60)
    async with asyncio.timeout(60):
        while await stored(BatchRow.objects.exists):
            await worker.batches.turn()


async def test_several_workers_bill_once() -> None:
    workers = [Worker(Told()) for _ in range(4)]
    await made(workers[0])
    for worker in workers:
        await worker.balances.provide((BUDGET,))
    row = await stored(lambda: rows.find("b1"))
    await asyncio.gather(*(worker.batches.look(row) for worker in workers))
    assert await bills() == [COST]
    # Each of these has a memory of its own: it is the one that has billed which knows.
    assert sorted([await worker.spent() for worker in workers]) == [COST, *[Decimal("2.5")] * 3]


async def test_while_it_runs_nothing_is_billed() -> None:
    for standing in (Standing.RUNNING, Unknown("status 500")):
        upstream = Told(standing)
        worker = Worker(upstream)
        await made(worker)
        await stored(lambda: rows.due("b1"))
        await worker.batches.turn()
        assert await bills() == [] and upstream.reads == 0


@pytest.mark.parametrize(
    ("standing", "age"), [(Standing.GONE, 0), (Unknown("no account"), GIVE_UP_SECONDS + 1)]
)
async def test_what_nobody_can_tell_any_more_is_billed_as_held(standing: Any, age: float) -> None:
    worker = Worker(Told(standing))
    await made(worker)
    worker.batches = Batches(worker.parts, lambda: NOW + age)
    await worker.batches.look(await stored(lambda: rows.find("b1")))
    [row] = await stored(lambda: list(ExchangeRow.objects.all()))
    assert (row.cost, row.is_estimated, row.failure_message) == (Decimal("2.5"), True, billing.UNREADABLE)


async def test_a_worker_that_dies_before_the_ledger_knows_is_followed_by_another() -> None:
    class Away(MemoryLedger):
        async def correct(self, correction: Correction) -> None:
            raise LedgerUnavailable

    dying = Worker(Told())
    await made(dying)
    away = Away(Calendar("UTC"))
    await away.seed(BUDGET, Balance(spent=Decimal("2.5")), NOW)
    dying.batches = Batches(replace(dying.parts, corrector=away), lambda: NOW)
    await stored(lambda: rows.due("b1"))
    await dying.batches.turn()
    assert await bills() == [COST] and len(await stored(rows.untold)) == 1
    following = Worker(Told())
    await following.balances.provide((BUDGET,))
    await following.batches.turn()
    assert (await bills(), await following.spent()) == ([COST], COST)
    assert await stored(rows.untold) == []


async def test_a_token_without_limits_has_bills_too() -> None:
    worker = Worker(Told())
    await made(worker, cost="")
    await worker.batches.look(await stored(lambda: rows.find("b1")))
    assert await bills() == [COST]


async def test_no_book_is_opened_between_rows_and_ledger() -> None:
    worker = Worker(Told())
    await made(worker)
    async with worker.balances.still():
        opening = asyncio.create_task(worker.balances.provide((BUDGET,)))
        await asyncio.sleep(0.05)
        assert not opening.done() and await worker.ledger.marks(["t"]) == {}
    await opening
    assert await worker.spent() == Decimal("2.5")


async def test_the_end_that_a_caller_is_told_wakes_the_biller() -> None:
    upstream = Told()
    worker = Worker(upstream)
    await made(worker)
    await worker.batches.start()
    try:
        await worker.batches.ended("b1")
        async with asyncio.timeout(10):
            while not await bills():
                await asyncio.sleep(0.02)
    finally:
        await worker.batches.aclose()
    assert upstream.reads == 1
