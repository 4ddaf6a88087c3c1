"""Serve calls while a fault is rehearsed: by a relay with a sender of its own. At other times nobody asks it."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Protocol

import httpx

from gateway.exchange.context import Arrival, Hold
from gateway.exchange.downstream import Receive, Request, Send
from gateway.exchange.surfaces import Match
from gateway.relay.deps import RelayDeps
from gateway.relay.relay import Relay
from gateway.runtime import tracing
from gateway.runtime.tracing import TracedRelay, Traces
from providers.dialects.types import WireRequest
from providers.sending import Sender
from providers.upstream import Upstream

_arrival: ContextVar[Arrival | None] = ContextVar("arrival", default=None)


class Meetings(Protocol):
    """Knows which calls meet a fault."""

    async def answer(
        self, arrival: Arrival, upstream: Upstream, request: WireRequest
    ) -> httpx.Response | None:
        """Return the fault's answer in an upstream's place; None: the upstream is asked."""

    def mark(self, arrival: Arrival) -> None:
        """Mark a call that ends, before it is recorded."""

    def over(self, call: str) -> None:
        """Hear that a call has ended."""


class RehearsedSender(Sender):
    """Sends what another sender would, but what meets a fault."""

    def __init__(self, own: Sender, meetings: Meetings) -> None:
        self.drivers = own.drivers
        self._own = own
        self._meetings = meetings

    async def send(
        self, upstream: Upstream, request: WireRequest, connect_seconds: float | None = None
    ) -> httpx.Response:
        """Return the head of the fault's answer, or of the upstream's."""
        arrival = _arrival.get()
        if arrival is not None:
            met = await self._meetings.answer(arrival, upstream, request)
            if met is not None:
                return met
        return await self._own.send(upstream, request, connect_seconds)


class RehearsedRelay(Relay):
    """A relay whose sender knows the call that it sends for, and whose calls are marked."""

    meetings: Meetings

    def arrive(self, match: Match, request: Request, receive: Receive, send: Send) -> Arrival:
        """Take a call in, and remember it for the sender."""
        arrival = super().arrive(match, request, receive, send)
        _arrival.set(arrival)
        return arrival

    async def conclude(self, arrival: Arrival, hold: Hold | None) -> None:
        """Mark the call and conclude it."""
        try:
            self.meetings.mark(arrival)
            await super().conclude(arrival, hold)
        finally:
            self.meetings.over(arrival.exchange.id)


class TracedRehearsedRelay(RehearsedRelay, TracedRelay):
    """The same where calls are traced."""


def relays(deps: RelayDeps, traces: Sequence[Traces], meetings: Meetings) -> tuple[Relay, RehearsedRelay]:
    """Return the ordinary relay of these parts, and the one for rehearsals."""
    own = replace(deps, sender=RehearsedSender(deps.sender, meetings))
    made = TracedRehearsedRelay(own, traces[0]) if traces else RehearsedRelay(own)
    made.meetings = meetings
    return tracing.relay(deps, traces), made


def is_running(made: Sequence[Relay]) -> bool:
    """Tell whether a response runs in the background of one of these."""
    return any(each.backgrounds.is_running() for each in made)
