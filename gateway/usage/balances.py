"""Read from the recorded rows what a ledger has used: how books begin after a start, or when Redis is empty.

Requests and money come from the daily sums; of a period that does not begin at midnight UTC the first part
comes from the exchanges themselves. Batches that still run count with what is held for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from django.db.models import Q, QuerySet, Sum

from gateway.kernel.moments import id_floor
from gateway.models import BatchRow, DailyUsage, ExchangeRow
from tokens.errors import BalancesUnknown
from tokens.limits.book import period_of
from tokens.limits.calendar import Calendar, Period
from tokens.limits.ledger import ZERO, Balance, Ledger
from tokens.records import Limits, currency_of

logger = logging.getLogger(__name__)

UNIT = Decimal("1e-10")
PATIENCE_SECONDS = 5.0
"""The time that a call waits for its token's balances before it is refused."""

OTHERS_WRITE_SECONDS = 1.5
"""After this every process has written what it had when Redis was found empty."""

Flush = Callable[[], Awaitable[bool]]


class Balances:
    """Reads balances for a ledger, each set once at a time. Belongs to one event loop."""

    def __init__(self, ledger: Ledger, calendar: Calendar, flush: Flush, is_shared: bool = False) -> None:
        """Take the ledger and `is_shared`: other processes write rows too, within a second."""
        self._ledger = ledger
        self._calendar = calendar
        self._flush = flush
        self._is_shared = is_shared
        self._flights: dict[str, asyncio.Task[None]] = {}
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._readers: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """Let no book be opened meanwhile: what is changed in rows and books must not be counted twice.

        For one caller at a time.
        """
        self._may_read.clear()
        try:
            if self._readers:
                await asyncio.wait(self._readers)
            yield
        finally:
            self._may_read.set()

    async def provide(self, sets: tuple[Limits, ...]) -> None:
        """Return when the ledger knows all of them. Raises `BalancesUnknown` when that takes too long."""
        flights = [self._flight(limits) for limits in sets]
        done, waiting = await asyncio.wait(flights, timeout=PATIENCE_SECONDS)
        if waiting or any(flight.exception() is not None for flight in done):
            raise BalancesUnknown(sets)

    def _flight(self, limits: Limits) -> asyncio.Task[None]:
        flight = self._flights.get(limits.ledger)
        if flight is None:
            flight = self._flights[limits.ledger] = asyncio.create_task(self._provide(limits))
            flight.add_done_callback(lambda _: self._flights.pop(limits.ledger, None))
        return flight

    async def _provide(self, limits: Limits) -> None:
        await self._may_read.wait()
        reader: asyncio.Task[None] | None = asyncio.current_task()
        if reader is not None:
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        # What is queued, or spooled by an earlier process, is not in the rows yet.
        if not await self._flush():
            raise BalancesUnknown((limits,))
        now = time.time()
        try:
            balance = await self._read(limits, now)
            if self._is_shared and balance.requests:
                await asyncio.sleep(OTHERS_WRITE_SECONDS)
                balance = await self._read(limits, now)
        except (DatabaseError, OSError) as exc:
            logger.warning("The balance of a limit can't be read: %s", type(exc).__name__)
            raise BalancesUnknown((limits,)) from exc
        await self._ledger.seed(limits, balance, now)

    async def _read(self, limits: Limits, now: float) -> Balance:
        reading = database_sync_to_async(read, thread_sensitive=False)
        found: Balance = await reading(limits, self._calendar, now)
        return found


def read(limits: Limits, calendar: Calendar, now: float) -> Balance:
    """Read the balance of one set of limits. Sync, ORM."""
    rows = DailyUsage.objects.filter(_of(limits)).order_by()
    requests = rows.aggregate(total=Sum("sent"))["total"] or 0
    if limits.budget is None:
        return Balance(requests)
    return Balance(requests, _spent(rows, limits, period_of(limits, calendar, now)))


def _spent(rows: QuerySet[DailyUsage], limits: Limits, period: Period) -> Decimal:
    currency = currency_of(limits)
    rows = rows.filter(currency=currency)
    # Before the rows: a batch that another process settles meanwhile is rather counted twice than not at all.
    held = _held(limits, currency, period)
    if period.start <= 0:
        return held + _sum(rows)
    start = datetime.fromtimestamp(period.start, UTC)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if midnight < start:
        midnight += timedelta(days=1)
    spent = held + _sum(rows.filter(day__gte=midnight.date()))
    if midnight == start:
        return spent
    part = ExchangeRow.objects.filter(_of(limits), currency=currency).order_by()
    until = id_floor(midnight.timestamp())
    return spent + _sum(part.filter(pk__gte=id_floor(period.start), pk__lt=until))


def _held(limits: Limits, currency: str, period: Period) -> Decimal:
    """Return what is held for batches of the period that still run."""
    running = BatchRow.objects.filter(_of(limits), currency=currency, settled_at__isnull=True).order_by()
    if period.start > 0:
        running = running.filter(made_at__gte=datetime.fromtimestamp(period.start, UTC))
    return _sum(running, "held")


def _of(limits: Limits) -> Q:
    """Select the rows of a set: a group's has a name, a token's own has none."""
    if limits.name:
        return Q(group_ledger=limits.ledger) | Q(parent_ledger=limits.ledger)
    return Q(ledger_id=limits.ledger)


def _sum(rows: QuerySet[Any], name: str = "cost") -> Decimal:
    total = rows.aggregate(total=Sum(name))["total"]
    return ZERO if total is None else Decimal(total).quantize(UNIT)
