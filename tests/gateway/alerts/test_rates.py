"""How many calls fail."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.alerts.rates import Rates
from gateway.alerts.seen import Rule
from gateway.models import DailyUsage

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
ALL, OF_P = Rule(1, "error-rate", 20, "", ()), Rule(2, "error-rate", 20, "provider:p", ())


def add(requests: int, errors: int, day: date = date(2026, 11, 29), **where: Any) -> None:
    DailyUsage.objects.create(id=uuid.uuid4(), day=day, requests=requests, errors=errors, **where)


def shares(rates: Rates, now: float, *rules: Rule) -> dict[int, tuple[int, int]]:
    seen = rates.see(rules or (ALL, OF_P), now)
    return {each.asked_by or 0: (each.details["calls"], each.details["errors"]) for each in seen}


def test_what_came_in_the_last_five_minutes(django_assert_num_queries: Any) -> None:
    rates = Rates()
    add(1_000, 1_000, provider="p")
    with django_assert_num_queries(2):
        assert shares(rates, NOON) == {}, "what came before this process is not known to be of these minutes"
    add(19, 19, provider="p")
    assert shares(rates, NOON + 60) == {}
    add(21, 0, provider="q")
    assert shares(rates, NOON + 120) == {1: (40, 19)}
    add(20, 20, provider="p")
    assert shares(rates, NOON + 180) == {1: (60, 39), 2: (39, 39)}
    assert shares(rates, NOON + 470) == {1: (20, 20), 2: (20, 20)}
    assert shares(rates, NOON + 481) == {}


def test_over_midnight() -> None:
    rates, midnight = Rates(), NOON + 12 * 3_600
    add(500, 100, date(2026, 11, 28))
    add(500, 100)
    shares(rates, midnight - 30)
    add(15, 15)
    add(15, 0, date(2026, 11, 30))
    assert shares(rates, midnight + 30) == {1: (30, 15)}


def test_a_rule_that_comes_later_begins_to_count_then() -> None:
    rates = Rates()
    shares(rates, NOON, ALL)
    add(30, 30, provider="p")
    assert shares(rates, NOON + 10) == {1: (30, 30)}
    add(30, 30, provider="p")
    assert shares(rates, NOON + 20) == {1: (60, 60), 2: (30, 30)}
