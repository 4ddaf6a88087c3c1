"""Estimate what a call may use at most, before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from gateway.exchange.context import CallContext
from gateway.exchange.surfaces import Action
from gateway.usage.prices.places import ANYWHERE, Priced, regional
from gateway.usage.prices.table import Price, PriceTable
from providers.catalog.catalog import Route
from providers.dialects import estimate, forms
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.openai_responses import INPUT_TOKENS
from providers.dialects.toplevel import DECISIVE, repeated
from providers.dialects.types import MOST_TOKENS, Call, Failure, FailureKind, Refused, Usage
from tokens.limits.ledger import NOTHING, ZERO, Amount, counted, currency_of
from tokens.records import TokenRecord

WITHOUT_CEILING = (b"/v1/audio/", b"/v1/images/")
"""Paths whose calls can't name a ceiling of the output."""
FORM_OUTPUT_TOKENS = 8192
FORM_BYTES_PER_TOKEN = 400
"""Of sound and pictures in a form: a token stands for a tenth of a second or for a patch of a picture."""
WITHOUT_OUTPUT = (b"/v1/embeddings", b"/v1/moderations", b"/v1/rerank")
WITHOUT_TOKENS = (b"/v1/files", b"/v1/skills")
"""Paths passed on to Anthropic for which a call costs nothing by itself, whatever is sent."""

MOST_CHOICES = 1000
NO_PRICE = "has no known price"
"""Stands in every refusal for want of a price."""


class Needs(msgspec.Struct, frozen=True):
    """Figures of a call that the limits of its token ask for."""

    has_input: bool
    has_output: bool
    currencies: frozenset[str]  # of its budgets


class Policy(msgspec.Struct, frozen=True):
    """The operator's decisions. `hold`: output tokens that a budget holds of so many at most; None = all."""

    refuses: bool = True  # a model without a price
    hold: Callable[[int], int] | None = None


class Estimate(msgspec.Struct, frozen=True):
    """The amount that a call holds, and the least money that lets it in."""

    amount: Amount
    least_cost: Decimal


LEAST_TOKENS = 256
"""Output that every call holds."""


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
    context: CallContext,
    needs: Needs,
    places: Sequence[Priced],
    prices: PriceTable,
    policy: Policy,
) -> Estimate:
    """Return the estimate over every place that may serve the call.

    Raises `Refused`: a field that a limit needs is missing, unreadable or given twice; or, when `refuses`, a
    model has no price and the token has a money budget.
    """
    call, has_money = context.call, bool(needs.currencies)
    if is_free(context) or not (needs.has_input or needs.has_output or has_money):
        return Estimate(NOTHING, ZERO)
    _check_body(context, has_money or needs.has_output)
    if has_money and context.surface.has_body and call.fields.model is None:
        raise _missing("model", "a string is required, since this token has a money budget")
    found = [prices.find(*place) for place in places]
    known = [price for price in found if price is not None]
    counts_money = has_money and all(_is_priced(price, needs.currencies) for price in found) and bool(found)
    if has_money and not counts_money and policy.refuses:
        raise _unpriced(call)
    # A budget that holds what such calls have cost needs no upper bound of this one's input.
    is_rough = policy.hold is not None and not needs.has_input
    before = 0 if context.place is None else context.place.tokens
    boundary = forms.boundary_of(call.headers) if context.surface.action is Action.FORWARD else None
    told = estimate.input_tokens(call.body, is_rough) if boundary is None else _of_form(call.body, boundary)
    input_tokens = before + told
    output_tokens = 0
    if needs.has_output or counts_money:
        output_tokens = _output(call, known)
    if not counts_money:
        return Estimate(Amount(input_tokens, output_tokens, ZERO), ZERO)
    held = output_tokens if policy.hold is None else policy.hold(output_tokens)
    least = min(held, LEAST_TOKENS)
    units = estimate.writes_cache(call.body, is_rough)
    modes = call.fields.modes
    cost, lowest = (dearest(modes, known, (input_tokens, tokens), units) for tokens in (held, least))
    return Estimate(Amount(input_tokens, output_tokens, cost), cost if policy.hold is None else lowest)


