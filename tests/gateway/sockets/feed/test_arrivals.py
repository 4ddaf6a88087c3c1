"""New rows are found once, in the order in which they came, however old their ids are."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from gateway.models import ExchangeRow
from gateway.sockets.feed.arrivals import Arrivals
from gateway.usage.requests import presenting
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db
NOW = 1_790_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def written(clock: Clock, after: float = 0.0, **values: object) -> str:
    """Write a call as if it had been so long after the clock's time."""
    made = call(**values)  # type: ignore[arg-type]
    ExchangeRow.objects.filter(pk=made).update(written_at=int((clock.now + after) * 1000))
    return made


def ids(of: Arrivals) -> list[str]:
    return [str(each.row.pk) for each in of.look(100).arrivals]


def test_a_row_says_when_it_was_written() -> None:
    assert ExchangeRow.objects.get(pk=call()).written_at


def test_each_row_is_found_once() -> None:
    clock = Clock()
    written(clock, -1.0)  # before anybody looked
    looked = Arrivals(clock)
    assert ids(looked) == []
    first = written(clock, 0.1)
    clock.now += 1
    assert ids(looked) == [first] and ids(looked) == []
    second = written(clock, 0.1, age=7200.0)  # a call of two hours: its id is older than the first one's
    late = written(clock, -0.5)  # stamped before the last look, and committed after it
    clock.now += 1
    assert ids(looked) == [late, second]
    clock.now += 60
    assert ids(looked) == []


def test_what_is_told_is_what_the_list_shows() -> None:
    clock = Clock()
    looked = Arrivals(clock)
    made = written(clock, 0.1, status=429, failure_message="too fast", cost=Decimal("0.0123"), is_stream=True)
    shown = json.loads(looked.look(100).arrivals[0].text)
    assert (shown["id"], shown["status"], shown["failure_message"]) == (made, 429, "too fast")
    assert shown == presenting.shown(ExchangeRow.objects.get(pk=made)) and shown["cost"] == "0.0123"


def test_more_than_can_be_read_is_counted() -> None:
    clock = Clock()
    looked = Arrivals(clock)
    made = [written(clock, 0.1 * number) for number in range(5)]
    look = looked.look(2)
    assert [str(each.row.pk) for each in look.arrivals] == made[3:] and look.left_out == 3
    assert looked.look(2).left_out == 0


def test_batches_of_one_millisecond_are_told_apart() -> None:
    clock = Clock()
    looked = Arrivals(clock)
    first = written(clock, 0.1)
    assert ids(looked) == [first]
    second = written(clock, 0.1)
    assert ids(looked) == [second] and ids(looked) == []
    third, fourth = written(clock, 0.1), written(clock, 0.1)
    look = looked.look(1)
    assert str(look.arrivals[0].row.pk) in (third, fourth) and look.left_out == 1
    assert looked.look(1).arrivals == ()


def behind(of: Arrivals, made: str, most: int = 100) -> list[str]:
    return [str(each.row.pk) for each in of.behind(uuid.UUID(made), most).arrivals]


def test_who_comes_back_misses_nothing_and_sees_nothing_twice() -> None:
    clock = Clock()
    first, second = written(clock, -5), written(clock, -5)  # one batch
    third = written(clock, -1)
    looked = Arrivals(clock)
    assert behind(looked, first) == [second, third] and behind(looked, third) == []
    fourth, fifth = written(clock, 0.1), written(clock, 0.2)
    assert behind(looked, third) == []  # not looked at yet
    assert ids(looked) == [fourth, fifth]
    assert behind(looked, second) == [third, fourth, fifth] and behind(looked, fourth) == [fifth]
    sixth = written(clock, 0.3)
    assert behind(looked, fourth) == [fifth] and ids(looked) == [sixth]


def test_what_has_come_since_is_bounded_too() -> None:
    clock = Clock()
    made = [written(clock, -10 + number) for number in range(6)]
    looked = Arrivals(clock)
    look = looked.behind(uuid.UUID(made[0]), 2)
    assert [str(each.row.pk) for each in look.arrivals] == made[4:]
    assert look.left_out == 4  # the call itself among them: nobody looks where it stands
    assert behind(looked, str(uuid.uuid4())) == []
    clock.now += 3600
    assert ids(looked) == [] and behind(looked, made[0]) == []


def test_a_look_is_two_queries_however_many_have_come(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    clock = Clock()
    looked = Arrivals(clock)
    with django_assert_num_queries(1):
        looked.look(100)
    for number in range(30):
        written(clock, 0.01 * number)
    with django_assert_num_queries(2):
        assert len(looked.look(100).arrivals) == 30
