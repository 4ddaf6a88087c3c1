"""A Claude command line on the gateway's own machine: one process for each call.

Messages to the surfaces, print mode below (`providers/cli/`). The program is the vendor's own and says so itself;
nothing here speaks in its name.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import httpx
from django.conf import settings

from providers.cli.asking import read_task
from providers.cli.command import options_from_settings
from providers.cli.envelope import CliEnvelope
from providers.cli.running import Order
from providers.cli.transport import ORDER, CliTransport
from providers.dialects.anthropic import read_error
from providers.dialects.overflow import overflow_of
from providers.dialects.types import Failure, FailureKind, WireAnswer, WireRequest
from providers.drivers.base import Outcome, RouteOption, Scope, UpstreamEnvelope, Verdict
from providers.drivers.http import HttpDriver
from providers.upstream import Upstream

MESSAGES = (RouteOption("anthropic"),)
NOWHERE = httpx.URL("http://command-line.invalid/")
"""The URL of a request that is never sent as it is."""
FINAL = frozenset(
    (FailureKind.INVALID_REQUEST, FailureKind.TOO_LARGE, FailureKind.NOT_FOUND, FailureKind.TIMEOUT)
)


class ClaudeCliDriver(HttpDriver):
    """The driver of the command line. It holds the transport of its event loop."""

    kind = "claude-cli"
    label = "Claude command line"
    words: tuple[str, ...] = ("claude_cli",)
    envelope: UpstreamEnvelope | None = CliEnvelope()
    maps_models = True
    has_address = False
    counts_tokens = False
    keeps_logins = True
    stands_in_for = "anthropic"

    def __init__(self) -> None:
        self._transport: CliTransport | None = None

    def lacking(self) -> str:
        """Name the program when it is not there."""
        program = settings.GATEWAY.CLAUDE_CLI_BIN
        return "" if shutil.which(program) else f"CLAUDE_CLI_BIN={program} is missing or not executable"

    def claims(self, model: str) -> bool:
        """Claim the names that Anthropic gives."""
        return model.lower().startswith(("claude-", "anthropic"))

    def dialects(self, responses: str, surface: str) -> Sequence[RouteOption]:
        """Speak Messages, whatever the surface."""
        return MESSAGES

    def build(self, upstream: Upstream, request: WireRequest, now: float) -> httpx.Request:
        """Hand a call to the transport as a task; any other request asks for models."""
        if request.method != "POST":
            return httpx.Request(request.method, NOWHERE)
        order = Order(read_task(request.body), upstream.credential, upstream.account, upstream.proxy)
        return httpx.Request("POST", NOWHERE, extensions={ORDER: order})

    def classify(self, seen: WireAnswer | Failure, now: float) -> Verdict:
        """Try another account or provider, but after time is over or for what is the caller's fault.

        Nothing but a rate limit puts a login on cooldown: a program that is mended serves at once.
        """
        if isinstance(seen, WireAnswer):
            if seen.status < 400:
                return Verdict(Outcome.OK)
            seen = read_error(seen.status, seen.headers, seen.body)
        if seen.kind is FailureKind.RATE_LIMIT:
            return Verdict(Outcome.RETRY_OTHER, Scope.MODEL, reason=seen.message)
        if seen.kind in FINAL:
            is_overflow = overflow_of(seen.message) is not None
            return Verdict(Outcome.GIVE_UP, is_overflow=is_overflow, reason=seen.message)
        return Verdict(Outcome.RETRY_OTHER, Scope.REQUEST, reason=seen.message)

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Bring an engine of its own: processes."""
        self._transport = CliTransport(options_from_settings())
        return self._transport

    async def aclose(self) -> None:
        """End every process."""
        if self._transport is not None:
            await self._transport.aclose()
