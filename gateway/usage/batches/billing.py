"""Bill batches: held for when they are made, billed once when their results are there, whoever looks first.

Results are read off the calls' way, by whichever worker claims the batch: a while after it was made, again and again,
and at once when a caller was told that it has ended. The table decides who bills: its row is closed in the
transaction that writes the usage. Ledgers are told afterwards, and again by the next process if this one dies between.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TypeVar

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from accounts.errors import PoolExhausted
from gateway.batches.models import BatchRow
from gateway.exchange.context import CallContext
from gateway.exchange.exchange import Exchange
from gateway.usage.balances import Balances
from gateway.usage.batches import rows
from gateway.usage.batches.asking import Standing, Unknown, Upstreams
from gateway.usage.batches.requests import PATH, is_about
from gateway.usage.batches.results import Bill, TooLong
from gateway.usage.batches.rows import Settlement
from gateway.usage.batches.telling import BatchTap
from gateway.usage.prices.copy import Prices
from providers.dialects.types import FailureKind, Usage
from tokens.errors import LedgerUnavailable
from tokens.limits.correcting import Correction, Corrector
from tokens.limits.ledger import ZERO

logger = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
FIRST_LOOK_SECONDS = 60.0
PATIENCE_SECONDS = 20.0
"""How long the deletion of a batch waits for its results to be read."""
GIVE_UP_SECONDS = 30 * 86_400
"""Vendors keep results for 29 days."""
AWAY = (DatabaseError, OSError)
INTENT = "intent:"
INTENT_SECONDS = 7200.0
"""Longer than any call lives: whose batch is not known by then has died with its process."""
UNKNOWN = "The gateway ended while this batch was being made, so nobody knows whether it was: billed as held"
UNREADABLE = "The results of this batch could not be read: billed as held"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Held:
    cost: Decimal
    currency: str
    is_made: bool = False  # from then on a row answers for it
    intent: str = ""  # key of the row that says that a batch may be made


NOTHING_HELD = _Held(ZERO, "")


@dataclass(frozen=True, slots=True)
class BatchParts:
    """What bills are made with."""

    prices: Prices
    balances: Balances
    corrector: Corrector
    upstreams: Upstreams
    billed: Callable[[Exchange], None]  # hears of each row of usage that a bill has written


class Batches:
    """Batches of one event loop: `start` begins to look after those that run."""

    def __init__(self, parts: BatchParts, clock: Callable[[], float] = time.time) -> None:
        self._parts = parts
        self._clock = clock
        self._held: dict[str, _Held] = {}  # by the id of the call that makes the batch
        self._dropped: set[str] = set()  # keys of intentions that came to nothing, until their rows are gone
        self._wake = asyncio.Event()
        self._billing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look after batches."""
        self._task = asyncio.create_task(self._look_after(), name="batches")

    async def aclose(self) -> None:
        """End what runs: another process, or the next one, goes on."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        with contextlib.suppress(*AWAY):
            await self._drop_rows()

    async def hold(self, exchange: Exchange, cost: Decimal, currency: str) -> None:
        """Remember what a call that makes a batch holds, until the batch is made or the call has ended.

        A row says so before anything is sent: should this process die, what is held is billed.
        """
        held = _Held(cost, currency)
        if cost:
            row = self._row(INTENT + exchange.id, exchange, held, INTENT_SECONDS)
            adding = asyncio.ensure_future(_in_thread(lambda: rows.add(row)))
            try:
                await asyncio.shield(adding)
                held = replace(held, intent=row.pk)
            except AWAY as exc:
                logger.error("A batch may be made without a row (%s)", type(exc).__name__)
            except asyncio.CancelledError:
                adding.add_done_callback(lambda _: self._drop(row.pk))
                raise
        self._held[exchange.id] = held

    def kept(self, exchange: Exchange) -> Decimal:
        """Return what remains charged when the call has ended: what is held for the batch it has made."""
        held = self._held.pop(exchange.id, NOTHING_HELD)
        if held.is_made:
            return held.cost
        if held.intent:
            self._drop(held.intent)
        return ZERO

    def _drop(self, intent: str) -> None:
        self._dropped.add(intent)
        self._wake.set()

    async def _drop_rows(self) -> None:
        """Delete the rows of intentions that came to nothing. Raises the database's errors."""
        for intent in tuple(self._dropped):
            await _in_thread(partial(rows.drop, intent))
            self._dropped.discard(intent)

    def tap(self, context: CallContext) -> BatchTap | None:
        """Return who hears what an answer says of a batch."""
        return BatchTap(self, context) if is_about(context.call) else None

    async def made(self, context: CallContext, name: str) -> None:
        """Remember a batch that has been made, before its maker hears of it."""
        exchange = context.exchange
        held = self._held.get(exchange.id, NOTHING_HELD)
        row = self._row(name, exchange, held, FIRST_LOOK_SECONDS)
        try:
            await _in_thread(lambda: rows.add(row, instead_of=held.intent))
        except AWAY as exc:
            how = "it is billed as held" if held.intent else "it can't be billed"
            logger.error("The batch %s has no row (%s): %s", name, type(exc).__name__, how)
            if not held.intent:
                return
        if exchange.id in self._held:
            self._held[exchange.id] = replace(held, is_made=True)

    def _row(self, name: str, exchange: Exchange, held: _Held, seconds: float) -> BatchRow:
        """Return the row of a batch that is looked at in so many seconds."""
        return BatchRow(
            id=name,
            made_at=datetime.fromtimestamp(exchange.started_at, UTC),
            look_at=datetime.fromtimestamp(self._clock() + seconds, UTC),
            provider=exchange.provider,
            account=exchange.account,
            token_id=exchange.token_id,
            token_label=exchange.token_label,
            ledger_id=exchange.ledger_id,
            group_ledger=exchange.group_ledger,
            parent_ledger=exchange.parent_ledger,
            held=held.cost,
            currency=held.currency,
        )

    async def ended(self, name: str) -> None:
        """Have a batch billed soon: its maker has been told that its results are there."""
        with contextlib.suppress(*AWAY):
            await _in_thread(lambda: rows.due(name))
            self._wake.set()

    async def before(self, context: CallContext) -> None:
        """Bill a batch that is about to be deleted, with its results."""
        call = context.call
        if call.method != "DELETE" or not is_about(call):
            return
        name = call.path[len(PATH) + 1 :].decode("latin-1")
        with contextlib.suppress(TimeoutError, *AWAY):
            async with asyncio.timeout(PATIENCE_SECONDS):
                row = await _in_thread(lambda: rows.find(name))
                if row is not None:
                    await self.look(row)

    async def _look_after(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.turn()
            except Exception:
                logger.exception("Batches could not be looked after; they will be again")

    async def turn(self) -> None:
        """Look at the batches whose time has come, and tell ledgers what they do not know yet."""
        now = self._clock()
        try:
            await self._drop_rows()
            for row in await _in_thread(rows.untold):
                await self._tell(row)
            while claimed := await _in_thread(lambda: rows.claim(now)):
                for row in claimed:
                    await self.look(row)
            await _in_thread(lambda: rows.prune(now))
        except (*AWAY, LedgerUnavailable) as exc:
            logger.warning("Batches wait to be billed: %s", type(exc).__name__)

    async def look(self, row: BatchRow) -> None:
        """Ask how a batch stands, and bill it if it has ended. Raises the database's errors, `LedgerUnavailable`."""
        if row.pk.startswith(INTENT):
            logger.warning("%s (call %s, token %s)", UNKNOWN, row.pk.removeprefix(INTENT), row.token_id)
            await self._settle(row, _exchanges(row, None, UNKNOWN))
            return
        bill, standing = Bill(self._parts.prices.table, row.provider), Standing.RUNNING
        try:
            standing = await self._parts.upstreams.standing(row)
            if standing is Standing.ENDED:
                await self._parts.upstreams.read(row, bill)
        except (Unknown, PoolExhausted, TooLong) as exc:
            standing = Standing.RUNNING
            logger.info("The batch %s can't be billed yet: %s", row.pk, exc or type(exc).__name__)
        if standing is Standing.RUNNING and self._clock() - row.made_at.timestamp() < GIVE_UP_SECONDS:
            return
        if standing is not Standing.ENDED:
            logger.warning("The batch %s is billed as held: its results are not to be had", row.pk)
        await self._settle(row, _exchanges(row, bill if standing is Standing.ENDED else None))

    async def _settle(self, row: BatchRow, exchanges: list[Exchange]) -> None:
        """Write what a batch has cost, once over all processes, and tell the ledgers."""
        currency = row.currency or next((one.currency for one in exchanges if one.currency), "")
        spent = sum((one.cost or ZERO for one in exchanges if one.currency == currency), ZERO)
        ledgers = [name for name in (row.ledger_id, row.group_ledger, row.parent_ledger) if name]
        async with self._billing, self._parts.balances.still():
            marks = await self._parts.corrector.marks(ledgers)
            settlement = Settlement(exchanges, spent - row.held, currency, marks)
            now = self._clock()
            if not await _in_thread(lambda: rows.settle(row, settlement, now)):
                return
            for exchange in exchanges:
                self._parts.billed(exchange)
            row.difference, row.currency, row.marks = settlement.difference, currency, marks
            await self._tell(row)

    async def _tell(self, row: BatchRow) -> None:
        """Tell the ledgers in use what a batch has cost beside what was held."""
        correction = Correction(
            row.pk, row.marks, row.difference or ZERO, row.currency, row.made_at.timestamp()
        )
        if correction.difference and correction.marks:
            await self._parts.corrector.correct(correction)
        await _in_thread(lambda: rows.told(row.pk))


def _exchanges(row: BatchRow, bill: Bill | None, why: str = UNREADABLE) -> list[Exchange]:
    """Return the rows of usage: one for each model of the bill; without one, what was held, and why."""
    found = []
    for model, total in ({} if bill is None else bill.totals).items():
        exchange = rows.exchange_of(row, model)
        exchange.usage, exchange.cost, exchange.currency = total.usage, total.cost, total.currency
        found.append(exchange)
    if bill is None:
        exchange = rows.exchange_of(row, "")
        exchange.failure_kind, exchange.failure_message = FailureKind.UPSTREAM, why
        exchange.usage = Usage(is_estimated=True)
        exchange.cost, exchange.currency = (row.held, row.currency) if row.currency else (None, "")
        found.append(exchange)
    return found


async def _in_thread(work: Callable[[], Result]) -> Result:
    reading: Callable[[], Awaitable[Result]] = database_sync_to_async(work, thread_sensitive=False)
    return await reading()
