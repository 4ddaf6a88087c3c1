"""Tell of a call that did not go smoothly which upstreams were tried, and why each was left, in its own words."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gateway.exchange.attempts import Attempt
from gateway.exchange.context import Arrival
from gateway.exchange.exchange import MAX_WORDS, Exchange, Refusal, Try

SERVED = "served"
WITHOUT_END = "the answer did not come to its end"


def note(arrival: Arrival) -> None:
    """Keep what was tried, and that a stream failed. Of a call served at once its row says it all."""
    exchange, attempts = arrival.exchange, arrival.attempts
    if not attempts:
        return
    failure = attempts[-1].translator.failure
    if failure is not None and exchange.failure_kind is None and exchange.status < 400:
        exchange.note(failure)  # an error in the midst of a stream, which passed as it came
    has_failed = exchange.status >= 400 or exchange.failure_kind is not None
    if len(attempts) == 1 and not has_failed:
        return
    now = time.monotonic()
    began = [attempt.began_at for attempt in attempts]
    ends = [*began[1:], now]
    exchange.tries = tuple(
        _told(attempt, end - attempt.began_at, exchange) for attempt, end in zip(attempts, ends, strict=True)
    )
    exchange.upstream_refusal = _refusal(attempts)


def _told(attempt: Attempt, seconds: float, exchange: Exchange) -> Try:
    words = _words(attempt)
    if words is not None:
        reason = f"{words.type}: {words.message}"
    elif attempt.failure is not None:
        reason = attempt.failure.message
    elif attempt.is_whole:
        reason = SERVED
    else:
        reason = exchange.failure_message or WITHOUT_END
    route, account = attempt.route, attempt.lease.account
    return Try(route.provider.name, account, attempt.status, reason[:MAX_WORDS], round(max(0.0, seconds), 6))


def _refusal(attempts: Sequence[Attempt]) -> Refusal | None:
    """Return the words of the last upstream that refused."""
    for attempt in reversed(attempts):
        if (words := _words(attempt)) is not None:
            return words
    return None


def _words(attempt: Attempt) -> Refusal | None:
    """Return an upstream's own words: of a whole answer that is an error, or of an error inside a stream."""
    if attempt.words is not None:
        return attempt.words
    failure = attempt.translator.failure
    if failure is None:
        return None
    return Refusal(failure.type or failure.code or f"{failure.kind}_error", failure.message[:MAX_WORDS])
