"""Find the models that have no price: how many calls were refused for it, and how many cost nobody knows what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Sum

from gateway.kernel.moments import id_floor
from gateway.models import DailyUsage, ExchangeRow
from gateway.usage.estimates import NO_PRICE
from providers.dialects.types import FailureKind

DAYS = 7
PORTION = 20_000
"""The newest refusals that are looked at."""
MOST = 50


@dataclass(frozen=True, slots=True)
class Missing:
    """A model without a price, in the last days."""

    model: str
    refused: int
    unpriced: int


def missing(today: date) -> list[Missing]:
    """Return them, those with the most calls first, in three queries over what indexes have in order."""
    first = today - timedelta(days=DAYS - 1)
    rows = DailyUsage.objects.filter(day__gte=first, day__lte=today, unpriced__gt=0).order_by()
    unpriced: dict[str, int] = dict(rows.values_list("model").annotate(total=Sum("unpriced")))
    refused = _refused(first)
    names = sorted(
        {*unpriced, *refused}, key=lambda name: (-refused.get(name, 0) - unpriced.get(name, 0), name)
    )
    return [Missing(name, refused.get(name, 0), unpriced.get(name, 0)) for name in names[:MOST]]


def _refused(first: date) -> dict[str, int]:
    """Return how many calls of each model were refused, among the newest refusals of any sort."""
    floor = id_floor(datetime.combine(first, time(), UTC).timestamp())
    newest: Any = ExchangeRow.objects.filter(status__gte=400, pk__gte=floor).order_by("-id")
    cut = newest.values_list("pk", flat=True)[PORTION : PORTION + 1].first()
    looked_at = newest if cut is None else newest.filter(pk__gt=cut)
    found = looked_at.filter(
        is_refusal=True, failure_kind=FailureKind.PERMISSION.value, failure_message__contains=NO_PRICE
    )
    return dict(found.order_by().values_list("model_asked").annotate(total=Count("id")))
