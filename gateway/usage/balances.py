"""What a ledger has used so far, read from the recorded rows: how books begin after a start, or when Redis is empty.

Requests and money come from the daily sums; of a period that does not begin at midnight UTC the first part comes from
the exchanges themselves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from django.db.models import Q, QuerySet, Sum

from gateway.models import DailyUsage, ExchangeRow
from gateway.usage.retention import id_floor
from tokens.errors import BalancesUnknown
from tokens.limits.book import period_of
from tokens.limits.calendar import Calendar, Period
from tokens.limits.ledger import ZERO, Balance, Ledger, currency_of
from tokens.records import Limits

logger = logging.getLogger(__name__)

UNIT = Decimal("1e-10")
PATIENCE_SECONDS = 5.0
"""How long a call waits for its token's balances before it is refused."""

OTHERS_WRITE_SECONDS = 1.5
"""After this every process has written what it had when Redis was found empty."""

Flush = Callable[[], Awaitable[bool]]


class Balances:
    """Reads balances for a ledger, each set once at a time. Belongs to one event loop."""

    def __init__(self, ledger: Ledger, calendar: Calendar, flush: Flush, is_shared: bool = False) -> None:
        """`is_shared`: other processes write rows too, within a second."""
        self._ledger = ledger
        self._calendar = calendar
        self._flush = flush
        self._is_shared = is_shared
        self._flights: dict[str, asyncio.Task[None]] = {}

    async def provide(self, sets: tuple[Limits, ...]) -> None:
        """Returns when the ledger knows all of them. Raises `BalancesUnknown` when that takes too long."""
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
        if (
            not await self._flush()
        ):  # what is queued, or spooled by an earlier process, is not in the rows yet
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
    """Sync, ORM."""
    rows = DailyUsage.objects.filter(_of(limits)).order_by()
    requests = rows.aggregate(total=Sum("sent"))["total"] or 0
    if limits.budget is None:
        return Balance(requests)
    return Balance(requests, _spent(rows, limits, period_of(limits, calendar, now)))


def _spent(rows: QuerySet[DailyUsage], limits: Limits, period: Period) -> Decimal:
    currency = currency_of(limits)
    rows = rows.filter(currency=currency)
    if period.start <= 0:
        return _sum(rows)
    start = datetime.fromtimestamp(period.start, UTC)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if midnight < start:
        midnight += timedelta(days=1)
    spent = _sum(rows.filter(day__gte=midnight.date()))
    if midnight == start:
        return spent
    part = ExchangeRow.objects.filter(_of(limits), currency=currency).order_by()
    until = id_floor(midnight.timestamp())
    return spent + _sum(part.filter(pk__gte=id_floor(period.start), pk__lt=until))


def _of(limits: Limits) -> Q:
    """A group's sets have a name, a token's own have none."""
    if limits.name:
        return Q(group_ledger=limits.ledger) | Q(parent_ledger=limits.ledger)
    return Q(ledger_id=limits.ledger)


def _sum(rows: QuerySet[Any]) -> Decimal:
    total = rows.aggregate(total=Sum("cost"))["total"]
    return ZERO if total is None else Decimal(total).quantize(UNIT)
