from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.exchange import CLIENT_LEFT
from gateway.usage import estimates
from gateway.usage.prices.table import Price, PriceTable
from providers.dialects.types import FailureKind, Refused, Usage
from tests.gateway.usage.trips import BODY, Told, call, token, trip
from tokens.limits.ledger import NOTHING, Amount
from tokens.records import Limits

SONNET = Price(
    "claude-*",
    Decimal(2),
    Decimal(10),
    cache_write_5m=Decimal("2.5"),
    cache_write_1h=Decimal(4),
    max_output=1000,
)
TABLE = PriceTable(
    [
        SONNET,
        Price("dear-*", Decimal(20), Decimal(100)),
        Price("euro", Decimal(1), Decimal(1), currency="EUR"),
    ]
)
BUDGET = Limits("t", budget=Decimal(1))
TOKENS = -(-len(BODY) // 4)


def upper(
    body: bytes = BODY, own: Limits = BUDGET, places=(("claude-x", "p"),), surface="messages", refuses=True
):
    needs = estimates.needs_of(token(own))
    return estimates.upper(trip(surface), call(body, surface), needs, places, TABLE, refuses)


async def test_input_by_its_size_and_output_by_its_ceiling() -> None:
    assert upper() == Amount(TOKENS, 100, Decimal(TOKENS * 2 + 1000) / 10**6)


async def test_the_dearest_place_counts() -> None:
    both = upper(places=(("claude-x", "p"), ("dear-x", "q")))
    assert both.cost == Decimal(TOKENS * 20 + 10_000) / 10**6


async def test_without_max_tokens_the_models_own_ceiling() -> None:
    body = BODY.replace(b'"max_tokens":100,', b"")
    assert upper(body).output_tokens == 1000
    with pytest.raises(Refused) as refused:
        upper(body, places=(("dear-x", "p"),))
    assert refused.value.failure.param == "max_tokens"


@pytest.mark.parametrize(
    ("body", "rate"), [(b"", 2), (b'"cache_control"', 2.5), (b'"cache_control" "1h"', 4)]
)
async def test_cache_writes_cost_more(body: bytes, rate: float) -> None:
    whole = BODY + body
    tokens = -(-len(whole) // 4)
    found = estimates._dearest(call(whole), [SONNET], tokens, 0)
    assert found == Decimal(tokens) * Decimal(str(rate)) / 10**6


async def test_every_choice_is_reserved() -> None:
    body = b'{"model":"claude-x","max_completion_tokens":10,"n":3,"messages":[]}'
    assert upper(body, surface="chat_completions").output_tokens == 30


async def test_only_what_a_limit_needs_is_asked_for() -> None:
    assert upper(b"{", Limits("t", max_requests=1)) == NOTHING
    assert upper(b"{", Limits("t", input_tokens_per_minute=9)).input_tokens == 1
    for own in (BUDGET, Limits("t", output_tokens_per_minute=9)):
        with pytest.raises(Refused) as refused:
            upper(b"{", own)
        assert (refused.value.failure.kind, refused.value.failure.param) == (
            FailureKind.INVALID_REQUEST,
            "model",
        )


@pytest.mark.parametrize(
    "places", [(("nobody", "p"),), (("claude-x", "p"), ("nobody", "q")), (("euro", "p"),)]
)
async def test_a_budget_needs_prices_in_its_currency(places) -> None:
    with pytest.raises(Refused) as refused:
        upper(places=places)
    assert refused.value.failure.kind is FailureKind.PERMISSION
    assert upper(places=places, refuses=False).cost == 0


async def test_counting_and_listing_are_free() -> None:
    for surface in ("count_tokens", "models"):
        assert upper(b"{}", surface=surface) == NOTHING
    assert upper(b'{"model":"claude-x","input":"x"}', surface="openai_forward").output_tokens == 0


def left(usage: Usage, **values):
    found = trip(status=CLIENT_LEFT, is_sent=True, upstream_status=200, bytes_in=640, bytes_out=400)
    found.translator = Told(usage, "m")
    found.is_streaming, found.opening_output_tokens, found.upstream_dialect = True, 1, "anthropic"
    for name, value in values.items():
        setattr(found, name, value)
    return found


async def test_a_client_that_left_is_estimated_from_what_was_seen() -> None:
    assert estimates.seen(left(Usage(12, 5, 0, 0, 1))) == Usage(12, 5, 0, 0, 20, is_estimated=True)
    assert estimates.seen(left(Usage())) == Usage(100, output_tokens=20, is_estimated=True)
    assert estimates.seen(left(Usage(), input_estimate=33)).input_tokens == 33


async def test_final_figures_are_no_estimate() -> None:
    final = Usage(12, 0, 0, 0, 34)
    assert estimates.seen(left(final)) == final
    assert estimates.seen(left(Usage(12), is_whole=True)) == Usage(12)


async def test_what_was_not_answered_costs_nothing() -> None:
    found = left(Usage())
    found.exchange.is_sent = False
    assert estimates.seen(found) == Usage()
    found.exchange.is_sent, found.exchange.upstream_status = True, 500
    assert estimates.seen(found) == Usage()
    found.exchange.status, found.exchange.upstream_status = 504, None
    assert estimates.seen(found) == Usage()
    found.exchange.status = CLIENT_LEFT  # it was sent, and is paid for
    assert estimates.seen(replace(found, translator=None)).input_tokens == 100


async def test_cache_reads_are_no_input_per_minute() -> None:
    assert estimates.used(Usage(1, 2, 3, 4, 5), None) == Amount(8, 5)
