"""Sums of hours: what charts of the last day are made from."""

from __future__ import annotations

import importlib
import random
import time
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from gateway.hours.models import HourlyUsage
from gateway.kernel.moments import id_floor
from gateway.models import DailyUsage, ExchangeRow
from gateway.usage import hourly, retention, services
from gateway.usage.tidy import tidy
from tests.gateway.usage.making import exchange

pytestmark = pytest.mark.django_db
NOW = time.time() // 3600 * 3600 + 1800
Sums = dict[tuple[int, str], tuple[int, int, int]]


def calls(count: int) -> list[Any]:
    """Make calls of the last twenty hours, of two currencies, some of which failed, left or cost nothing."""
    drawn = random.Random(7)
    made = []
    for n in range(count):
        at = NOW - drawn.random() * 20 * 3600
        cost = drawn.choice([None, Decimal("0.0000000001"), Decimal("1234.0000000003")])
        status = drawn.choice([200, 200, 200, 429, 499, 500])
        kind = "stream" if status == 200 and drawn.random() < 0.2 else None
        made.append(
            exchange(
                id=str(id_floor(at))[:-12] + f"{n:012x}",
                started_at=at,
                cost=cost,
                currency=drawn.choice(["USD", "EUR"]),
                status=status,
                failure_kind=kind,
            )
        )
    return [tidy(each) for each in made]


def stored() -> Sums:
    return {(row.hour, row.currency): (row.calls, row.errors, row.units) for row in HourlyUsage.objects.all()}


def of_rows() -> Sums:
    found: Sums = {}
    for row in ExchangeRow.objects.all():
        key = int(row.started_at.timestamp() // 3600), row.currency
        has_failed = (row.status >= 400 and row.status != 499) or (row.status < 400 and row.failure_kind > "")
        calls, errors, units = found.get(key, (0, 0, 0))
        found[key] = calls + 1, errors + has_failed, units + int((row.cost or 0) * 10**10)
    return found


def test_they_are_what_the_rows_say_however_they_were_written() -> None:
    made = calls(200)
    services.write(made[:150])
    services.write(made[100:])  # a batch that is tried again brings some that are there
    services.write(made[150:160])
    assert ExchangeRow.objects.count() == 200
    assert stored() == of_rows() and len(stored()) > 20
    days = DailyUsage.objects.all()
    assert sum(row.errors for row in days) == sum(errors for _, errors, _ in stored().values())
    assert sum(int(row.cost * 10**10) for row in days) == sum(units for _, _, units in stored().values())


def test_the_first_start_counts_the_last_day_from_its_calls() -> None:
    services.write(calls(200))
    services.write(
        [tidy(exchange(id=str(id_floor(NOW - 90_000)), started_at=NOW - 90_000))]
    )  # of the day before
    counted = {key: sums for key, sums in stored().items() if key[0] > (NOW - 86_400) // 3600}
    HourlyUsage.objects.all().delete()
    migration = importlib.import_module("gateway.migrations.0018_hours")
    migration.count_the_last_day(apps, SimpleNamespace(connection=connection))
    assert stored() == counted


def test_they_outlive_their_calls_and_go_after_two_days() -> None:
    services.write(calls(50))
    kept = stored()
    retention.delete_before(ExchangeRow, NOW + 3600, 1000)
    hourly.forget(NOW)
    assert stored() == kept
    hourly.forget(NOW + 49 * 3600)
    assert stored() == {}


def test_a_batch_is_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        hourly.add(calls(100))
    with django_assert_num_queries(0):
        hourly.add([])
