"""Add up each UTC day over everybody, for totals, from the sums of a batch that are made for its daily rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import Any

from django.db import connection
from django.db.models import Q

from gateway.hours.models import DayUsage
from gateway.usage.daily import Key, Sums, date_of
from gateway.usage.hourly import UNITS

BEGUN_DAYS = timedelta(days=2)
COUNTS = (
    "requests", "errors", "refused", "cancelled", "unpriced",
    "input_tokens", "cache_read_tokens", "output_tokens",
)  # fmt: skip
COLUMNS = (*COUNTS, "cache_write_tokens", "units")


def add(sums: Mapping[Key, Sums]) -> None:
    """Add the sums of a batch to its days. The caller holds the transaction, and does this last, as with hours."""
    found: dict[tuple[int, str], list[int]] = {}
    for key, added in sums.items():
        day = found.setdefault((key.day, key.currency), [0] * len(COLUMNS))
        written = added.cache_write_5m_tokens + added.cache_write_1h_tokens
        values = [getattr(added, name) for name in COUNTS]
        for place, value in enumerate((*values, written, int(added.cost * UNITS))):
            day[place] += value
    if not found:
        return
    table = connection.ops.quote_name(DayUsage._meta.db_table)
    marks = ", ".join([f"(%s, %s, {', '.join(['%s'] * len(COLUMNS))})"] * len(found))
    more = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in COLUMNS)
    words = (
        f"INSERT INTO {table} (day, currency, {', '.join(COLUMNS)}) VALUES {marks} "  # noqa: S608  (our own names)
        f"ON CONFLICT (day, currency) DO UPDATE SET {more}"
    )
    with connection.cursor() as cursor:
        # In one order in every worker, so that none waits for one that waits for it.
        rows: Iterable[tuple[Any, ...]] = (
            (date_of(day), currency, *found[day, currency]) for day, currency in sorted(found)
        )
        cursor.execute(words, list(chain.from_iterable(rows)))


def find(begins: date, ends: date) -> Sequence[dict[str, Any]] | None:
    """Return the sums of the days of a period, both included; None where they do not hold for all of it."""
    rows = list(
        DayUsage.objects.filter(Q(currency=DayUsage.BEGUN) | Q(day__gte=begins, day__lte=ends))
        .order_by("day", "currency")
        .values("day", "currency", *COLUMNS)
    )
    begun = [row["day"] for row in rows if row["currency"] == DayUsage.BEGUN]
    if not begun or begun[0] + BEGUN_DAYS > begins:
        return None
    return [row for row in rows if row["currency"] != DayUsage.BEGUN]
