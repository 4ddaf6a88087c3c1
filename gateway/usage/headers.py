"""Write the token's own rate limits as headers of either API. The upstream account's are never passed on."""

from __future__ import annotations

from collections.abc import Sequence

from providers.dialects.table import DIALECTS
from providers.dialects.types import Headers
from tokens.limits.ledger import State


def limit_headers(dialect: str, states: Sequence[State], now: float) -> Headers:
    """Return the tightest of the sets per kind of limit; `tokens` is the tighter of input and output."""
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
    write = DIALECTS[dialect].limit_headers
    headers = [pair for kind, values in found.items() for pair in write(kind, *values, now)]
    return (*headers, *_warning(states))


def _tighten(found: dict[str, tuple[int, int, float]], kind: str, values: tuple[int, int, float]) -> None:
    """Keep the tighter of two values: limit, what is left, when the window ends.

    Of two that leave the same the first stays.
    """
    known = found.get(kind)
    if known is None or values[1] < known[1]:
        found[kind] = values


def _warning(states: Sequence[State]) -> Headers:
    """Return a warning for a budget that has reached its soft level."""
    for state in states:
        if state.is_warning and state.limits.budget is not None:
            currency = state.limits.budget_currency or "USD"
            text = f"{state.spent.normalize():f} of {state.limits.budget.normalize():f} {currency} spent"
            return ((b"x-budget-warning", text.encode()),)
    return ()
