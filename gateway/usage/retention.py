"""Deletes exchanges that are older than `USAGE_RETENTION_DAYS`. Daily sums stay."""

from __future__ import annotations

import uuid

from gateway.models import ExchangeRow

DAY_SECONDS = 86_400


def id_floor(at: float) -> uuid.UUID:
    """The lowest UUIDv7 of that moment (Unix seconds): rows before it have lower ids."""
    milliseconds = min(max(int(at * 1000), 0), (1 << 48) - 1)
    return uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62))


def delete_before(at: float, limit: int) -> int:
    """Delete at most `limit` rows whose id was made before `at` (Unix seconds); how many went."""
    oldest = (
        ExchangeRow.objects.filter(pk__lt=id_floor(at)).order_by("pk").values_list("pk", flat=True)[:limit]
    )
    deleted, _ = ExchangeRow.objects.filter(pk__in=list(oldest)).delete()
    return deleted
