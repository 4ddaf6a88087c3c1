from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.console import figures
from providers.dialects.types import Usage
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db


def today() -> figures.Figures:
    days = (datetime.now(UTC).date(),)
    [found] = figures.of_days(days, "USD", figures.sums_of(days))
    return found


def test_a_day_in_figures(django_assert_max_num_queries: Any) -> None:
    for n in range(19):
        call(first_byte_seconds=0.1 * (n + 1), total_seconds=n + 1.0, cost=Decimal("0.1"))
    call(status=429, first_byte_seconds=None, total_seconds=20.0, cost=None, currency="", usage=Usage())
    call(cost=Decimal(7), currency="EUR", first_byte_seconds=None, total_seconds=0.5)
    with django_assert_max_num_queries(2):
        told = today()
    assert (told.calls, told.errors, told.error_rate, told.cost) == (21, 1, 0.0476, "1.9")
    assert (told.first_byte_p50, told.first_byte_p95) == (1.0, 1.9)
    assert (told.total_p50, told.total_p95, told.overhead_p50) == (10.0, 19.0, 0.001)
    assert told.as_json()["calls"] == 21


def test_a_day_without_calls() -> None:
    told = today()
    assert (told.calls, told.errors, told.error_rate, told.cost, told.total_p95) == (0, 0, 0.0, "0", None)


def test_only_the_newest_calls_of_a_day_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    call(total_seconds=99.0, age=5 * 86_400)
    call(total_seconds=50.0)
    call(total_seconds=1.0)
    monkeypatch.setattr(figures, "SAMPLE", 1)
    assert today().total_p95 == 1.0


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([], 0.5, None),
        ([3.0], 0.95, 3.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([1.0, 2.0], 0.95, 2.0),
        ([1.0] * 19 + [9.0], 0.95, 1.0),
    ],
)
def test_quantiles(values: list[float], share: float, found: float | None) -> None:
    assert figures.quantile(values, share) == found
