"""What an upstream's answer is: a stream or a whole, late or broken, and when it may be asked again."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import httpx
from msgspec.structs import replace

from providers.dialects.types import Failure, FailureKind, Headers, WireAnswer, header

NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""After these the upstream has got nothing of the call."""
MAX_BUFFERED_BYTES = 64 * 1024 * 1024
"""An answer that must be whole before it can be translated, and any error, is at most this large."""


def is_event_stream(headers: Headers) -> bool:
    return (header(headers, b"content-type") or b"").lstrip().lower().startswith(b"text/event-stream")


async def read_whole(body: AsyncIterator[bytes]) -> bytes:
    """Raises `httpx.TransportError`, also for more than `MAX_BUFFERED_BYTES`."""
    pieces: list[bytes] = []
    total = 0
    async for piece in body:
        total += len(piece)
        if total > MAX_BUFFERED_BYTES:
            raise httpx.RemoteProtocolError("the answer is too large")
        pieces.append(piece)
    return b"".join(pieces)


def with_retry_after(head: WireAnswer, seconds: float) -> WireAnswer:
    """The same head, with our `retry-after` in place of the upstream's."""
    kept = tuple(pair for pair in head.headers if pair[0] not in (b"retry-after", b"retry-after-ms"))
    return replace(head, headers=(*kept, (b"retry-after", str(max(1, math.ceil(seconds))).encode())))


def failure_of(exc: httpx.TransportError) -> Failure:
    """What a call that got no answer is told."""
    if isinstance(exc, httpx.TimeoutException):
        return Failure(FailureKind.TIMEOUT, "Upstream could not be reached in time")
    if isinstance(exc, httpx.ConnectError):
        return Failure(FailureKind.UPSTREAM, "Upstream request failed: no connection")
    return Failure(FailureKind.UPSTREAM, f"Upstream request failed: {exc}")
