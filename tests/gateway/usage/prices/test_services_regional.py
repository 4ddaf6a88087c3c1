"""The migration that came with regional prices: a tenth more where nothing was changed, nothing else."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from gateway.models import GatewayRevision, PriceRow

MIGRATION: Any = import_module("gateway.migrations.0013_regional_prices")
REGIONAL = ("bedrock/regional", "vertex/regional")

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("place", REGIONAL)
def test_what_stays_in_a_region_costs_a_tenth_more(place: str) -> None:
    row = PriceRow.objects.get(model="claude-opus-4-5*", provider=place)
    prices = (row.input, row.output, row.cache_read, row.cache_write_5m, row.cache_write_1h)
    assert prices == tuple(map(Decimal, ("5.5", "27.5", "0.55", "6.875", "11")))
    plain = PriceRow.objects.get(model="claude-opus-4-5", provider="")
    assert (row.max_output, row.fast_multiple) == (plain.max_output, plain.fast_multiple)


def test_every_shipped_model_of_anthropic_has_its_rows() -> None:
    names = PriceRow.objects.filter(provider="", model__startswith="claude-").values_list("model", flat=True)
    assert len(names) > 20
    for place in REGIONAL:
        patterns = [row.model[:-1] for row in PriceRow.objects.filter(provider=place)]
        assert all(any(name.startswith(pattern) for pattern in patterns) for name in names)


def test_the_operators_own_prices_stay_and_hold_in_regions() -> None:
    PriceRow.objects.filter(provider__in=REGIONAL).delete()
    own = {"output": 1, "source": "ours"}
    PriceRow.objects.create(model="claude-haiku-4-5*", provider="bedrock/regional", input=2, **own)
    PriceRow.objects.filter(model="claude-opus-5").update(input=3, **own)
    PriceRow.objects.filter(model="claude-opus-4-5-20251101").delete()
    before = GatewayRevision.objects.get(pk=1).value
    MIGRATION.fill(apps, None)
    rows = {(row.model, row.provider): row.input for row in PriceRow.objects.all()}
    assert rows["claude-haiku-4-5*", "bedrock/regional"] == 2
    assert rows["claude-haiku-4-5*", "vertex/regional"] == Decimal("1.1")
    assert rows["claude-opus-5", ""] == 3
    for changed in ("claude-opus-5*", "claude-opus-4-5*"):
        assert not [place for place in REGIONAL if (changed, place) in rows]
    assert GatewayRevision.objects.get(pk=1).value == before + 1
