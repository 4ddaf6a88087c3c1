from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from gateway.models import DailyUsage
from gateway.usage import services
from gateway.usage.daily import Key, Sums, daily_id
from providers.dialects.types import FailureKind, Usage
from tests.gateway.usage.making import NOON, exchange

pytestmark = pytest.mark.django_db


def test_daily_sums_grow_with_every_batch():
    services.write([exchange(), exchange(status=499, usage=Usage(1, is_estimated=True), cost=None)])
    services.write(
        [
            exchange(status=529),
            exchange(is_refusal=True, attempts=0, status=429, model_served="", usage=Usage()),
        ]
    )
    served, refused = DailyUsage.objects.order_by("-requests")
    assert (served.requests, served.errors, served.cancelled, served.refused) == (3, 1, 1, 0)
    assert (served.input_tokens, served.output_tokens, served.cache_write_1h_tokens) == (3, 10, 8)
    assert (served.estimated, served.unpriced) == (1, 1)
    assert served.cost == Decimal("0.0000000006")
    assert (served.bytes_in, served.bytes_out, served.total_seconds) == (300, 90, 7.5)
    assert (served.day.isoformat(), served.model, served.ledger_id) == ("2026-09-21", "claude-x-1", "l-1")
    assert (refused.requests, refused.errors, refused.refused, refused.model) == (1, 1, 1, "")


def test_a_stream_that_failed_behind_a_200_is_an_error():
    services.write([exchange(failure_kind=FailureKind.UPSTREAM), exchange(is_refusal=True, status=502)])
    sums = DailyUsage.objects.get()
    assert (sums.requests, sums.errors, sums.refused) == (2, 2, 0)


def test_money_is_summed_exactly():
    price = Decimal("0.1234567891")
    services.write([exchange(cost=price) for _ in range(30)])
    for _ in range(30):
        services.write([exchange(cost=price)])
    assert DailyUsage.objects.get().cost == price * 60


def test_each_day_token_account_provider_model_surface_and_currency_has_its_own_sum():
    services.write(
        [
            exchange(),
            exchange(started_at=NOON + 86_400),
            exchange(token_id="t-2"),
            exchange(account="second"),
            exchange(provider="other"),
            exchange(model_served="claude-y"),
            exchange(surface="count_tokens"),
            exchange(currency="EUR"),
            exchange(person="ann@example.org"),
            exchange(group="red"),
        ]
    )
    assert DailyUsage.objects.count() == 10
    assert set(DailyUsage.objects.values_list("requests", flat=True)) == {1}


@pytest.mark.parametrize("status", [400, 404, 429, 529])
def test_a_name_that_nobody_has_served_makes_no_sum_of_its_own(status: int):
    services.write([exchange(model_served="", model_asked=f"made-up-{n}", status=status) for n in range(5)])
    assert DailyUsage.objects.get().model == ""


def test_a_key_is_the_same_in_every_process_and_its_parts_do_not_run_together():
    key = Key(20_000, "t", "g", "r", "a", "p", "m", "s", "USD")
    assert str(daily_id(key)) == "8eafc276-7d87-51a9-bad0-e781a75d8e12"
    assert daily_id(key._replace(token_id="ta", account="")) != daily_id(key)


def test_the_day_is_utc():
    last_second = datetime.datetime(2026, 3, 1, 23, 59, 59, 999_000, datetime.UTC).timestamp()
    services.write([exchange(started_at=last_second), exchange(started_at=last_second + 0.001)])
    days = DailyUsage.objects.order_by("day").values_list("day", flat=True)
    assert [day.isoformat() for day in days] == ["2026-03-01", "2026-03-02"]


def test_usage_without_a_price_is_counted_as_unpriced_and_no_usage_is_not():
    sums = Sums()
    sums.count(exchange(cost=None))
    sums.count(exchange(cost=None, usage=Usage()))
    sums.count(exchange(cost=Decimal(0)))
    assert (sums.requests, sums.unpriced) == (3, 1)
