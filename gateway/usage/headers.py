"""The token's own rate limits, as headers of either API. The upstream account's never leave the house."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from providers.dialects.types import Headers
from tokens.limits.ledger import State

OPENAI = frozenset(("openai_chat", "openai_responses"))


def limit_headers(dialect: str, states: Sequence[State], now: float) -> Headers:
    """For every kind of limit the tightest of the sets; `tokens` is the tighter of input and output."""
    found: dict[str, tuple[int, int, float]] = {}
    for state in states:
        limits = state.limits
        resets_at = max(now, state.window_resets_at or now)
        if (limit := limits.requests_per_minute) is not None:
            _tighten(found, "requests", (limit, max(0, limit - state.minute_requests), resets_at))
        if (limit := limits.input_tokens_per_minute) is not None:
            values = (limit, max(0, limit - state.minute_input), resets_at)
            _tighten(found, "input-tokens", values)
            _tighten(found, "tokens", values)
        if (limit := limits.output_tokens_per_minute) is not None:
            values = (limit, max(0, limit - state.minute_output), resets_at)
            _tighten(found, "output-tokens", values)
            _tighten(found, "tokens", values)
    write = _openai if dialect in OPENAI else _anthropic
    headers = [pair for kind, values in found.items() for pair in write(kind, values, now)]
    return (*headers, *_warning(states))


def _tighten(found: dict[str, tuple[int, int, float]], kind: str, values: tuple[int, int, float]) -> None:
    """`values`: limit, what is left, when the window ends. Of two that leave the same the first stays."""
    known = found.get(kind)
    if known is None or values[1] < known[1]:
        found[kind] = values


def _anthropic(kind: str, values: tuple[int, int, float], now: float) -> Headers:
    limit, left, resets_at = values
    names = _NAMES[kind]
    return (
        (names[0], b"%d" % limit),
        (names[1], b"%d" % left),
        (names[2], _moment(math.ceil(resets_at))),
    )


def _openai(kind: str, values: tuple[int, int, float], now: float) -> Headers:
    limit, left, resets_at = values
    names = _OPENAI_NAMES[kind]
    return (
        (names[0], b"%d" % limit),
        (names[1], b"%d" % left),
        (names[2], b"%ds" % math.ceil(resets_at - now)),
    )


_KINDS = ("requests", "input-tokens", "output-tokens", "tokens")
_WORDS = ("limit", "remaining", "reset")
_NAMES = {kind: tuple(f"anthropic-ratelimit-{kind}-{word}".encode() for word in _WORDS) for kind in _KINDS}
_OPENAI_NAMES = {kind: tuple(f"x-ratelimit-{word}-{kind}".encode() for word in _WORDS) for kind in _KINDS}


@lru_cache(maxsize=128)
def _moment(second: int) -> bytes:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def _warning(states: Sequence[State]) -> Headers:
    """A budget that has reached its soft level."""
    for state in states:
        if state.is_warning and state.limits.budget is not None:
            currency = state.limits.budget_currency or "USD"
            text = f"{state.spent.normalize():f} of {state.limits.budget.normalize():f} {currency} spent"
            return ((b"x-budget-warning", text.encode()),)
    return ()
