"""Read from the recorded rows what a ledger has used: how books begin after a start, or when Redis is empty.

Requests and money come from the daily sums; of a period that does not begin at midnight UTC the first part
comes from the exchanges themselves. Batches that still run count with what is held for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from django.db.models import Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

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
    return read_all((limits,), calendar, now)[0]


def read_all(sets: Sequence[Limits], calendar: Calendar, now: float) -> list[Balance]:
    """Read the balances of some sets of limits, in order, in three queries at most. Sync, ORM."""
    if not sets:
        return []
    parts = [_Part(limits, period_of(limits, calendar, now)) for limits in sets]
    budgets = [(place, part) for place, part in enumerate(parts) if part.limits.budget is not None]
    # Before the rows: a batch that another process settles meanwhile is rather counted twice than not at all.
    held = _read([part.held(place) for place, part in budgets])
    begun = _read([part.begun(place) for place, part in budgets if part.midnight != part.start])
    days = _read([part.days(place) for place, part in enumerate(parts)])
    return [
        Balance(
            days.get(place, NOTHING)[0],
            held.get(place, NOTHING)[1] + begun.get(place, NOTHING)[1] + days.get(place, NOTHING)[1]
            if part.limits.budget is not None
            else ZERO,
        )
        for place, part in enumerate(parts)
    ]


NOTHING = (0, ZERO)


class _Part:
    """What is asked for one set; answers come with the set's place."""

    def __init__(self, limits: Limits, period: Period) -> None:
        self.limits = limits
        self.currency = currency_of(limits)
        self.start = datetime.fromtimestamp(period.start, UTC) if period.start > 0 else None
        self.midnight = self.start
        if self.start is not None:
            day = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
            self.midnight = day if day == self.start else day + timedelta(days=1)

    def days(self, place: int) -> QuerySet[Any, Any]:
        """Ask for the requests of all days, and for the money of whole days of the period."""
        counted = Q(currency=self.currency)
        if self.midnight is not None:
            counted &= Q(day__gte=self.midnight.date())
        rows = DailyUsage.objects.filter(_of(self.limits))
        return _placed(rows, place, Coalesce(Sum("sent"), 0), Sum("cost", filter=counted))

    def begun(self, place: int) -> QuerySet[Any, Any]:
        """Ask for the money of the period before its first midnight."""
        rows = ExchangeRow.objects.filter(_of(self.limits), currency=self.currency)
        if self.start is not None and self.midnight is not None:
            first, end = self.start.timestamp(), self.midnight.timestamp()
            rows = rows.filter(pk__gte=id_floor(first), pk__lt=id_floor(end))
        return _placed(rows, place, Value(0), Sum("cost"))

    def held(self, place: int) -> QuerySet[Any, Any]:
        """Ask what is held for batches of the period that still run."""
        rows = BatchRow.objects.filter(_of(self.limits), currency=self.currency, settled_at__isnull=True)
        if self.start is not None:
            rows = rows.filter(made_at__gte=self.start)
        return _placed(rows, place, Value(0), Sum("held"))


def _placed(rows: QuerySet[Any], place: int, requests: Any, spent: Any) -> QuerySet[Any, Any]:
    placed: Any = rows.order_by().annotate(place=Value(place)).values("place")
    asked: QuerySet[Any, Any] = placed.annotate(counted=requests, spent=spent)
    return asked.values_list("place", "counted", "spent")


def _read(questions: Sequence[QuerySet[Any, Any]]) -> dict[int, tuple[int, Decimal]]:
    """Ask all in one query."""
    if not questions:
        return {}
    first, *others = questions
    rows = first.union(*others, all=True) if others else first
    return {
        place: (counted, ZERO if spent is None else Decimal(spent).quantize(UNIT))
        for place, counted, spent in rows
    }


def _of(limits: Limits) -> Q:
    """Select the rows of a set: a group's has a name, a token's own has none."""
    if limits.name:
        return Q(group_ledger=limits.ledger) | Q(parent_ledger=limits.ledger)
    return Q(ledger_id=limits.ledger)
