"""Tell what an upstream's failure to answer means, and when it may be asked again."""

from __future__ import annotations

import math

import httpx
from msgspec.structs import replace

from providers.dialects.types import Failure, FailureKind, WireAnswer

NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""After these the upstream has got nothing of the call."""
REPEATABLE = frozenset(("GET", "HEAD"))
MAX_BUFFERED_BYTES = 64 * 1024 * 1024
"""An answer that must be whole before it can be translated, and any error, is at most this large."""


def with_retry_after(head: WireAnswer, seconds: float) -> WireAnswer:
    """Return the same head, with our `retry-after` in place of the upstream's."""
    kept = tuple(pair for pair in head.headers if pair[0] not in (b"retry-after", b"retry-after-ms"))
    return replace(head, headers=(*kept, (b"retry-after", str(max(1, math.ceil(seconds))).encode())))


def is_taken(exc: httpx.TransportError, method: str, status: int | None) -> bool:
    """Tell whether the upstream may be at work on what it was sent, or done: nobody else may be asked for the same.

    `status` is what it answered before it failed; None = nothing. With an error it has said that it did not do it.
    """
    return (
        not isinstance(exc, NEVER_SENT)
        and method not in REPEATABLE
        and not (status is not None and status >= 400)
    )


def failure_of(exc: httpx.TransportError) -> Failure:
    """Return what a call that got no answer is told."""
    if isinstance(exc, httpx.TimeoutException):
        return Failure(FailureKind.TIMEOUT, "Upstream could not be reached in time")
    if isinstance(exc, httpx.ConnectError):
        return Failure(FailureKind.UPSTREAM, "Upstream request failed: no connection")
    return Failure(FailureKind.UPSTREAM, f"Upstream request failed: {exc}")
