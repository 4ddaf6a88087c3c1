"""Tell a bearer all that is its own: limits, budget, models, its use of 30 days, its last errors in words.

Who signed in sees all of her person, a plain token itself and those that it replaced. Nobody sees anybody else,
an account, or a provider's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from channels.db import database_sync_to_async

from gateway.exchange.downstream import Receive, Request
from gateway.exchange.surfaces import Action, Table
from gateway.kernel.moments import rfc3339
from gateway.models import ExchangeRow
from gateway.personal import advice, models
from gateway.personal.budget import HEADERS, share
from gateway.usage import reports
from gateway.usage.reporting import sums
from gateway.usage.reporting.question import Question
from gateway.usage.requests import filters, finding
from providers.dialects.types import WireAnswer
from tokens.limits import usage
from tokens.limits.ledger import State
from tokens.models import LIMIT_FIELDS, Token
from tokens.records import Limits, TokenRecord, currency_of, from_row, shared_limits

DAYS = 30
ERRORS = 50
LISTS = ("allowed_models", "allowed_surfaces")
OF_BUDGET = ("budget", "budget_currency", "budget_period", "budget_soft_percent")
COUNTED = tuple(name for name in LIMIT_FIELDS if name not in (*LISTS, *OF_BUDGET))
"""Limits of which the smallest holds."""

Document = dict[str, Any]


class OwnAccount:
    """Answers `GET /v1/me`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def answer(self, token: TokenRecord, path: bytes, request: Request, receive: Receive) -> WireAnswer:
        """Answer with what the rows and the ledger say. Raises `DatabaseError` when neither can be asked."""
        told = await database_sync_to_async(of_token, thread_sensitive=False)(token, self._table)
        return WireAnswer(200, HEADERS, orjson.dumps(told))


def of_token(token: TokenRecord, table: Table) -> Document:
    """Return the document of a token. Sync, ORM."""
    states = usage.states((token.own, *(limits for limits in token.shared if limits.budget is not None)))
    return {
        "person": token.person or None,
        "token": {"id": token.id, "label": token.label, "expires_at": _moment(_end(token))},
        "group": token.group,
        "limits": limits_of(token),
        "usage": _used(states[0]),
        "budget": _budget(states),
        "models": models.of(token),
        "surfaces": surfaces_of(token, table),
        "days": days_of(token),
        "errors": [error(row) for row in failed(token)],
    }


def record_of(token: Token) -> TokenRecord:
    """Return the record of a row that was read with its group and that group's parent."""
    if token.group is None:
        return from_row(token, ())
    groups = [token.group] if token.group.parent is None else [token.group, token.group.parent]
    return from_row(token, shared_limits(groups)[token.group.pk])


def limits_of(token: TokenRecord) -> Document:
    """Return what holds for a token: of counts the smallest, of lists and money the nearest."""
    found: Document = {}
    for name in COUNTED:
        told = [value for each in token.limits if (value := getattr(each, name)) is not None]
        found[name] = min(told, default=None)
    money = next((each for each in token.limits if each.budget is not None), None)
    found["budget"] = None if money is None or money.budget is None else reports.money(money.budget)
    found["budget_currency"] = None if money is None else currency_of(money)
    found["budget_period"] = None if money is None else money.budget_period or None
    for name in LISTS:
        found[name] = list(next((told for each in token.limits if (told := getattr(each, name))), ()))
    return found


def surfaces_of(token: TokenRecord, table: Table) -> list[str]:
    """Return the surfaces that serve calls here and that the token may use."""
    names = (row.name for row in table.rows if row.action in (Action.RELAY, Action.FORWARD))
    return [name for name in dict.fromkeys(names) if token.may_use_surface(name)]


def days_of(token: TokenRecord) -> list[Document]:
    """Return what was used in the last 30 days of UTC by model, newest first."""
    today = datetime.now(UTC).date()
    since, usual = today - timedelta(days=DAYS - 1), currency_of(token.own)
    asked = Question(since, today, ("day", "model"), (_chosen(token),), "-day", usual)
    names = ("day", "model", "requests", "input_tokens", "output_tokens", "cost", "currency")
    return [{name: row[name] for name in names} for row in sums.rows_of(asked)]


def failed(token: TokenRecord) -> Sequence[ExchangeRow]:
    """Return the last calls that failed, newest first."""
    name, value = _chosen(token)
    column = "person" if name == "person" else "ledger_id"
    asked = filters.Filters(same=((column, value),), status=filters.FAILED)
    return finding.page(asked, ERRORS).rows


def error(row: ExchangeRow) -> Document:
    """Return one failed call in words."""
    told = advice.of(row)
    return {
        "id": str(row.pk),
        "at": rfc3339(row.started_at),
        "status": row.status,
        "model": row.model_served or row.model_asked,
        "message": told.message,
        "what_to_do": told.what_to_do,
    }


def _chosen(token: TokenRecord) -> tuple[str, str]:
    """Return what chooses the rows of usage that are the token's."""
    return ("person", token.person) if token.is_sign_in else ("ledger", token.ledger_id)


def _end(token: TokenRecord) -> int:
    return token.expires_at if token.ends_early_at is None else min(token.expires_at, token.ends_early_at)


def _budget(states: Iterable[State]) -> Document | None:
    """Return the token's own budget; where it has none, of its groups' the one that is spent most."""
    own, *shared = states
    known = [own] if own.limits.budget is not None else shared
    if not known:
        return None
    state = max(known, key=share)
    return {
        "limit": _amount(state.limits.budget),
        "currency": currency_of(state.limits),
        "period": state.limits.budget_period or "never",
        "spent": _amount(state.spent),
        "reserved": _amount(state.reserved),
        "remaining": _amount(state.remaining),
        "resets_at": None if state.period_ends_at is None else _moment(state.period_ends_at),
    }


def _used(state: State) -> Document:
    """Return what was used of the token's own limits, with times as everywhere in this document."""
    found: Document = dict(usage.shape(state))
    for name, value in found.items():
        if isinstance(value, dict) and value.get("resets_at") is not None:
            found[name] = {**value, "resets_at": _moment(value["resets_at"])}
    return found


def _amount(amount: Decimal | None) -> str:
    return reports.money((amount or Decimal(0)).normalize())


def _moment(seconds: float) -> str | None:
    """Write a moment; a time that no calendar has, as imported records may hold, is none."""
    try:
        return rfc3339(datetime.fromtimestamp(int(seconds), UTC))
    except (ValueError, OverflowError, OSError):
        return None


def of_limits(limits: Limits) -> Document | None:
    """Return the budget of one set of limits; None where it has none."""
    return None if limits.budget is None else _budget(usage.states((limits,)))
