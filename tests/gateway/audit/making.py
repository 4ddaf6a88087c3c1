"""Audit entries of every kind, some at another time than now."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from gateway.kernel import audit
from gateway.kernel.moments import id_floor
from gateway.kernel.principal import Principal, PrincipalKind
from gateway.models import AuditRow
from tests.principals import SOMEBODY

KEY = Principal(PrincipalKind.ADMIN_KEY, "", "192.0.2.9")


def entry(
    action: str = "account.change", subject: str = "account:a", *, of: Principal = SOMEBODY, at: str = ""
) -> AuditRow:
    """Record a change of a weight, `at` a moment of RFC 3339."""
    with transaction.atomic():
        audit.record(of, action, subject, {"weight": 1}, {"weight": 2})
    row = AuditRow.objects.order_by("-id")[0]
    if at:
        moment = datetime.fromisoformat(at)
        moved = UUID(int=id_floor(moment.timestamp()).int | (row.pk.int & ((1 << 62) - 1)))
        AuditRow.objects.filter(pk=row.pk).update(id=moved, at=moment)
        row = AuditRow.objects.get(pk=moved)
    return row
