from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.models import GatewayRevision, PriceRow
from gateway.usage.prices import services
from gateway.usage.prices.copy import Prices
from gateway.usage.prices.errors import BadPrice, PriceNotFound
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db


def test_the_shipped_prices_are_there_with_their_date() -> None:
    row = PriceRow.objects.get(model="claude-sonnet-5-5")
    assert (row.input, row.output, row.currency, row.max_output) == (2, 10, "USD", 128_000)
    assert row.priced_on is not None
    assert "LiteLLM" in row.source
    assert services.currencies() == {"USD"}


def test_a_price_is_made_and_changed() -> None:
    with pytest.raises(BadPrice, match="output: must be given"):
        services.put("mine", input="1", principal=SOMEBODY)
    services.put("mine", input="1.25", output="5", priced_on="2026-11-24", principal=SOMEBODY)
    changed = services.put("mine", cache_read="0.1", principal=SOMEBODY)
    assert (changed.input, changed.cache_read, changed.output) == (Decimal("1.25"), Decimal("0.1"), 5)
    services.put("mine", "there", input="2", output="6", principal=SOMEBODY)
    assert PriceRow.objects.filter(model="mine").count() == 2
    services.delete("mine", "there", principal=SOMEBODY)
    with pytest.raises(PriceNotFound):
        services.delete("mine", "there", principal=SOMEBODY)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"input": "-1"}, "input"),
        ({"input": "0.00001"}, "input"),
        ({"input": "NaN"}, "input"),
        ({"input": True}, "input"),
        ({"input": None}, "input"),
        ({"output": "1e20"}, "output"),
        ({"currency": "usd"}, "currency"),
        ({"max_output": 0}, "max_output"),
        ({"priced_on": "yesterday"}, "priced_on"),
        ({"source": "x" * 256}, "source"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_can_not_be_is_named(given: dict[str, object], field: str) -> None:
    with pytest.raises(BadPrice) as caught:
        services.put("mine", **{"input": "1", "output": "1", **given}, principal=SOMEBODY)
    assert caught.value.param == field
    assert not PriceRow.objects.filter(model="mine").exists()


def test_many_are_set_all_or_none() -> None:
    rows = [{"model": "a1", "input": "1", "output": "2"}, {"model": "b1", "input": "x", "output": "2"}]
    with pytest.raises(BadPrice):
        services.put_all(rows, {"currency": "USD"}, principal=SOMEBODY)
    assert not PriceRow.objects.filter(model="a1").exists()
    assert services.put_all(rows[:1], {"currency": "EUR"}, principal=SOMEBODY) == 1
    assert services.currencies() == {"EUR", "USD"}


def test_the_copy_follows_and_its_revision_grows(django_capture_on_commit_callbacks) -> None:
    copy = Prices()
    assert copy.revision == -1
    copy.load()
    before = copy.revision
    heard: list[int] = []
    services.on_change(lambda: heard.append(1))
    with django_capture_on_commit_callbacks(execute=True):
        services.put("mine", input="1", output="2", principal=SOMEBODY)
    assert heard
    assert GatewayRevision.objects.get().value == before + 1
    assert copy.table.find("mine") is None
    copy.apply_changes()
    assert copy.revision == before + 1
    assert copy.table.find("mine") is not None
