"""Show a person who signed in what she has spent of her cap, as Claude Code reads it. Nobody else gets these headers.

Her cap is a budget in her own ledger; a pool is one of her group or of its parent. A budget that never begins anew is
not shown: it has no reset.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from gateway.exchange.context import CallContext
from providers.dialects.types import Headers
from tokens.errors import CapUnreadable, LimitExceeded
from tokens.limits.ledger import Amount, State
from tokens.limits.shares import tell_refused
from tokens.records import Limits, TokenRecord

PREFIX = b"anthropic-ratelimit-unified-"
PERIODS = {"day": "daily", "week": "weekly", "month": "monthly"}
THRESHOLDS = ((Decimal("0.95"), b"0.95"), (Decimal("0.75"), b"0.75"))
MOST_SHOWN = 99
"""Percent: a call that was let in is never told that all is spent."""
SURFACE = "messages"
STATUS, RESET, CLAIM = PREFIX + b"status", PREFIX + b"reset", PREFIX + b"representative-claim"
OVERAGE_STATUS, OVERAGE_RESET = PREFIX + b"overage-status", PREFIX + b"overage-reset"
UTILIZATION, THRESHOLD = PREFIX + b"overage-utilization", PREFIX + b"overage-surpassed-threshold"
REASON = PREFIX + b"overage-disabled-reason"
UNREADABLE: Headers = ((REASON, b"fetch_error"),)
"""All that is told when what is spent can't be read, and such calls are refused."""


def show(context: CallContext, states: Sequence[State]) -> None:
    """Put what is spent on the answer to a person's call, should it be a 200."""
    if context.surface.name == SURFACE:
        context.downstream.add_headers((), of_success=allowed(states))


def refuse(context: CallContext, refusal: LimitExceeded) -> None:
    """Tell operators that a budget refuses; say in the refusal of a person's, and on its answer, that it is her cap."""
    if refusal.limit != "budget":
        return
    tell_refused(
        next(limits for limits in context.token.counted if limits.ledger == refusal.ledger), refusal.states
    )
    if not context.token.is_sign_in:
        return
    headers = reached(refusal, context.token, time.time())
    if context.surface.name == SURFACE:
        context.downstream.add_headers(headers)


def unreadable(context: CallContext, amount: Amount) -> CapUnreadable | None:
    """Return the refusal of a person's call whose cost can't be counted; None for any other call."""
    if not (context.token.is_sign_in and amount.cost and context.surface.name == SURFACE):
        return None
    context.downstream.add_headers(UNREADABLE)
    return CapUnreadable()


def fullest(states: Sequence[State]) -> tuple[State, Decimal] | None:
    """Return the cap or pool of which the largest share is spent, and that share; None where nothing resets."""
    found = None
    for state in states:
        limits = state.limits
        if limits.budget and limits.budget_period in PERIODS and state.period_ends_at is not None:
            share = state.spent / limits.budget  # without what running calls hold
            if found is None or share > found[1]:
                found = state, share
    return found


def allowed(states: Sequence[State]) -> Headers:
    """Return the headers of a 200: what was spent before this call."""
    found = fullest(states)
    if found is None:
        return ()
    state, share = found
    reset = b"%d" % (state.period_ends_at or 0)
    shown = b"0.%02d" % min(MOST_SHOWN, int(share * 100))
    passed = next((text for threshold, text in THRESHOLDS if share > threshold), None)
    status = b"allowed" if passed is None else b"allowed_warning"
    headers = (
        (STATUS, status),
        (RESET, reset),
        (CLAIM, b"overage"),
        (OVERAGE_STATUS, status),
        (OVERAGE_RESET, reset),
        (UTILIZATION, shown),
    )
    return headers if passed is None else (*headers, (THRESHOLD, passed))


def reached(refusal: LimitExceeded, token: TokenRecord, now: float) -> Headers:
    """Say in the refusal of a budget that the cap is reached; return what its 429 says in headers."""
    limits = next(limits for limits in token.counted if limits.ledger == refusal.ledger)
    resets_at = refusal.resets_at
    refusal.message = _sentence(limits, resets_at)
    refusal.retry_after_seconds = None if resets_at is None else max(1.0, resets_at - now)
    if resets_at is None or limits.budget_period not in PERIODS:
        return ()
    reset = b"%d" % resets_at
    return (
        (STATUS, b"rejected"),
        (RESET, reset),
        (OVERAGE_RESET, reset),
        (UTILIZATION, b"1"),
        (THRESHOLD, b"1"),
        (PREFIX + b"overage-period", PERIODS[limits.budget_period].encode()),
        *(((PREFIX + b"overage-scope", b"group_pool"),) if limits.name else ()),
        (REASON, b"org_spend_cap_reached"),
    )


def _sentence(limits: Limits, resets_at: float | None) -> str:
    """Return the one sentence that the client prints as it is: when it resets, and what to do."""
    budget = limits.budget or Decimal(0)
    amount = f"{budget.normalize():f} {limits.budget_currency or 'USD'}"
    whose = f"The budget that group {limits.name} shares" if limits.name else "Your budget"
    if resets_at is None:
        return f"{whose}, {amount}, has no room for this call and does not reset: ask your administrator for more"
    when = datetime.fromtimestamp(resets_at, UTC)
    period = f"{amount} per {limits.budget_period}"
    return (
        f"{whose}, {period}, has no room for this call until it resets on {when:%Y-%m-%d at %H:%M} UTC: "
        "wait until then, or ask your administrator for more"
    )
