from __future__ import annotations

import time
import uuid

import pytest
from uuid_utils import uuid7

from gateway.models import DailyUsage, ExchangeRow
from gateway.usage import retention, services
from tests.gateway.usage.making import exchange


def test_a_uuid7_lies_between_the_floors_around_its_moment():
    before, made, after = time.time() - 0.01, uuid.UUID(str(uuid7())), time.time() + 0.01
    assert retention.id_floor(before) < made < retention.id_floor(after)
    assert retention.id_floor(before).version == 7


@pytest.mark.django_db
def test_old_rows_go_in_portions_and_sums_stay():
    day = 86_400
    now = 1_790_000_000.0
    old = [
        exchange(id=str(retention.id_floor(now - 91 * day + n)), started_at=now - 91 * day) for n in range(5)
    ]
    young = exchange(id=str(retention.id_floor(now - 89 * day)), started_at=now - 89 * day)
    services.write([*old, young])
    cutoff = now - 90 * day
    assert [retention.delete_before(cutoff, 3) for _ in range(3)] == [3, 2, 0]
    assert str(ExchangeRow.objects.get().id) == young.id
    assert sum(DailyUsage.objects.values_list("requests", flat=True)) == 6
