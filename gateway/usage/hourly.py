"""Add up calls and money per hour, for charts. A batch is summed in memory, then added in one statement."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import chain

from django.db import connection

from gateway.exchange.exchange import Exchange
from gateway.hours.models import HourlyUsage
from gateway.usage.daily import is_error

HOUR_SECONDS = 3600
KEPT_HOURS = 48
UNITS = Decimal(10) ** 10
"""In one of a currency."""


def add(exchanges: Iterable[Exchange]) -> None:
    """Add exchanges to the sums of their hours.

    The caller holds the transaction, and does this last: all workers write to the row of the running hour, and
    each keeps it from the others until its commit.
    """
    sums: dict[tuple[int, str], list[int]] = {}
    for exchange in exchanges:
        key = int(exchange.started_at // HOUR_SECONDS), exchange.currency
        found = sums.get(key)
        if found is None:
            found = sums[key] = [0, 0, 0]
        found[0] += 1
        found[1] += is_error(exchange)
        if exchange.cost is not None:
            found[2] += int(exchange.cost * UNITS)
    if not sums:
        return
    table = connection.ops.quote_name(HourlyUsage._meta.db_table)
    marks = ", ".join(["(%s, %s, %s, %s, %s)"] * len(sums))
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in ("calls", "errors", "units"))
    words = (
        f"INSERT INTO {table} (hour, currency, calls, errors, units) VALUES {marks} "  # noqa: S608  (our own names)
        f"ON CONFLICT (hour, currency) DO UPDATE SET {added}"
    )
    with connection.cursor() as cursor:
        # In one order in every worker, so that none waits for one that waits for it.
        cursor.execute(words, list(chain.from_iterable((*key, *sums[key]) for key in sorted(sums))))


def forget(now: float) -> None:
    """Delete the sums of hours that no chart shows any more."""
    HourlyUsage.objects.filter(hour__lt=int(now // HOUR_SECONDS) - KEPT_HOURS).delete()
