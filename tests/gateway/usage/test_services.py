from __future__ import annotations

import uuid

import pytest

from gateway.models import DailyUsage, ExchangeRow
from gateway.usage import services
from gateway.usage.rows import TOGETHER
from tests.gateway.usage.making import exchange

pytestmark = pytest.mark.django_db


def test_what_was_written_before_counts_once():
    first, second, third = exchange(), exchange(), exchange()
    services.write([first, second])
    assert services.write([second, third, first]) == services.Written(inserted=1, repeated=2)
    assert services.write([third, third]) == services.Written(repeated=2)
    assert ExchangeRow.objects.count() == 3
    assert DailyUsage.objects.get().requests == 3


def test_an_unusable_row_does_not_hold_up_the_others():
    good, no_id, no_time = exchange(), exchange(id="no-uuid"), exchange(started_at=float("1e20"))
    too_much = exchange(bytes_in=2**70)
    written = services.write([no_id, good, no_time, too_much])
    assert written.inserted == 1
    assert sorted(written.unusable) == sorted(["no-uuid", no_time.id, too_much.id])
    assert ExchangeRow.objects.get().id == uuid.UUID(good.id)
    assert DailyUsage.objects.get().requests == 1


def test_an_unusable_row_among_many_does_not_hold_up_the_others_either():
    many = [exchange() for _ in range(3 * TOGETHER)]
    many[TOGETHER + 1].bytes_in = 2**70
    written = services.write(many)
    assert (written.inserted, written.unusable) == (3 * TOGETHER - 1, [many[TOGETHER + 1].id])
    assert DailyUsage.objects.get().requests == ExchangeRow.objects.count() == 3 * TOGETHER - 1


def test_a_batch_costs_the_same_number_of_queries_however_large(django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        services.write([exchange(token_id=f"t-{n % 7}") for n in range(25)])
