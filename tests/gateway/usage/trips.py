"""A call on its road, without a road."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.exchange import Exchange
from gateway.surfaces import SURFACES
from gateway.trip import Trip
from gateway.wire import Request, Wire
from providers.dialects.table import DIALECTS
from providers.dialects.types import Call, Usage
from providers.translation.passthrough import Passthrough
from tests.gateway.usage.making import NOON
from tokens.limits.ledger import Amount
from tokens.records import Limits, TokenRecord, unrecorded

BODY = b'{"model":"claude-sonnet-5-5","max_tokens":100,"messages":[]}'


class Told(Passthrough):
    """A translator that has seen this."""

    def __init__(self, usage: Usage, model: str | None) -> None:
        super().__init__()
        self._answered_usage, self._answered_model = usage, model


def trip(surface: str = "messages", **exchange: object) -> Trip:
    row = next(row for row in SURFACES if row.name == surface)
    request = Request(row.methods[0], row.path.encode(), b"", (), "127.0.0.1")
    wire = Wire(None, None, 0.0, None)  # type: ignore[arg-type]  # nothing is sent
    seen = Exchange("id-1", NOON, surface=surface, **exchange)  # type: ignore[arg-type]
    return Trip(row, row.path.encode(), request, wire, seen)


def call(body: bytes = BODY, surface: str = "messages") -> Call:
    row = next(row for row in SURFACES if row.name == surface)
    fields = DIALECTS[row.dialect].read_call(body)
    return Call(surface, "POST", row.path.encode(), b"", (), body, fields)


def token(own: Limits, shared: Sequence[Limits] = ()) -> TokenRecord:
    return replace(unrecorded(own.ledger, "", (0, 2**40)), own=own).with_shared(tuple(shared))


__all__ = ["Amount", "Told", "call", "token", "trip"]
