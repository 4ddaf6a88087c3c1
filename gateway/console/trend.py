"""Count the last hours and days for charts, from their sums alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from gateway.models import DailyUsage, HourlyUsage
from gateway.usage.reporting.sums import Units

HOURS = 24
HOUR_SECONDS = 3600

Sums = tuple[int, int, Decimal]
Rows = Any
NOTHING: Sums = (0, 0, Decimal(0))


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


def hours(now: datetime, currency: str) -> list[Point]:
    """Count the last hours, the running one among them, in one query."""
    current = int(now.timestamp()) // HOUR_SECONDS
    wanted = range(current - HOURS + 1, current + 1)
    found: dict[int, Sums] = {}
    for row in HourlyUsage.objects.filter(hour__gte=wanted[0], hour__lte=current):
        told = {"calls": row.calls, "failed": row.errors, "units": row.units, "currency": row.currency}
        found[row.hour] = _added(found.get(row.hour), told, currency)
    return [_of_hour(hour, found.get(hour, NOTHING)) for hour in wanted]


def _added(before: Sums | None, row: Any, currency: str) -> Sums:
    calls, errors, cost = before or NOTHING
    units = (row["units"] or 0) if row["currency"] == currency else 0
    return calls + int(row["calls"]), errors + int(row["failed"]), cost + Decimal(units).scaleb(-10)


def _of_hour(hour: int, sums: Sums) -> Point:
    begins = datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)
    ends = begins + timedelta(hours=1)
    moments = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (begins, ends)]
    return Point(f"{begins:%H:%M}", *sums, f"from={moments[0]}&to={moments[1]}")
