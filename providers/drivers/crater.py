"""Crater: calls become tickets of a tracker on another server, whose answers come when they come.

Chat Completions alone; the other surfaces are translated. The transport (`providers/crater/`) does the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx

from providers.crater.envelope import CraterEnvelope
from providers.crater.transport import ORDER, CraterTransport, Order
from providers.dialects.types import Failure, WireAnswer, WireRequest
from providers.drivers.base import Outcome, RouteOption, UpstreamEnvelope, Verdict
from providers.drivers.http import HttpDriver
from providers.upstream import Upstream

CHAT = RouteOption("openai_chat")
MODEL = "crater-forgefed"
POLL_MS, TIMEOUT_SECONDS = 1000, 120
NOWHERE = httpx.URL("http://tracker.invalid/")
"""The URL of a request that is never sent as it is."""


class CraterDriver(HttpDriver):
    """The driver of Crater. It holds the transport of its event loop."""

    kind = "crater"
    label = "Crater (ForgeFed)"
    words: tuple[str, ...] = ("forgefed",)
    envelope: UpstreamEnvelope | None = CraterEnvelope()
    options: Mapping[str, str] = {
        "target": "the tracker's actor, the only one whose answers count; absent: whoever has the inbox in base_url",
        "poll_interval_ms": f"milliseconds between two looks at a ticket; absent: {POLL_MS}",
        "poll_timeout_seconds": f"seconds until a ticket is given up; absent: {TIMEOUT_SECONDS}",
    }

    def __init__(self) -> None:
        self._transport: CraterTransport | None = None

    def problem(self, options: Mapping[str, str], key: str) -> tuple[str, str] | None:
        """Check that durations are whole numbers."""
        for name in ("poll_interval_ms", "poll_timeout_seconds"):
            text = options.get(name, "0")
            if not (text.isascii() and text.isdecimal()):
                return "options", f"options.{name} must be a whole number"
        return None

    def is_verbatim(self, options: Mapping[str, str]) -> bool:
        """Ask for nothing beside the question."""
        return True

    def dialects(self, responses: str, surface: str) -> Sequence[RouteOption]:
        """Speak Chat Completions."""
        return (CHAT,)

    def build(self, upstream: Upstream, request: WireRequest, now: float) -> httpx.Request:
        """Hand a request to the transport, with where it goes."""
        options = upstream.options
        order = Order(
            upstream.base_url,
            options.get("target", ""),
            int(options.get("poll_interval_ms") or POLL_MS) / 1000,
            int(options.get("poll_timeout_seconds") or TIMEOUT_SECONDS),
        )
        body = httpx.ByteStream(request.body)
        return httpx.Request(request.method, NOWHERE, stream=body, extensions={ORDER: order})

    def classify(self, seen: WireAnswer | Failure, now: float) -> Verdict:
        """Take every answer as it is: a ticket is not offered a second time."""
        if isinstance(seen, WireAnswer) and seen.status < 400:
            return Verdict(Outcome.OK)
        reason = seen.message if isinstance(seen, Failure) else f"the tracker's answer is {seen.status}"
        return Verdict(Outcome.GIVE_UP, reason=reason)

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Bring an engine of its own: tickets are signed and waited for."""
        self._transport = CraterTransport((MODEL,))
        return self._transport

    async def aclose(self) -> None:
        """Stop watching offers."""
        if self._transport is not None:
            await self._transport.aclose()
