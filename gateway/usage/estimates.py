"""What a call may take at most, before it is sent; and what one took whose end nobody saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from gateway.exchange import CLIENT_LEFT, NO_USAGE
from gateway.surfaces import Action
from gateway.trip import Trip
from gateway.usage.prices.table import Price, PriceTable
from providers.catalog import Route
from providers.dialects import estimate
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.toplevel import DECISIVE, repeated
from providers.dialects.types import Call, Failure, FailureKind, Refused, Usage
from tokens.limits.ledger import NOTHING, ZERO, Amount, counted, currency_of
from tokens.records import TokenRecord

WITHOUT_OUTPUT = (b"/v1/embeddings", b"/v1/moderations", b"/v1/rerank")
WITHOUT_TOKENS = (b"/v1/files", b"/v1/skills")
"""Of the paths passed on to Anthropic: whatever is sent there costs nothing by itself."""

BYTES_PER_OUTPUT_TOKEN = {"anthropic": 32, "openai_chat": 200, "openai_responses": 150}
"""Of a stream, with the frame that each delta comes in."""
BYTES_OF_WHOLE = 4
"""Of an answer that is one JSON document."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be known of a call for the limits of a token."""

    has_input: bool
    has_output: bool
    currencies: frozenset[str]  # of its budgets


def needs_of(token: TokenRecord) -> Needs:
    has_input = has_output = False
    currencies: set[str] = set()
    for limits in counted(token):
        has_input = has_input or limits.input_tokens_per_minute is not None
        has_output = has_output or limits.output_tokens_per_minute is not None
        if limits.budget is not None:
            currencies.add(currency_of(limits))
    return Needs(has_input, has_output, frozenset(currencies))


def upper(
    trip: Trip, call: Call, needs: Needs, places: Sequence[tuple[str, str]], prices: PriceTable, refuses: bool
) -> Amount:
    """The upper estimate over every (model, provider) that may serve the call.

    Raises `Refused`: a field that a limit needs is missing, unreadable or given twice; or, when `refuses`, a model has
    no price and the token has a money budget.
    """
    has_money = bool(needs.currencies)
    if is_free(trip, call) or not (needs.has_input or needs.has_output or has_money):
        return NOTHING
    _check_body(trip, call, has_money or needs.has_output)
    if has_money and trip.surface.has_body and call.fields.model is None:
        raise _missing("model", "a string is required, since this token has a money budget")
    found = [prices.find(model, provider) for model, provider in places]
    known = [price for price in found if price is not None]
    counts_money = has_money and all(_is_priced(price, needs.currencies) for price in found) and bool(found)
    if has_money and not counts_money and refuses:
        raise _unpriced(call)
    input_tokens = estimate.input_tokens(call.body)
    output_tokens = 0
    if needs.has_output or counts_money:
        output_tokens = _output(call, known)
    cost = _dearest(call, known, input_tokens, output_tokens) if counts_money else ZERO
    return Amount(input_tokens, output_tokens, cost)


def is_free(trip: Trip, call: Call) -> bool:
    """Calls that use no tokens whatever is in them."""
    if call.path == COUNT_TOKENS or trip.surface.action is Action.MODELS:
        return True
    return not trip.surface.has_body and (call.method != "POST" or call.path.startswith(WITHOUT_TOKENS))


def places_of(call: Call, routes: Sequence[Route]) -> list[tuple[str, str]]:
    """(model, provider) of each route; the name that was asked where the route has none of its own."""
    asked = call.fields.model or ""
    return [(route.target.model or asked, route.provider.name) for route in routes]


def _check_body(trip: Trip, call: Call, needs_fields: bool) -> None:
    if not trip.surface.has_body or not needs_fields:
        return
    if not call.fields.is_readable:
        raise _missing("model", "the body can't be read, and this token has a limit that needs it")
    names = (*DECISIVE, "n") if call.surface == "chat_completions" else DECISIVE
    if (name := repeated(call.body, names, call.fields.long)) is not None:
        raise _missing(name, "is given more than once")


def _output(call: Call, prices: list[Price]) -> int:
    """The ceiling that the call names, or the models' own."""
    if call.path.startswith(WITHOUT_OUTPUT):
        return 0
    choices = call.fields.choices
    if call.fields.max_tokens is not None:
        return max(0, call.fields.max_tokens) * choices
    ceilings = [price.max_output for price in prices]
    known = [ceiling for ceiling in ceilings if ceiling is not None]
    if not ceilings or len(known) < len(ceilings):
        raise _missing("max_tokens", "must be given, since this token has a limit that needs it")
    return max(known) * choices


def _dearest(call: Call, prices: list[Price], input_tokens: int, output_tokens: int) -> Decimal:
    """At the dearest place, with the dearest kind of input that the body asks for."""
    is_cached, is_hour = estimate.writes_cache(call.body)
    most = 0
    for price in prices:
        plain, _, five, hour, output = price.rates
        rate = max(plain, hour if is_hour else five) if is_cached else plain
        most = max(most, input_tokens * rate + output_tokens * output)
    return Decimal(most).scaleb(-10)


def _is_priced(price: Price | None, currencies: frozenset[str]) -> bool:
    return price is not None and currencies == {price.currency}


def _missing(name: str, why: str) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, f"{name}: {why}", param=name))


def _unpriced(call: Call) -> Refused:
    what = f"The model {call.fields.model}" if call.fields.model else "This call"
    text = f"{what} has no known price, and this token has a money budget"
    return Refused(Failure(FailureKind.PERMISSION, text, param="model"))


def seen(trip: Trip) -> Usage:
    """The vendor's usage where it told it; else what can be concluded from the bytes that came, flagged."""
    exchange = trip.exchange
    usage = NO_USAGE if trip.translator is None else trip.translator.usage
    has_answered = exchange.upstream_status is not None
    if trip.is_whole or not exchange.is_sent or (has_answered and (exchange.upstream_status or 0) >= 400):
        return usage
    if not has_answered and exchange.status != CLIENT_LEFT:
        return usage
    output_tokens = usage.output_tokens
    is_final = output_tokens > trip.opening_output_tokens
    if not is_final:
        size = BYTES_PER_OUTPUT_TOKEN.get(trip.upstream_dialect, 32) if trip.is_streaming else BYTES_OF_WHOLE
        output_tokens = max(output_tokens, -(-exchange.bytes_in // size))
    input_tokens = usage.input_tokens
    if usage.input_tokens + usage.cache_read_tokens + _written(usage) == 0:
        input_tokens = trip.input_estimate or exchange.bytes_out // estimate.BYTES_PER_TOKEN
    return replace(usage, input_tokens=input_tokens, output_tokens=output_tokens, is_estimated=not is_final)


def _written(usage: Usage) -> int:
    return usage.cache_write_5m_tokens + usage.cache_write_1h_tokens


def used(usage: Usage, cost: Decimal | None) -> Amount:
    """What a ledger counts of a usage: cache reads do not count as input per minute."""
    return Amount(usage.input_tokens + _written(usage), usage.output_tokens, ZERO if cost is None else cost)
