"""The last hours and days, counted for charts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway.console.trend import days, hours
from gateway.kernel.moments import id_floor
from gateway.models import ExchangeRow
from gateway.usage import services
from gateway.usage.tidy import tidy
from tests.gateway.usage.making import exchange

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 9, 21, 12, 30, tzinfo=UTC)


def call(hours_ago: float, **values: object) -> None:
    at = (NOON - timedelta(hours=hours_ago)).timestamp() + ExchangeRow.objects.count() / 1000
    given = {"id": str(id_floor(at)), "started_at": at, "cost": Decimal("0.25"), "currency": "USD", **values}
    services.write([tidy(exchange(**given))])


def test_hours_are_counted_from_their_sums(django_assert_num_queries: Any) -> None:
    call(0)
    call(0, status=500)
    call(0, status=499)
    call(0, currency="EUR")
    call(3, failure_kind="stream", cost=Decimal("1.5"))
    call(23.4)
    call(23.6)  # in the hour before them
    call(-1)  # not yet
    with django_assert_num_queries(1):
        found = hours(NOON, "USD")
    assert [each.title for each in found][:2] == ["13:00", "14:00"] and found[-1].title == "12:00"
    counted = {each.title: (each.calls, each.errors, each.cost) for each in found if each.calls}
    assert counted == {
        "12:00": (4, 1, Decimal("0.75")), "09:00": (1, 1, Decimal("1.5")), "13:00": (1, 0, Decimal("0.25")),
    }  # fmt: skip
    assert found[-1].query == "from=2026-09-21T12:00:00Z&to=2026-09-21T13:00:00Z"


def test_a_call_that_comes_late_counts_in_its_own_hour() -> None:
    call(5)
    hours(NOON, "USD")
    call(5)
    call(1)
    counted = {each.title: each.calls for each in hours(NOON, "USD") if each.calls}
    assert counted == {"07:00": 2, "11:00": 1}
    counted = {each.title: each.calls for each in hours(NOON + timedelta(hours=20), "USD") if each.calls}
    assert counted == {"11:00": 1}


def test_days_are_counted_from_their_sums(django_assert_num_queries: Any) -> None:
    call(0)
    call(0, status=500, cost=None, currency="")
    call(0, currency="EUR")
    call(30)
    call(24 * 8)
    with django_assert_num_queries(1):
        found = days(date(2026, 9, 21), 7, "USD")
    assert [each.title for each in found] == [
        "15 Sep",
        "16 Sep",
        "17 Sep",
        "18 Sep",
        "19 Sep",
        "20 Sep",
        "21 Sep",
    ]
    assert [(each.calls, each.errors, each.cost) for each in found][-2:] == [
        (1, 0, Decimal("0.25")), (3, 1, Decimal("0.25")),
    ]  # fmt: skip
    assert found[-1].query == "from=2026-09-21&to=2026-09-21"
