"""Sums of whole days: what totals are made from, where they hold; then they are those of the rows, exactly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from gateway.exchange.exchange import Exchange
from gateway.hours.models import DayUsage
from gateway.usage import services, whole_days
from gateway.usage.reporting import sums
from gateway.usage.reporting.question import Question
from gateway.usage.tidy import tidy
from tests.gateway.usage.test_hourly import NOW, calls

pytestmark = pytest.mark.django_db
LAST = datetime.fromtimestamp(NOW, UTC).date()
FIRST = LAST - timedelta(days=3)


def begun(day: date) -> None:
    DayUsage.objects.update_or_create(currency=DayUsage.BEGUN, defaults={"day": day})


def answers(question: Question) -> tuple[Any, ...]:
    return sums.totals(question), sums.spent(question), sums.totals_and_days(question)


def by_the_rows(question: Question) -> tuple[Any, ...]:
    """What the daily sums by token say."""
    begun(LAST)
    assert whole_days.find(question.begins, question.ends) is None
    return answers(question)


def by_whole_days(question: Question) -> tuple[Any, ...]:
    begun(question.begins - whole_days.BEGUN_DAYS)
    assert whole_days.find(question.begins, question.ends) is not None
    return answers(question)


def some() -> list[Exchange]:
    """Calls around midnight UTC, some without a currency, and those of the test of hours."""
    midnight = datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC).timestamp()
    made = calls(60)
    for number, each in enumerate(made[:12]):
        each.started_at = midnight + (number % 4 - 2) * 0.001
    for each in made[12:15]:
        each.cost, each.currency = None, ""
    return made


@pytest.mark.parametrize("back", [0, 1, 3])
def test_they_are_what_the_rows_say(back: int) -> None:
    made = some()
    services.write(made[:25])
    services.write(made[25:])
    services.write(made[20:40])  # what is written again counts once
    for begins, ends in ((LAST - timedelta(days=back), LAST), (FIRST, LAST - timedelta(days=back))):
        question = Question(begins, ends)
        assert by_whole_days(question) == by_the_rows(question)
    question = Question(FIRST, LAST, currency="EUR")
    assert by_whole_days(question) == by_the_rows(question)


def test_they_hold_from_two_days_after_they_were_begun() -> None:
    begun(LAST)
    assert whole_days.find(LAST - timedelta(days=1), LAST) is None
    begun(FIRST)
    assert whole_days.find(FIRST + timedelta(days=1), LAST) is None
    assert whole_days.find(FIRST + timedelta(days=2), LAST) == []
    DayUsage.objects.all().delete()
    assert whole_days.find(FIRST + timedelta(days=2), LAST) is None


def test_what_is_chosen_by_more_than_days_is_asked_of_the_rows() -> None:
    begun(FIRST - timedelta(days=9))
    services.write([tidy(each) for each in some()])
    DayUsage.objects.exclude(currency=DayUsage.BEGUN).update(requests=10**6)
    assert sums.totals(Question(FIRST, LAST))[0]["requests"] >= 10**6
    assert sum(row["requests"] for row in sums.totals(Question(FIRST, LAST, filters=(("model", "x"),)))) == 0


def test_a_batch_is_one_statement_however_many_days_it_has(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    added = whole_days.Sums(requests=2, cost=Decimal("0.0000000001"))
    keys = [whole_days.Key(day, "t", "", "", "", "", "", "", "USD") for day in (3, 1, 2)]
    with django_assert_num_queries(1):
        whole_days.add(dict.fromkeys(keys, added))
    with django_assert_num_queries(0):
        whole_days.add({})
    whole_days.add({keys[0]: added})
    rows = (
        DayUsage.objects.exclude(currency=DayUsage.BEGUN)
        .order_by("day")
        .values_list("day", "requests", "units")
    )
    assert list(rows) == [(date(1970, 1, 2), 2, 1), (date(1970, 1, 3), 2, 1), (date(1970, 1, 4), 4, 2)]
