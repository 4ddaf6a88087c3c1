"""The state of one exchange on the relay's path: fixed once it has been read; attempts come beside it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.exchange.attempts import Attempt
from gateway.exchange.downstream import Downstream, Request
from gateway.exchange.exchange import Exchange
from gateway.exchange.surfaces import Surface
from gateway.exchange.taps import Tap
from providers.catalog.records import Route
from providers.dialects.types import Call, Envelope
from tokens.limits.ledger import Reservation
from tokens.records import TokenRecord


class Arrival(msgspec.Struct, frozen=True):
    """A call of which only the head is known. `attempts` grows by one for each request to an upstream."""

    surface: Surface
    path: bytes  # of the surface's own API, without the legacy prefix
    request: Request
    downstream: Downstream
    exchange: Exchange
    attempts: list[Attempt]

    @property
    def attempt(self) -> Attempt | None:
        """Return the attempt that counts: the newest."""
        return self.attempts[-1] if self.attempts else None


class Place(msgspec.Struct, frozen=True):
    """The account that holds the objects which a call names: nobody else can serve it."""

    provider: str
    account: str  # "" = the provider's own key
    tokens: int = 0  # of a thread's context, which the upstream reads again
    is_fetched: bool = False  # the call is about the object alone: limits for models do not hold it back


class CallContext(Arrival, frozen=True):
    """A call that has been authenticated and read. It never changes."""

    token: TokenRecord
    call: Call
    envelope: Envelope | None
    place: Place | None = None


class Hold(msgspec.Struct, eq=False):
    """The reservation of a limited token's call, until it is settled."""

    reservation: Reservation
    input_estimate: int  # tokens
    model: str = ""  # as it is sent
    is_batch: bool = False


TapMaker = Callable[[CallContext, Route, Call], Tap | None]
"""Makes a tap for one attempt: the call as it is sent, and where. None: nothing of it is to be seen."""
