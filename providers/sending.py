"""The one sender: a request for an upstream is built, sent and classified here, whoever has chosen the upstream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass

import httpx

from providers.catalog.records import ProviderRecord
from providers.client import head_of
from providers.dialects.types import Headers, Refused, WireAnswer, WireRequest
from providers.drivers.base import Driver, Verdict
from providers.drivers.table import DriverSet
from providers.quoting import quote_of
from providers.upstream import Credential, Upstream
from providers.words import Heard, heard, is_quick, unquoted

TOO_LARGE = "the answer is too large"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer and what it means."""

    answer: WireAnswer
    verdict: Verdict


class Sender:
    """For one event loop."""

    def __init__(self, of: DriverSet) -> None:
        self.drivers: Mapping[str, Driver] = of.drivers
        self._transports = of.transports

    async def send(
        self, upstream: Upstream, request: WireRequest, connect_seconds: float | None = None
    ) -> httpx.Response:
        """Return the head of the answer; its body comes by iterating `response.stream`, which must be closed.

        `connect_seconds`: the provider's own, None = as configured. Raises `httpx.TransportError`, `ForeignUrl`.
        """
        kind = upstream.kind
        outbound = self.drivers[kind].build(upstream, request, time.time())
        if connect_seconds is not None:
            outbound.extensions["timeout"] = {"connect": connect_seconds}
        return await self._transports[kind].handle_async_request(outbound)

    async def fetch(self, upstream: Upstream, request: WireRequest, max_bytes: int) -> Fetched:
        """Return the whole of an answer that is at most so large, decoded and without secrets.

        Raises `httpx.TransportError`, `ForeignUrl`.
        """
        response = await self.send(upstream, request)
        try:
            body = await read_whole(response, max_bytes)
        finally:
            await response.aclose()
        try:
            answer = (await understood(head_of(response, body))).plain
        except Refused as exc:
            raise httpx.RemoteProtocolError(TOO_LARGE) from exc
        if len(answer.body) > max_bytes:
            raise httpx.RemoteProtocolError(TOO_LARGE)
        return Fetched(answer, self.drivers[upstream.kind].classify(answer, time.time()))


def upstream_of(
    provider: ProviderRecord,
    account: str,
    credential: Credential,
    model: str | None = None,
    proxy: str | None = None,
) -> Upstream:
    """Return the provider as a place to send to, with what may be shown there."""
    return Upstream(
        provider.name,
        provider.kind,
        provider.base_url,
        account,
        credential,
        model,
        provider.headers,
        proxy,
        provider.options,
    )


async def understood(answer: WireAnswer, secret: str = "") -> Heard:
    """Return a whole answer, decoded and clean, without the credential (`secret`) of its call.

    In a thread where that takes long. Raises `Refused`.
    """
    if 200 <= answer.status < 300 and not form_of(answer.headers)[1]:
        told = Heard(answer, answer)
        if answer.body.rfind(quote_of(secret).needle) < 0:
            return told
    else:
        told = heard(answer) if is_quick(answer) else await asyncio.to_thread(heard, answer)
    return unquoted(told, secret)


def form_of(headers: Headers) -> tuple[bool, bool, bool]:
    """Tell whether an answer is labelled as an event stream, whether it is compressed, and whether it is JSON."""
    kind, is_coded = None, False
    for name, value in headers:
        if name == b"content-type" and kind is None:
            kind = value
        elif name == b"content-encoding":
            is_coded = True
    if kind is None:
        return False, is_coded, False
    kind = kind.lstrip().lower()
    return kind.startswith(b"text/event-stream"), is_coded, kind.startswith(b"application/json")


async def read_whole(response: httpx.Response, max_bytes: int) -> bytes:
    """Return the body, read to its end. Raises `httpx.TransportError`, also for more than `max_bytes`."""
    return await read_all(response.stream, max_bytes)  # type: ignore[arg-type]


async def read_all(body: AsyncIterable[bytes], max_bytes: int) -> bytes:
    """Return all of a body. Raises `httpx.TransportError`, also for more than `max_bytes`."""
    pieces: list[bytes] = []
    total = 0
    async for piece in body:
        total += len(piece)
        if total > max_bytes:
            raise httpx.RemoteProtocolError(TOO_LARGE)
        pieces.append(piece)
    return b"".join(pieces)
