from __future__ import annotations

import pytest

from gateway.kernel import audit
from gateway.kernel.moments import id_floor
from gateway.models import AuditRow, DailyUsage, ExchangeRow
from gateway.usage import retention, services
from tests.gateway.usage.making import exchange
from tests.principals import SOMEBODY


@pytest.mark.django_db
def test_old_rows_go_in_portions_and_sums_stay():
    day = 86_400
    now = 1_790_000_000.0
    old = [exchange(id=str(id_floor(now - 91 * day + n)), started_at=now - 91 * day) for n in range(5)]
    young = exchange(id=str(id_floor(now - 89 * day)), started_at=now - 89 * day)
    services.write([*old, young])
    cutoff = now - 90 * day
    assert [retention.delete_before(ExchangeRow, cutoff, 3) for _ in range(3)] == [3, 2, 0]
    assert str(ExchangeRow.objects.get().id) == young.id
    assert sum(DailyUsage.objects.values_list("requests", flat=True)) == 6


@pytest.mark.django_db
def test_old_audit_goes_in_portions_and_what_is_younger_stays():
    day, now = 86_400, 1_790_000_000.0
    for age in (400, 380, 366, 364):
        audit.record(SOMEBODY, "x.change", f"x:{age}", None, None)
        AuditRow.objects.filter(subject=f"x:{age}").update(id=id_floor(now - age * day))
    cutoff = now - 365 * day
    assert [retention.delete_before(AuditRow, cutoff, 2) for _ in range(3)] == [2, 1, 0]
    assert AuditRow.objects.get().subject == "x:364"
