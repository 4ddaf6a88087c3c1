"""The token's own rate limits, as headers of either API. The upstream account's never leave the house."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from providers.dialects.types import Headers
from tokens.limits.ledger import State

OPENAI = frozenset(("openai_chat", "openai_responses"))

Reading = tuple[int, int]  # limit, used


def _readings() -> dict[str, Callable[[State], Reading | None]]:
    return {
        "requests": lambda s: _reading(s.limits.requests_per_minute, s.minute_requests),
        "input-tokens": lambda s: _reading(s.limits.input_tokens_per_minute, s.minute_input),
        "output-tokens": lambda s: _reading(s.limits.output_tokens_per_minute, s.minute_output),
    }


def _reading(limit: int | None, used: int) -> Reading | None:
    return None if limit is None else (limit, used)


_KINDS = _readings()


def limit_headers(dialect: str, states: Sequence[State], now: float) -> Headers:
    """For every kind of limit the tightest of the sets; `tokens` is the tighter of input and output."""
    found: dict[str, tuple[int, int, float]] = {}
    for state in states:
        resets_at = max(now, state.window_resets_at or now)
        for kind, read in _KINDS.items():
            if (reading := read(state)) is not None:
                left = max(0, reading[0] - reading[1])
                for name in (kind,) if kind == "requests" else (kind, "tokens"):
                    if name not in found or left < found[name][1]:
                        found[name] = reading[0], left, resets_at
    write = _openai if dialect in OPENAI else _anthropic
    headers = [pair for kind, values in found.items() for pair in write(kind, values, now)]
    return (*headers, *_warning(states))


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


_WORDS = ("limit", "remaining", "reset")
_NAMES = {
    kind: tuple(f"anthropic-ratelimit-{kind}-{word}".encode() for word in _WORDS)
    for kind in (*_KINDS, "tokens")
}
_OPENAI_NAMES = {
    kind: tuple(f"x-ratelimit-{word}-{kind}".encode() for word in _WORDS) for kind in (*_KINDS, "tokens")
}


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
