"""Delete exchanges, audit and the request log that are older than the options keep them. Daily sums stay."""

from __future__ import annotations

from gateway.kernel.moments import id_floor
from gateway.models import AuditRow, ExchangeRow, RequestLogRow

DAY_SECONDS = 86_400


def delete_before(model: type[ExchangeRow | AuditRow | RequestLogRow], at: float, limit: int) -> int:
    """Delete at most `limit` rows whose id was made before `at` (Unix seconds); return how many went."""
    rows = model._default_manager
    oldest = rows.filter(pk__lt=id_floor(at)).order_by("pk").values_list("pk", flat=True)[:limit]
    deleted, _ = rows.filter(pk__in=list(oldest)).delete()
    return deleted
