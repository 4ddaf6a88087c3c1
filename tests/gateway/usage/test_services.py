from __future__ import annotations

import uuid
from decimal import Decimal

import pytest
from uuid_utils import uuid7

from gateway.exchange import Exchange
from gateway.models import DailyUsage, ExchangeRow
from gateway.usage import services
from providers.dialects.types import FailureKind, Usage

pytestmark = pytest.mark.django_db

NOON = 1_790_000_000.0  # 2026-09-21 13:33:20 UTC


def exchange(**values: object) -> Exchange:
    defaults: dict[str, object] = {
        "id": str(uuid7()),
        "started_at": NOON,
        "surface": "messages",
        "method": "POST",
        "path": "/v1/messages",
        "peer": "192.0.2.7",
        "token_id": "t-1",
        "token_label": "laptop",
        "ledger_id": "l-1",
        "provider": "anthropic",
        "account": "primary",
        "model_asked": "claude-x",
        "model_served": "claude-x-1",
        "status": 200,
        "is_stream": True,
        "attempts": 1,
        "upstream_status": 200,
        "first_byte_seconds": 0.25,
        "total_seconds": 2.5,
        "overhead_seconds": 0.001,
        "bytes_in": 100,
        "bytes_out": 30,
        "usage": Usage(1, 2, 3, 4, 5),
        "cost": Decimal("0.0000000003"),
        "currency": "USD",
    }
    return Exchange(**(defaults | values))  # type: ignore[arg-type]


def test_a_row_says_what_the_exchange_said():
    one = exchange(failure_kind=FailureKind.UPSTREAM, failure_message="cut", status=502)
    assert services.write([one]) == services.Written(inserted=1)
    row = ExchangeRow.objects.get()
    assert str(row.id) == one.id
    assert row.started_at.timestamp() == NOON
    for name in Exchange.__slots__:
        if name not in ("id", "started_at", "usage"):
            assert getattr(row, name) == getattr(one, name), name
    for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output"):
        assert getattr(row, f"{name}_tokens") == getattr(one.usage, f"{name}_tokens")
    assert row.is_estimated is False


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


def test_what_was_written_before_counts_once():
    first, second, third = exchange(), exchange(), exchange()
    services.write([first, second])
    assert services.write([second, third, first]) == services.Written(inserted=1, repeated=2)
    assert services.write([third, third]) == services.Written(repeated=2)
    assert ExchangeRow.objects.count() == 3
    assert DailyUsage.objects.get().requests == 3


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
        ]
    )
    assert DailyUsage.objects.count() == 8
    assert set(DailyUsage.objects.values_list("requests", flat=True)) == {1}


@pytest.mark.parametrize("status", [400, 404])
def test_a_name_that_no_model_has_makes_no_sum_of_its_own(status: int):
    services.write([exchange(model_served="", model_asked=f"made-up-{n}", status=status) for n in range(5)])
    assert DailyUsage.objects.get().model == ""


def test_an_unusable_row_does_not_hold_up_the_others():
    good, no_id, no_time = exchange(), exchange(id="no-uuid"), exchange(started_at=float("1e20"))
    too_much = exchange(bytes_in=2**70)
    written = services.write([no_id, good, no_time, too_much])
    assert written.inserted == 1
    assert sorted(written.unusable) == sorted(["no-uuid", no_time.id, too_much.id])
    assert ExchangeRow.objects.get().id == uuid.UUID(good.id)
    assert DailyUsage.objects.get().requests == 1


def test_a_batch_costs_the_same_number_of_queries_however_large(django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        services.write([exchange(token_id=f"t-{n % 7}") for n in range(25)])
