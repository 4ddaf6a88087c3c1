"""Estimate what a call may use at most, before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from gateway.exchange.context import CallContext
from gateway.exchange.surfaces import Action, Surface
from gateway.usage.prices.places import ANYWHERE, Priced, regional
from gateway.usage.prices.table import UNIT, Price, PriceTable
from providers.catalog.catalog import Route
from providers.dialects import estimate, forms
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.openai_responses import INPUT_TOKENS
from providers.dialects.toplevel import DECISIVE, repeated
from providers.dialects.types import MOST_TOKENS, Call, Failure, FailureKind, Refused, Usage
from tokens.limits.ledger import NOTHING, ZERO, Amount

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


class Policy(msgspec.Struct, frozen=True):
    """The operator's decisions. `hold`: output tokens that a budget holds of (ledger, model, so many); None = all."""

    refuses: bool = True  # a model without a price
    hold: Callable[[str, str, int], int] | None = None


class Estimate(msgspec.Struct, frozen=True):
    """The amount that a call holds, and the least money that lets it in."""

    amount: Amount
    least_units: int  # in 1e-10

    @property
    def least_cost(self) -> Decimal:
        return UNIT * self.least_units


LEAST_TOKENS = 256
"""Output that every call holds."""


class Offer(msgspec.Struct, frozen=True):
    """The places that may serve a call, and what holds for all of their prices."""

    places: tuple[Priced, ...]
    prices: tuple[Price, ...]  # those that are known
    currencies: frozenset[
        str
    ]  # the one that every place is paid in; none where not all have prices in the same
    ceiling: int | None  # most output tokens of any; None where one does not say


def offer_of(places: Sequence[Priced], table: PriceTable) -> Offer:
    """Return the offer of these places."""
    found = [table.find(*place) for place in places]
    prices = tuple([price for price in found if price is not None])
    currencies = {None if price is None else price.currency for price in found}
    [only] = currencies if len(currencies) == 1 else [None]
    ceilings = [price.max_output for price in prices if price.max_output is not None]
    is_complete = ceilings and len(ceilings) == len(prices)
    return Offer(
        tuple(places),
        prices,
        frozenset() if only is None else frozenset((only,)),
        max(ceilings) if is_complete else None,
    )


class Offers:
    """Remember the offers of the routes that are taken: they are worked out once, not for every call.

    For one event loop. Routes are known again by being the same object, which is kept with its offer.
    """

    def __init__(self) -> None:
        self._table: PriceTable | None = None
        self._known: dict[int, tuple[Sequence[Route], str | None, Offer]] = {}

    def __len__(self) -> int:
        """Return how many offers are remembered."""
        return len(self._known)

    def of(self, table: PriceTable, call: Call, routes: Sequence[Route]) -> Offer:
        """Return the offer of a call's routes, at the prices of this table."""
        if table is self._table:
            known = self._known.get(id(routes))
            if known is not None and known[0] is routes and known[1] == call.fields.model:
                return known[2]
        if table is not self._table or len(self._known) >= REMEMBERED:
            self._table, self._known = table, {}
        asked = call.fields.model
        offer = offer_of(places_of(asked or "", routes), table)
        self._known[id(routes)] = routes, asked, offer
        return offer


REMEMBERED = 1024


