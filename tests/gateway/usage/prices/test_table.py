"""Prices to the cent: the shipped table against what the vendors' answers say."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.usage.prices import services
from gateway.usage.prices.table import Cost, Price, PriceTable
from providers.dialects import anthropic, openai_chat, openai_responses
from providers.dialects.types import Part, Usage

SEED = json.loads(Path(services.__file__).with_name("seed.json").read_text())


def shipped() -> PriceTable:
    prices = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    return PriceTable(
        Price(
            model=row["model"],
            max_output=row.get("max_output"),
            **{name: Decimal(row[name]) for name in prices if name in row},
        )
        for row in SEED["prices"]
    )


ANTHROPIC = {
    "model": "claude-sonnet-5-5",
    "usage": {
        "input_tokens": 1000,  # cached tokens are beside these
        "cache_read_input_tokens": 50_000,
        "cache_creation_input_tokens": 3000,
        "cache_creation": {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 1000},
        "output_tokens": 500,
    },
}
CHAT = {
    "model": "gpt-5",
    "usage": {
        "prompt_tokens": 51_000,  # cached tokens are among these
        "prompt_tokens_details": {"cached_tokens": 50_000},
        "completion_tokens": 500,
        "completion_tokens_details": {"reasoning_tokens": 400},
    },
}
RESPONSES = {
    "model": "gpt-5",
    "usage": {
        "input_tokens": 51_000,
        "input_tokens_details": {"cached_tokens": 50_000},
        "output_tokens": 500,
        "output_tokens_details": {"reasoning_tokens": 400},
    },
}


@pytest.mark.parametrize(
    ("read_totals", "answer", "cost"),
    [
        # 1000 x 2 + 50000 x 0.1 + 2000 x 2.5 + 1000 x 4 + 500 x 10, by the million
        (anthropic.read_totals, ANTHROPIC, "0.021"),
        # 1000 x 1.25 + 50000 x 0.125 + 500 x 10
        (openai_chat.read_totals, CHAT, "0.0125"),
        (openai_responses.read_totals, RESPONSES, "0.0125"),
    ],
)
def test_vendor_answers_to_the_cent(read_totals, answer, cost) -> None:
    model, usage = read_totals(json.dumps(answer).encode())
    assert shipped().cost(usage, model) == Cost(Decimal(cost), "USD")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # importing on a busy machine
@given(st.tuples(*[st.integers(0, 10**9)] * 5), st.tuples(*[st.integers(0, 10**7)] * 5))
def test_a_cost_is_exact_in_ten_decimals(counts, rates) -> None:
    prices = [Decimal(rate).scaleb(-4) for rate in rates]
    row = Price("m", prices[0], prices[4], "", prices[1], prices[2], prices[3])
    cost = PriceTable([row]).cost(Usage(*counts), "m")
    exact = sum(count * price for count, price in zip(counts, prices, strict=True)) / 10**6
    assert cost is not None
    assert cost.amount == exact
    assert -cost.amount.as_tuple().exponent <= 10


def price(model: str, input_price: str, provider: str = "") -> Price:
    return Price(model, Decimal(input_price), Decimal(1), provider)


def test_the_nearest_row_wins() -> None:
    table = PriceTable(
        [
            price("*", "1"),
            price("claude-*", "2"),
            price("claude-opus-*", "3"),
            price("claude-opus-5", "4"),
            price("claude-*", "5", "cheap"),
        ]
    )

    def found(model: str, provider: str = "") -> str:
        row = table.find(model, provider)
        return "" if row is None else str(row.input)

    assert [found(name) for name in ("x", "claude-x", "claude-opus-x", "claude-opus-5")] == [
        "1",
        "2",
        "3",
        "4",
    ]
    assert found("claude-opus-5", "cheap") == "5"
    assert found("gpt", "cheap") == "1"
    assert PriceTable([price("a", "1", "p")]).find("a") is None


def test_a_provider_s_own_price_goes_before_the_regions_and_that_before_any() -> None:
    rows = [price("a", "1"), price("a*", "2", "cloud/regional"), price("*", "3", "mine")]
    table = PriceTable(rows)

    def found(*place: str) -> Decimal:
        row = table.find("a", *place)
        assert row is not None
        return row.input

    assert [found(), found("other"), found("other", "cloud/regional")] == [1, 1, 2]
    assert [found("mine"), found("mine", "cloud/regional")] == [3, 3]
    usage = Usage(input_tokens=1_000_000, parts=(Part(input_tokens=1_000_000, model="a"),))
    cost = table.cost(usage, "a", "other", "cloud/regional")
    assert cost is not None and cost.amount == 4


def test_prices_that_are_not_given_fall_back() -> None:
    table = PriceTable([Price("m", Decimal(2), Decimal(8), cache_write_5m=Decimal(3))])
    cost = table.cost(Usage(0, 10**6, 10**6, 10**6, 0), "m")
    assert cost is not None
    assert cost.amount == 2 + 3 + 3


def test_names_that_callers_invent_are_not_remembered_without_end() -> None:
    table = PriceTable([])
    for number in range(10_000):
        table.find(str(number))
    assert len(table) <= 4096


TERMS = Price(
    "claude-x",
    Decimal(2),
    Decimal(10),
    fast_multiple=Decimal(6),
    region_multiple=Decimal("1.1"),
    max_output=9,
)
ADVISER = Price("claude-adviser", Decimal(5), Decimal(25))


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(1000, output_tokens=100), "0.003"),
        (Usage(1000, output_tokens=100, modes=("batch",)), "0.0015"),
        (Usage(1000, output_tokens=100, modes=("fast",)), "0.018"),
        (Usage(1000, output_tokens=100, modes=("region",)), "0.0033"),
        (Usage(1000, output_tokens=100, modes=("batch", "fast", "region")), "0.0099"),
        (Usage(1000, output_tokens=100, web_searches=3), "0.033"),
        (Usage(1000, output_tokens=100, web_searches=1, modes=("batch",)), "0.0115"),
        (Usage(1000, output_tokens=100, parts=(Part(None, 1000),)), "0.005"),
        (Usage(1000, output_tokens=100, parts=(Part("claude-adviser", 1000, output_tokens=10),)), "0.00825"),
        (Usage(1000, output_tokens=100, parts=(Part("unknown", 1000),)), "0.005"),
        (Usage(1, modes=("region",)), "0.0000022"),
    ],
)
def test_what_has_a_price_beside_the_counts(usage: Usage, cost: str) -> None:
    found = PriceTable([TERMS, ADVISER]).cost(usage, "claude-x")
    assert found is not None and found.amount == Decimal(cost)


def test_ceilings() -> None:
    table = PriceTable([TERMS, ADVISER])
    assert (table.ceiling("claude-x"), table.ceiling("claude-adviser"), table.ceiling("no")) == (
        9,
        None,
        None,
    )
