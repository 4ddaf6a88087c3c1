"""Count a day: calls, errors and money from the daily sums, times from the day's newest calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from gateway.kernel.moments import id_floor
from gateway.models import DailyUsage, ExchangeRow
from gateway.usage import reports
from gateway.usage.reporting.sums import Units

SAMPLE = 5_000
"""Calls of a day whose times are looked at: the newest."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One UTC day. Times are seconds, None without calls; `cost` is in one currency."""

    calls: int
    errors: int
    error_rate: float
    cost: str
    first_byte_p50: float | None
    first_byte_p95: float | None
    total_p50: float | None
    total_p95: float | None
    overhead_p50: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def sums_of(days: Sequence[date]) -> list[Any]:
    """Return the sums of some UTC days by currency and model, in one query."""
    rows = DailyUsage.objects.filter(day__in=days).order_by().values("day", "currency", "model")
    counts = {"calls": Sum("requests"), "failed": Sum("errors"), "without_price": Sum("unpriced")}
    return list(rows.annotate(**counts, units=Units("cost")))


def of_days(days: Sequence[date], currency: str, rows: Sequence[Any]) -> list[Figures]:
    """Count some UTC days from their sums, and in one query for each, however many calls they had."""
    return [_figures(day, [row for row in rows if row["day"] == day], currency) for day in days]


def _figures(day: date, rows: Sequence[Any], currency: str) -> Figures:
    calls, errors = sum(row["calls"] for row in rows), sum(row["failed"] for row in rows)
    units = sum(row["units"] for row in rows if row["currency"] == currency)
    first, total, overhead = _times(day)
    return Figures(
        calls=calls,
        errors=errors,
        error_rate=round(errors / calls, 4) if calls else 0.0,
        cost=reports.money(Decimal(units).scaleb(-10)),
        first_byte_p50=quantile(first, 0.5),
        first_byte_p95=quantile(first, 0.95),
        total_p50=quantile(total, 0.5),
        total_p95=quantile(total, 0.95),
        overhead_p50=quantile(overhead, 0.5),
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that so large a share does not exceed."""
    if not ordered:
        return None
    place = max(0, -(-int(share * 1000 * len(ordered)) // 1000) - 1)
    return round(ordered[place], 6)


def _times(day: date) -> tuple[list[float], list[float], list[float]]:
    start = datetime.combine(day, clock(), UTC)
    ends = start + timedelta(days=1)
    rows = ExchangeRow.objects.filter(
        pk__gte=id_floor(start.timestamp()), pk__lt=id_floor(ends.timestamp())
    ).order_by("-id")
    found = list(rows.values_list("first_byte_seconds", "total_seconds", "overhead_seconds")[:SAMPLE])
    return (
        sorted(first for first, _, _ in found if first is not None),
        sorted(total for _, total, _ in found),
        sorted(overhead for first, _, overhead in found if first is not None),
    )
