"""Rows of hours and of whole days: one for each currency, and one that says since when days are counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from gateway.hours.models import DayUsage, HourlyUsage

pytestmark = pytest.mark.django_db


def test_there_is_one_row_for_each_currency() -> None:
    for day in (date(2026, 9, 21), date(2026, 9, 22)):
        for currency in ("", "EUR"):
            assert str(DayUsage.objects.create(day=day, currency=currency)) == f"{day} {currency}"
    with pytest.raises(IntegrityError), transaction.atomic():
        DayUsage.objects.create(day=date(2026, 9, 21), currency="EUR")
    assert str(HourlyUsage.objects.create(hour=5, currency="USD")) == "5 USD"
    with pytest.raises(IntegrityError), transaction.atomic():
        HourlyUsage.objects.create(hour=5, currency="USD")


def test_a_migrated_database_says_since_when_days_are_counted() -> None:
    begun = DayUsage.objects.get(currency=DayUsage.BEGUN)
    today = datetime.now(UTC).date()
    assert today - timedelta(days=1) <= begun.day <= today and begun.requests == begun.units == 0