COUNTING = frozenset((COUNT_TOKENS, INPUT_TOKENS))
"""Paths at which tokens are counted, and none used."""


def is_free(context: CallContext) -> bool:
    """Tell whether the call uses no tokens, whatever is in it."""
    call = context.call
    if call.path in COUNTING or context.surface.action in (Action.MODELS, Action.STORED):
        return True
    return not context.surface.has_body and (call.method != "POST" or call.path.startswith(WITHOUT_TOKENS))


def places_of(call: Call, routes: Sequence[Route]) -> list[Priced]:
    """Return what may be paid for by each route; the name that was asked where the route has none of its own."""
    asked, places = call.fields.model or "", []
    for route in routes:
        record, sent = route.provider, route.target.model or ""
        places.append(Priced(sent or asked, record.name))
        if record.options and (
            rows := regional(record, sent, ANYWHERE)
        ):  # its account may have a region of its own
            places.append(Priced(sent or asked, record.name, rows))
    return places


def _check_body(context: CallContext, needs_fields: bool) -> None:
    call = context.call
    if not context.surface.has_body or not needs_fields:
        return
    if not call.fields.is_readable:
        raise _missing("model", "the body can't be read, and this token has a limit that needs it")
    names = (*DECISIVE, "n") if call.surface == "chat_completions" else DECISIVE
    if (name := repeated(call.body, names, call.fields.long)) is not None:
        raise _missing(name, "is given more than once")


def _of_form(body: bytes, boundary: bytes) -> int:
    """Return the input tokens of a form: its texts as such, of sound and pictures by their size."""
    spans = [span for found in forms.fields_of(body, boundary).values() for span in found]
    text = sum(end - start for start, end in spans)
    return -(-text // estimate.BYTES_PER_TOKEN) + -(-(len(body) - text) // FORM_BYTES_PER_TOKEN)


def _output(call: Call, prices: list[Price]) -> int:
    """Return the output tokens that the call names as its ceiling, or the models' own."""
    if call.path.startswith(WITHOUT_OUTPUT):
        return 0
    choices = call.fields.choices
    if call.fields.max_tokens is not None:
        return min(max(0, call.fields.max_tokens), MOST_TOKENS) * min(choices, MOST_CHOICES)
    ceilings = [price.max_output for price in prices]
    known = [ceiling for ceiling in ceilings if ceiling is not None]
    is_complete = ceilings and len(known) == len(ceilings)
    if not is_complete and call.path.startswith(WITHOUT_CEILING):
        return max([FORM_OUTPUT_TOKENS, *known]) * choices
    if not is_complete:
        raise _missing("max_tokens", "must be given, since this token has a limit that needs it")
    return max(known) * choices


def dearest(
    modes: tuple[str, ...], prices: list[Price], tokens: tuple[int, int], cached: tuple[bool, bool]
) -> Decimal:
    """Return the cost of (input, output) at the dearest place, with the dearest kind of input that is asked for."""
    input_tokens, output_tokens = tokens
    is_cached, is_hour = cached
    most = 0
    for price in prices:
        plain, _, five, hour, output = price.rates
        rate = max(plain, hour if is_hour else five) if is_cached else plain
        units = input_tokens * rate + output_tokens * output
        most = max(most, price.multiplied(units, modes) if modes else units)
    return Decimal(most).scaleb(-10)


def _is_priced(price: Price | None, currencies: frozenset[str]) -> bool:
    return price is not None and currencies == {price.currency}


def _missing(name: str, why: str) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, f"{name}: {why}", param=name))


def _unpriced(call: Call) -> Refused:
    what = f"The model {call.fields.model}" if call.fields.model else "This call"
    text = f"{what} {NO_PRICE}, and this token has a money budget"
    return Refused(Failure(FailureKind.PERMISSION, text, param="model"))


def written(usage: Usage) -> int:
    """Return the tokens that were written to the vendor's prompt cache."""
    return usage.cache_write_5m_tokens + usage.cache_write_1h_tokens


def used(usage: Usage, cost: Decimal | None) -> Amount:
    """Return what a ledger counts of a usage: cache reads do not count as input per minute."""
    return Amount(usage.input_tokens + written(usage), usage.output_tokens, ZERO if cost is None else cost)