def upper(context: CallContext, offer: Offer, policy: Policy) -> Estimate:
    """Return the estimate over every place that may serve the call.

    Raises `Refused`: a field that a limit needs is missing, unreadable or given twice; or, when `refuses`, a
    model has no price and the token has a money budget.
    """
    call, token, surface = context.call, context.token, context.surface
    needs, fields, hold = token.needs, call.fields, policy.hold
    if not needs.is_any or (call.path in COUNTING if surface.has_body else is_free(call, surface)):
        return FREE
    has_money, body = needs.has_money, call.body
    is_plain = counts_money = False
    if surface.has_body:
        is_chat = call.surface == "chat_completions"
        if fields.is_readable and surface.action is not FORWARD:
            is_plain = estimate.is_plain(body, CHAT_KEYS if is_chat else KEYS)
        if not is_plain and (has_money or needs.has_output):
            _check_body(call, WITH_CHOICES if is_chat else DECISIVE)
        if has_money and fields.model is None:
            raise _missing("model", "a string is required, since this token has a money budget")
    if has_money:
        counts_money = needs.currencies == offer.currencies
        if not counts_money and policy.refuses:
            raise _unpriced(call)
    # A budget that holds what such calls have cost needs no upper bound of this one's input.
    is_rough = not is_plain and hold is not None and not needs.has_input
    input_tokens = -(-len(body) // estimate.BYTES_PER_TOKEN) if is_plain else _input(call, surface, is_rough)
    if context.place is not None:
        input_tokens += context.place.tokens
    output_tokens = _output(call, surface, offer) if counts_money or needs.has_output else 0
    if not counts_money:
        return Estimate(Amount(input_tokens, output_tokens), 0)
    held = least = output_tokens
    if hold is not None:
        held = hold(token.ledger_id, offer.places[0].model, output_tokens)
        least = held if held < LEAST_TOKENS else LEAST_TOKENS
    cached = PLAIN if is_plain else estimate.writes_cache(body, is_rough)
    most, lowest = dearest(fields.modes, offer.prices, (input_tokens, held, least), cached)
    return Estimate(Amount(input_tokens, output_tokens, UNIT * most), lowest)


PLAIN = False, False


def _input(call: Call, surface: Surface, is_rough: bool) -> int:
    if surface.action is FORWARD and (boundary := forms.boundary_of(call.headers)) is not None:
        return _of_form(call.body, boundary)
    return estimate.input_tokens(call.body, is_rough)


FREE = Estimate(NOTHING, 0)


FORWARD = Action.FORWARD  # asking an enumeration for a member takes as long as a function call
COUNTING = frozenset((COUNT_TOKENS, INPUT_TOKENS))
"""Paths at which tokens are counted, and none used."""


def is_free(call: Call, surface: Surface) -> bool:
    """Tell whether a call without a body that we read uses no tokens."""
    is_ours = surface.action in (Action.MODELS, Action.STORED)
    return is_ours or call.method != "POST" or call.path.startswith(WITHOUT_TOKENS)


def places_of(asked: str, routes: Sequence[Route]) -> list[Priced]:
    """Return what may be paid for by each route; the name that was asked where the route has none of its own."""
    places = []
    for route in routes:
        record, sent = route.provider, route.target.model or ""
        places.append(Priced(sent or asked, record.name))
        if record.options and (
            rows := regional(record, sent, ANYWHERE)
        ):  # its account may have a region of its own
            places.append(Priced(sent or asked, record.name, rows))
    return places


def _check_body(call: Call, names: tuple[str, ...]) -> None:
    """Raise `Refused` when a field that a limit needs can't be read, or is given twice."""
    if not call.fields.is_readable:
        raise _missing("model", "the body can't be read, and this token has a limit that needs it")
    if (name := repeated(call.body, names, call.fields.long)) is not None:
        raise _missing(name, "is given more than once")


WITH_CHOICES = (*DECISIVE, "n")
KEYS, CHAT_KEYS = estimate.Keys(DECISIVE), estimate.Keys(WITH_CHOICES)


def _of_form(body: bytes, boundary: bytes) -> int:
    """Return the input tokens of a form: its texts as such, of sound and pictures by their size."""
    spans = [span for found in forms.fields_of(body, boundary).values() for span in found]
    text = sum(end - start for start, end in spans)
    return -(-text // estimate.BYTES_PER_TOKEN) + -(-(len(body) - text) // FORM_BYTES_PER_TOKEN)


def _output(call: Call, surface: Surface, offer: Offer) -> int:
    """Return the output tokens that the call names as its ceiling, or the models' own."""
    if surface.action is FORWARD and call.path.startswith(WITHOUT_OUTPUT):
        return 0
    fields, choices = call.fields, call.fields.choices
    if (ceiling := fields.max_tokens) is not None:
        if not 0 <= ceiling <= MOST_TOKENS:
            ceiling = max(0, min(ceiling, MOST_TOKENS))
        return ceiling if choices == 1 else ceiling * min(choices, MOST_CHOICES)
    if offer.ceiling is not None:
        return offer.ceiling * choices
    if call.path.startswith(WITHOUT_CEILING):
        known = [price.max_output for price in offer.prices if price.max_output is not None]
        return max([FORM_OUTPUT_TOKENS, *known]) * choices
    raise _missing("max_tokens", "must be given, since this token has a limit that needs it")


def dearest(
    modes: tuple[str, ...], prices: Sequence[Price], tokens: tuple[int, int, int], cached: tuple[bool, bool]
) -> tuple[int, int]:
    """Return what (input, output, less output) cost at the dearest place, in 1e-10: with the output, with the less.

    With the dearest kind of input that is asked for.
    """
    input_tokens, output_tokens, less_tokens = tokens
    most = least = 0
    for price in prices:
        rate, _, five, hour, output = price.rates
        if cached is not PLAIN:
            is_cached, is_hour = cached
            rate = max(rate, hour if is_hour else five) if is_cached else rate
        told = input_tokens * rate
        units, less = told + output_tokens * output, told + less_tokens * output
        if modes:
            units, less = price.multiplied(units, modes), price.multiplied(less, modes)
        if units > most:
            most = units
        if less > least:
            least = less
    return most, least


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
    written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    return Amount(usage.input_tokens + written, usage.output_tokens, ZERO if cost is None else cost)
