from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import QuerySet

from gateway.exchange.exchange import CLIENT_LEFT
from gateway.models import DailyUsage, ExchangeRow
from gateway.usage import services
from gateway.usage.daily import Key, daily_id
from tests.gateway.usage.making import NOON, exchange

pytestmark = pytest.mark.django_db


def plan(rows: QuerySet[ExchangeRow]) -> str:
    """Return SQLite's plan for reading the newest 50 of them."""
    return rows.order_by("-id")[:50].explain()


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"token_id": "t"}, "gateway_exchange_token"),
        ({"ledger_id": "l"}, "gateway_exchange_ledger"),
        ({"account": "a"}, "gateway_exchange_account"),
        ({"model_served": "m"}, "gateway_exchange_model"),
    ],
)
def test_the_newest_rows_of_one_come_from_an_index_already_in_order(asked: dict[str, str], index: str):
    if connection.vendor != "sqlite":
        pytest.skip("reads SQLite's plans")
    how = plan(ExchangeRow.objects.filter(**asked))
    assert index in how
    assert "TEMP B-TREE" not in how


def test_the_newest_rows_of_all_are_not_sorted():
    if connection.vendor != "sqlite":
        pytest.skip("reads SQLite's plans")
    assert "TEMP B-TREE" not in plan(ExchangeRow.objects.all())


def test_rows_have_names():
    one = exchange(status=CLIENT_LEFT)
    services.write([one])
    assert str(ExchangeRow.objects.get()) == one.id
    assert str(DailyUsage.objects.get()) == "2026-09-21 t-1 claude-x-1"


def test_a_daily_row_is_found_by_what_it_is_about():
    services.write([exchange()])
    key = Key(int(NOON // 86_400), "t-1", "", "", "primary", "anthropic", "claude-x-1", "messages", "USD")
    assert DailyUsage.objects.get(pk=daily_id(key)).requests == 1
