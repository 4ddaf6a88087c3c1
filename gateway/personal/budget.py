"""Tell a bearer what is spent of its budget, in the shape that Claude Code shows under `/usage`.

Who signed in sees her cap and the pools of her groups, a plain token its own budget. Amounts in cents.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import orjson
from channels.db import database_sync_to_async

from gateway.exchange.downstream import Receive, Request
from gateway.usage import balances
from providers.dialects.types import Headers, WireAnswer
from tokens.limits import usage
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import State
from tokens.records import Limits, TokenRecord, currency_of

HEADERS: Headers = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
PERIODS = {"day": "daily", "week": "weekly", "month": "monthly"}
"""Our words and the client's; a budget that never begins anew has none."""
HUNDRED = Decimal(100)
ONE = Decimal(1)


class OwnUsage:
    """Answers `GET /api/oauth/usage`."""

    async def answer(self, token: TokenRecord, path: bytes, request: Request, receive: Receive) -> WireAnswer:
        """Answer with what the ledger says, or the rows. Raises `DatabaseError` when neither can be asked."""
        told = await database_sync_to_async(of_token, thread_sensitive=False)(token)
        return WireAnswer(200, HEADERS, orjson.dumps(told))


def of_token(token: TokenRecord) -> dict[str, object]:
    """Return the document of a token. Sync, ORM."""
    sets = (token.own, *token.shared) if token.is_sign_in else (token.own,)
    limited = tuple(limits for limits in sets if limits.budget is not None)
    return shown(usage.states(limited)) if limited else unlimited(token.own, time.time())


def shown(states: Sequence[State]) -> dict[str, object]:
    """Return the document of budgets; the fullest one is what the client shows."""
    fullest = max(states, key=share)  # of equals the first: the cap
    rows = [
        {
            "kind": "spend",
            "group": PERIODS[state.limits.budget_period],
            "percent": percent(state),
            "resets_at": _moment(state.period_ends_at),
            "severity": "normal",
            "is_active": state is fullest,
        }
        for state in states
        if state.limits.budget_period in PERIODS
    ]
    extra = _extra(fullest.spent, currency_of(fullest.limits), fullest.limits.budget, percent(fullest))
    return {"extra_usage": extra, "limits": rows}


def unlimited(limits: Limits, now: float) -> dict[str, object]:
    """Return the document of somebody without a budget: what was spent in the running periods of UTC. Sync, ORM."""
    calendar = Calendar("UTC")
    sets = [replace(limits, budget=ONE, budget_period=period) for period in PERIODS]
    found = balances.read_all(sets, calendar, now)
    spent = {word: balance.spent for word, balance in zip(PERIODS.values(), found, strict=True)}
    extra = _extra(spent["monthly"], currency_of(limits), None, None)
    for word in ("daily", "weekly"):
        extra[word] = {"limit": None, "used_credits": cents(spent[word]), "utilization": None}
    return {"extra_usage": extra, "limits": []}


def _extra(
    spent: Decimal, currency: str, limit: Decimal | None, utilization: int | None
) -> dict[str, object]:
    return {
        "is_enabled": True,
        "monthly_limit": None if limit is None else cents(limit),
        "used_credits": cents(spent),
        "utilization": utilization,
        "currency": currency,
    }


def share(state: State) -> Decimal:
    """Return which part of a budget is spent; a budget of nothing is spent whole."""
    budget = state.limits.budget
    return ONE if not budget else state.spent / budget


def percent(state: State) -> int:
    """Return the part in whole percent, 100 at most."""
    return min(100, int(share(state) * HUNDRED))


def cents(amount: Decimal) -> int | float:
    """Return an amount in cents, with four digits behind the point where it has any."""
    found = round(amount * HUNDRED, 4)
    return int(found) if found == found.to_integral_value() else float(found)


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"
