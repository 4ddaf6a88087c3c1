"""What was written last is read as the models read it, without models."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from gateway.models import ExchangeRow
from gateway.usage.requests import newest, presenting
from gateway.usage.requests.newest import Ended
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db


def at(moment: int, **values: object) -> str:
    made = call(**values)  # type: ignore[arg-type]
    ExchangeRow.objects.filter(pk=made).update(written_at=moment)
    return made


@pytest.mark.parametrize("cost", [None, Decimal(0), Decimal("0.0123"), Decimal("1234567.0000000001")])
def test_a_row_is_what_the_model_has(cost: Decimal | None) -> None:
    at(
        1,
        cost=cost,
        is_stream=True,
        person="ann@example.org",
        first_byte_seconds=0.25,
        failure_kind="timeout",
    )
    (row,) = newest.read([1], 9)
    model = ExchangeRow.objects.get(pk=row.pk)
    assert {name: getattr(row, name) for name in Ended.__annotations__} == {
        name: getattr(model, name) for name in Ended.__annotations__
    }
    assert presenting.shown(row) == presenting.shown(model)


def test_the_newest_come_first_and_no_more_than_are_asked_for() -> None:
    made = [at(moment) for moment in (1, 2, 3, 4)]
    assert [str(row.pk) for row in newest.read([2, 3, 4], 2)] == [made[3], made[2]]
    assert [str(row.pk) for row in newest.read([1, 3], 9)] == [made[2], made[0]]


def test_rows_are_counted_by_their_moments(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for moment in (1, 2, 2, 3):
        at(moment)
    with django_assert_num_queries(1):
        assert newest.counts(2) == {2: 2, 3: 1}
    assert newest.counts(4) == {}
