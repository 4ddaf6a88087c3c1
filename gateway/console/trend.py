"""Count the last hours and days for charts: days from the daily sums, hours from the rows, each hour read once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, IntegerField, Q, Sum, Value

from gateway.exchange.exchange import CLIENT_LEFT
from gateway.kernel.moments import id_floor
from gateway.models import DailyUsage, ExchangeRow
from gateway.usage.reporting.sums import Units

HOURS = 24
HOUR_SECONDS = 3600
SETTLED_HOURS = 2
"""So long after its beginning an hour is read again: rows come when a call ends, a second after it."""

Sums = tuple[int, int, Decimal]
Rows = Any
FAILED = (Q(status__gte=400) & ~Q(status=CLIENT_LEFT)) | Q(failure_kind__gt="", status__lt=400)


@dataclass(frozen=True, slots=True)
class Point:
    """One bar. `cost` is in one currency; `query` are the parameters of a list of its calls."""

    title: str
    calls: int
    errors: int
    cost: Decimal
    query: str


def days(today: date, count: int, currency: str) -> list[Point]:
    """Count the last days, today among them, in one query."""
    first = today - timedelta(days=count - 1)
    rows: Rows = (
        DailyUsage.objects.filter(day__gte=first, day__lte=today).order_by().values("day", "currency")
    )
    found: dict[date, Sums] = {}
    for row in rows.annotate(calls=Sum("requests"), failed=Sum("errors"), units=Units("cost")):
        found[row["day"]] = _added(found.get(row["day"]), row, currency)
    return [
        Point(day.strftime("%d %b"), *found.get(day, NOTHING), f"from={day}&to={day}")
        for day in (first + timedelta(days=n) for n in range(count))
    ]


class Hours:
    """The sums of hours that are over, kept by this process: a day of a busy gateway is a million rows.

    What a call of more than an hour has cost, and comes after its hour has been read, stands in the days alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, str], Sums] = {}

    def clear(self) -> None:
        self._kept = {}

    def last(self, now: datetime, currency: str) -> list[Point]:
        """Count the last hours, the running one among them, in one query."""
        current = int(now.timestamp()) // HOUR_SECONDS
        wanted = range(current - HOURS + 1, current + 1)
        with self._lock:
            kept = {hour: self._kept[hour, currency] for hour in wanted if (hour, currency) in self._kept}
            fresh = _read([hour for hour in wanted if hour not in kept], currency)
            over = {
                hour: fresh.get(hour, NOTHING) for hour in wanted if hour <= current - SETTLED_HOURS
            } | kept
            self._kept = {(hour, currency): sums for hour, sums in over.items()}
        return [_of_hour(hour, {**fresh, **over}.get(hour, NOTHING)) for hour in wanted]


NOTHING: Sums = (0, 0, Decimal(0))
LAST_HOURS = Hours()
"""Of this process."""


def _read(hours: Sequence[int], currency: str) -> dict[int, Sums]:
    parts: list[Rows] = [
        ExchangeRow.objects.filter(
            pk__gte=id_floor(hour * HOUR_SECONDS), pk__lt=id_floor((hour + 1) * HOUR_SECONDS)
        )
        .order_by()
        .annotate(hour=Value(hour, IntegerField()))
        .values("hour", "currency")
        .annotate(calls=Count("pk"), failed=Count("pk", filter=FAILED), units=Units("cost"))
        for hour in hours
    ]
    found: dict[int, Sums] = {}
    for row in _together(parts):
        found[row["hour"]] = _added(found.get(row["hour"]), row, currency)
    return found


def _together(parts: Sequence[Rows]) -> Iterable[Any]:
    return parts[0].union(*parts[1:], all=True) if len(parts) > 1 else (parts[0] if parts else ())


def _added(before: Sums | None, row: Any, currency: str) -> Sums:
    calls, errors, cost = before or NOTHING
    units = (row["units"] or 0) if row["currency"] == currency else 0
    return calls + int(row["calls"]), errors + int(row["failed"]), cost + Decimal(units).scaleb(-10)


def _of_hour(hour: int, sums: Sums) -> Point:
    begins = datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)
    ends = begins + timedelta(hours=1)
    moments = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (begins, ends)]
    return Point(f"{begins:%H:%M}", *sums, f"from={moments[0]}&to={moments[1]}")
