"""Models without a price: refused, or called at an unknown cost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.models import DailyUsage
from gateway.usage.prices.missing import Missing, missing
from providers.dialects.types import FailureKind
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db
WORDS = "The model new-one has no known price, and this token has a money budget"


def refused(model: str = "new-one", words: str = WORDS) -> None:
    call(
        status=403, is_refusal=True, failure_kind=FailureKind.PERMISSION, failure_message=words, model_asked=model,
        model_served="",
    )  # fmt: skip


def test_refusals_and_unpriced_calls_are_counted_by_model(django_assert_max_num_queries: Any) -> None:
    today = datetime.now(UTC).date()
    assert missing(today) == []
    for _ in range(3):
        refused()
    refused("other", "This token may not use the model other")
    DailyUsage.objects.all().update(model="older", unpriced=2)
    unpriced = DailyUsage.objects.count() * 2
    with django_assert_max_num_queries(3):
        found = missing(today)
    assert set(found) == {Missing("new-one", 3, 0), Missing("older", 0, unpriced)}
