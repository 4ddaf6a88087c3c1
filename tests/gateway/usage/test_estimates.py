from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from gateway.exchange.context import CallContext, Place
from gateway.exchange.surfaces import SURFACES
from gateway.usage import estimates
from gateway.usage.prices.places import Priced
from gateway.usage.prices.table import Price, PriceTable
from providers.catalog.records import ProviderRecord, Route
from providers.dialects import estimate
from providers.dialects.types import Call, CallFields, FailureKind, Refused, Target, Usage
from tests.gateway.usage.contexts import BODY, call, context
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
    return held(context(surface, body, own), places, refuses)


def held(found: CallContext, places: Sequence[tuple[str, str]], refuses: bool = True) -> Amount:
    offer = estimates.offer_of([Priced(*place) for place in places], TABLE)
    return estimates.upper(found, offer, estimates.Policy(refuses)).amount


async def test_input_by_its_size_and_output_by_its_ceiling() -> None:
    assert upper() == Amount(TOKENS, 100, Decimal(TOKENS * 2 + 1000) / 10**6)


async def test_the_dearest_place_counts() -> None:
    both = upper(places=(("claude-x", "p"), ("dear-x", "q")))
    assert both.cost == Decimal(TOKENS * 20 + 10_000) / 10**6


async def test_a_budget_holds_what_a_region_may_cost() -> None:
    record = ProviderRecord("cloud", "vertex", "", options={"project": "p"})
    routes = [
        Route(record, "anthropic", Target("claude-x", id="claude-x@1")),
        Route(ProviderRecord("plain", "anthropic", ""), "anthropic", Target(None)),
    ]
    asked = call(BODY).fields.model or ""
    places = estimates.places_of(asked, routes)
    assert places == [
        ("claude-x", "cloud", ""),
        ("claude-x", "cloud", "vertex/regional"),
        (asked, "plain", ""),
    ]


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
    found, least = estimates.dearest((), [SONNET], (tokens, 0, 0), estimate.writes_cache(whole))
    assert found == least == tokens * rate * 10**4


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


async def test_cache_reads_are_no_input_per_minute() -> None:
    assert estimates.used(Usage(1, 2, 3, 4, 5), None) == Amount(8, 5)


async def test_a_call_that_goes_on_with_a_thread_holds_by_its_context() -> None:
    bound = replace(context("messages", BODY, BUDGET), place=Place("p", "a", tokens=50_000))
    amount = held(bound, (("claude-x", "p"),))
    assert amount.input_tokens == TOKENS + 50_000 and amount.cost > upper().cost


FORM = (
    b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nclaude-x\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    + bytes(400_000)
    + b"\r\n--b--\r\n"
)


async def test_a_form_s_sound_counts_by_its_size_and_needs_no_ceiling() -> None:
    call = Call(
        "openai_forward", "POST", b"/v1/audio/transcriptions", b"",
        ((b"content-type", b"multipart/form-data; boundary=b"),), FORM, CallFields(model="claude-x"),
    )  # fmt: skip
    surface = next(row for row in SURFACES if row.path == "/v1/audio/*")
    bound = replace(context("messages", BODY, BUDGET), call=call, surface=surface)
    amount = held(bound, (("claude-x", "p"),))
    assert 1000 <= amount.input_tokens <= 1010 and amount.output_tokens == 1000
    assert held(bound, (("dear-x", "p"),)).output_tokens == estimates.FORM_OUTPUT_TOKENS


async def test_an_offer_is_worked_out_once_for_the_same_routes_and_prices() -> None:
    offers, asked = estimates.Offers(), call(BODY)
    routes = (Route(ProviderRecord("p", "anthropic", ""), "anthropic", Target("claude-x")),)
    offer = offers.of(TABLE, asked, routes)
    assert (offer.places, offer.prices, offer.ceiling) == ((("claude-x", "p", ""),), (SONNET,), 1000)
    assert offer.currencies == {"USD"} and offers.of(TABLE, asked, routes) is offer
    other = PriceTable([Price("claude-x", Decimal(9), Decimal(9))])
    assert offers.of(other, asked, routes).prices[0].input == 9
    unnamed = (Route(ProviderRecord("p", "anthropic", ""), "anthropic", Target(None)),)
    assert offers.of(other, asked, unnamed).places == ((asked.fields.model, "p", ""),)
    named = call(BODY.replace(b"sonnet", b"opus"))
    assert offers.of(other, named, unnamed).places == ((named.fields.model, "p", ""),)


async def test_offers_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "REMEMBERED", 10)
    offers = estimates.Offers()
    for number in range(100):
        routes = (Route(ProviderRecord(f"p{number}", "anthropic", ""), "anthropic", Target("claude-x")),)
        assert offers.of(TABLE, call(BODY), routes).places[0].provider == f"p{number}"
    assert len(offers) <= 11
