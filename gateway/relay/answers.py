"""Tell what an upstream's failure to answer means, and when it may be asked again."""

from __future__ import annotations

import math
import time

import httpx
from msgspec.structs import replace

from accounts.pool.pool import Pool
from gateway.exchange.attempts import Attempt
from providers.dialects.types import Failure, FailureKind, WireAnswer
from providers.drivers.base import Outcome
from providers.drivers.retry_after import retry_after

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


def with_soonest(pool: Pool, last: Attempt, pinned: str | None) -> Attempt:
    """Set `retry-after` to the first account's return: the upstream's refusal speaks for one account."""
    reply = last.reply
    if last.status != 429 or reply is None or last.verdict.outcome is not Outcome.RETRY_OTHER:
        return last
    now = time.time()
    told = retry_after(reply.head.headers, now)
    soonest = pool.soonest(last.lease, pinned, now)
    if soonest is not None and (soonest > now if told is None else soonest < told):
        reply.head = with_retry_after(reply.head, soonest - now)
    return last


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
