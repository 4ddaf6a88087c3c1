"""Read the calls of a batch: which models they ask for, and what all of them may cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from gateway.exchange.surfaces import EXTRA, EXTRA_DIALECT
from gateway.usage.estimates import LEAST_TOKENS, Estimate, dearest
from gateway.usage.prices.table import UNIT, Price, PriceTable
from providers.dialects import estimate
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.table import DIALECTS
from providers.dialects.toplevel import DECISIVE, repeated
from providers.dialects.types import BATCH, MOST_TOKENS, Call, CallFields, Failure, FailureKind, Refused
from tokens.limits.ledger import Amount
from tokens.records import Needs

PATH = b"/v1/messages/batches"
QUICK_BYTES = 262_144
"""A batch above this size is looked through in a thread of its own."""


class _Request(msgspec.Struct):
    params: msgspec.Raw = msgspec.Raw()


class _Batch(msgspec.Struct):
    requests: list[_Request]


_decoder = msgspec.json.Decoder(_Batch)
_read_call = DIALECTS[EXTRA_DIALECT].read_call


@dataclass(frozen=True, slots=True)
class Terms:
    """What an estimate goes by. `hold`: output tokens that a budget holds of (model, so many at most); None = all."""

    providers: Sequence[str]
    prices: PriceTable
    refuses: bool  # a model without a price
    hold: Callable[[str, int], int] | None = None


def is_made(call: Call) -> bool:
    """Tell whether the call makes a batch."""
    return call.path == PATH and call.method == "POST" and call.surface == EXTRA


def is_about(call: Call) -> bool:
    """Tell whether the call is about batches."""
    return call.surface == EXTRA and (call.path == PATH or call.path.startswith(PATH + b"/"))


def models_of(body: bytes) -> Iterator[str]:
    """Return the model of each call of a batch. Raises `Refused` for one that names none."""
    for field, _, fields in _read(body):
        yield _model(field, fields)


async def upper(body: bytes, needs: Needs, terms: Terms) -> Estimate:
    """Return the estimate over all calls of a batch. Raises `Refused` naming the field that it needs."""
    if len(body) > QUICK_BYTES:
        return await asyncio.to_thread(_upper, body, needs, terms)
    return _upper(body, needs, terms)


def _upper(body: bytes, needs: Needs, terms: Terms) -> Estimate:
    input_tokens = output_tokens = 0
    cost = least = 0
    for field, raw, fields in _read(body):
        model = _model(field, fields)
        if (name := repeated(raw, DECISIVE, fields.long)) is not None:
            raise _bad(f"{field}.{name}", "is given more than once")
        found = [terms.prices.find(model, provider) for provider in terms.providers]
        known = [price for price in found if price is not None and needs.currencies <= {price.currency}]
        if needs.currencies and terms.refuses and not (found and len(known) == len(found)):
            raise _bad(f"{field}.model", f"{model} has no known price, and this token has a money budget")
        asked = estimate.input_tokens(raw)
        ceiling = _ceiling(field, fields, known)
        input_tokens += asked
        output_tokens += ceiling
        if needs.currencies and known:
            held = ceiling if terms.hold is None else terms.hold(model, ceiling)
            modes, units = (*fields.modes, BATCH), estimate.writes_cache(raw)
            most, lowest = dearest(modes, known, (asked, held, min(held, LEAST_TOKENS)), units)
            cost, least = cost + most, least + lowest
    amount = Amount(min(input_tokens, MOST_TOKENS), min(output_tokens, MOST_TOKENS), UNIT * cost)
    return Estimate(amount, cost if terms.hold is None else least)


def _ceiling(field: str, fields: CallFields, prices: list[Price]) -> int:
    """Return the output tokens that a call of the batch may write."""
    if fields.max_tokens is not None:
        return min(max(0, fields.max_tokens), MOST_TOKENS)
    known = [price.max_output for price in prices if price.max_output is not None]
    if not known:
        raise _bad(f"{field}.max_tokens", "must be given, since this token has a limit that needs it")
    return max(known)


def _read(body: bytes) -> Iterator[tuple[str, bytes, CallFields]]:
    """Return of each call its place, its body and its fields. Raises `Refused`."""
    try:
        requests = tolerant(_decoder.decode, body).requests
    except UNREADABLE:
        raise _bad("requests", "a list of calls is required, since this token is limited") from None
    for place, request in enumerate(requests):
        raw = bytes(request.params)
        yield f"requests.{place}.params", raw, _read_call(raw)


def _model(field: str, fields: CallFields) -> str:
    if fields.model is None:
        raise _bad(f"{field}.model", "a string is required, since this token is limited")
    return fields.model


def _bad(field: str, words: str) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, f"{field}: {words}", param=field))
