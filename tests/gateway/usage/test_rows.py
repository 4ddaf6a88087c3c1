from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.exchange.exchange import Exchange
from gateway.models import ExchangeRow
from gateway.usage import services
from gateway.usage.rows import _COLUMNS, TOGETHER
from providers.dialects.types import FailureKind, Usage
from tests.gateway.usage.making import NOON, exchange

pytestmark = pytest.mark.django_db


def test_a_row_says_what_the_exchange_said():
    one = exchange(failure_kind=FailureKind.UPSTREAM, failure_message="cut", status=502)
    assert services.write([one]) == services.Written(inserted=1)
    row = ExchangeRow.objects.get()
    assert str(row.id) == one.id
    assert row.started_at.timestamp() == NOON
    for name in Exchange.__slots__:
        if name not in (
            "id",
            "started_at",
            "usage",
            "is_sent",
            "upstream_refusal",
            "tries",
            "rehearsal",
            "is_handed_on",
        ):
            assert getattr(row, name) == getattr(one, name), name
    for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output"):
        assert getattr(row, f"{name}_tokens") == getattr(one.usage, f"{name}_tokens")
    assert row.is_estimated is False


def test_an_exchange_that_reached_nothing_is_a_row_too():
    refused = Exchange(
        exchange().id, NOON, status=401, is_refusal=True, failure_kind=FailureKind.AUTHENTICATION
    )
    services.write([refused])
    row = ExchangeRow.objects.get()
    assert (row.status, row.is_refusal, row.failure_kind, row.cost) == (401, True, "authentication", None)
    assert (row.first_byte_seconds, row.upstream_status, row.output_tokens) == (None, None, 0)


def test_every_column_is_written():
    """What is not named here would get Django's default on no database: raw SQL has none."""
    assert set(_COLUMNS) == {field.name for field in ExchangeRow._meta.concrete_fields}


def test_estimates_are_flagged_and_money_keeps_ten_places():
    services.write([exchange(usage=Usage(1, is_estimated=True), cost=Decimal("12345.0123456789"))])
    row = ExchangeRow.objects.get()
    assert row.is_estimated
    assert row.cost == Decimal("12345.0123456789")


@pytest.mark.parametrize("count", [TOGETHER - 1, TOGETHER, 2 * TOGETHER + 3])
def test_many_rows_are_each_their_own(count: int):
    many = [exchange(path=f"/v1/{number}", bytes_out=number) for number in range(count)]
    services.write(many)
    rows = ExchangeRow.objects.values_list("id", "path", "bytes_out")
    assert {(str(pk), path, size) for pk, path, size in rows} == {
        (one.id, one.path, one.bytes_out) for one in many
    }
