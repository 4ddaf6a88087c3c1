"""The migration that came with new terms: shipped models have them, the operator's own prices stay."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from gateway.models import GatewayRevision, PriceRow

MIGRATION: Any = import_module("gateway.migrations.0007_price_terms")

pytestmark = pytest.mark.django_db


def test_new_models_and_terms_are_there() -> None:
    row = PriceRow.objects.get(model="claude-fable-5-2")
    prices = (row.input, row.output, row.cache_read, row.cache_write_5m, row.cache_write_1h, row.max_output)
    assert prices == tuple(map(Decimal, ("8", "40", "0.8", "10", "16", "128000")))
    terms = (row.web_search, row.batch_multiple, row.fast_multiple, row.region_multiple)
    assert terms == tuple(map(Decimal, ("10", "0.5", "6", "1.1")))
    assert PriceRow.objects.get(model="gpt-5.6").fast_multiple == 2


def test_the_operators_own_prices_stay() -> None:
    PriceRow.objects.filter(model="claude-fable-5-2").update(input=1, output=2, source="ours")
    PriceRow.objects.filter(model="claude-opus-5-5").delete()
    PriceRow.objects.create(model="claude-*", input=3, output=4, source="ours")
    before = GatewayRevision.objects.get(pk=1).value
    MIGRATION.fill(apps, None)
    assert list(
        PriceRow.objects.filter(source="ours").values_list("model", "input", "output").order_by("model")
    ) == [
        ("claude-*", 3, 4),
        ("claude-fable-5-2", 1, 2),
    ]
    assert not PriceRow.objects.filter(model="claude-opus-5-5").exists()
    assert GatewayRevision.objects.get(pk=1).value == before + 1
