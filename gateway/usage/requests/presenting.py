"""Show a finished call as JSON: what stands in its row, and taken apart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.exchange.exchange import Try
from gateway.exchange.tries import SERVED
from gateway.kernel.moments import rfc3339
from gateway.models import ExchangeRow
from gateway.usage import details, reports
from gateway.usage.details import Details
from gateway.usage.prices.table import Price
from gateway.usage.requests.newest import Ended

PLAIN = (
    "person",
    "token_label",
    "group",
    "surface",
    "path",
    "model_asked",
    "model_served",
    "provider",
    "account",
)
TIMES = ("first_byte_seconds", "total_seconds", "overhead_seconds")
KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
MILLION = 1_000_000


def shown(row: ExchangeRow | Ended) -> dict[str, Any]:
    """Return one call of a list."""
    told = details.read(row.details)
    return {
        "id": str(row.pk),
        "started_at": rfc3339(row.started_at),
        "person": row.person,
        "token": row.token_id,
        **{name: getattr(row, name) for name in PLAIN if name != "person"},
        "status": row.status,
        "upstream_status": row.upstream_status,
        "is_stream": row.is_stream,
        "is_rehearsal": bool(told.rehearsal),
        "failure_kind": row.failure_kind,
        "failure_message": row.failure_message,
        "upstream_error": None
        if told.refusal is None
        else {"type": told.refusal.type, "message": told.refusal.message},
        "attempts": row.attempts,
        **{name: getattr(row, name) for name in TIMES},
        "input_tokens": row.input_tokens,
        "cache_read_tokens": row.cache_read_tokens,
        "cache_write_tokens": row.cache_write_5m_tokens + row.cache_write_1h_tokens,
        "output_tokens": row.output_tokens,
        "cost": None if row.cost is None else reports.money(row.cost),
        "currency": row.currency,
        "peer": row.peer,
    }


def tried(row: ExchangeRow) -> list[dict[str, Any]]:
    """Return what was tried, in order; where nothing else is kept, the one upstream that served."""
    found = details.read(row.details).tries
    if not found and row.attempts:
        seconds = max(0.0, row.total_seconds - row.overhead_seconds)
        found = (Try(row.provider, row.account, row.upstream_status, SERVED, round(seconds, 6)),)
    return [
        {
            "provider": each.provider,
            "account": each.account,
            "status": each.status,
            "reason": each.reason,
            "seconds": each.seconds,
        }
        for each in found
    ]


def price(row: ExchangeRow, known: Price | None) -> list[dict[str, Any]]:
    """Take a price apart, by the prices of today; what they do not explain has a line of its own, so that all adds up.

    The row keeps its cost, not the prices of its day.
    """
    told = details.read(row.details)
    lines = _tokens(row, known)
    if told.web_searches:
        per_million = None if known is None else known.web_search * 1000
        lines.append(_line("web searches", told.web_searches, per_million))
    if row.cost is None:
        return [{**line, "cost": None} for line in lines]
    rest = row.cost - sum((Decimal(line["cost"]) for line in lines if line["cost"] is not None), Decimal(0))
    if rest:
        lines.append({"what": _rest(told), "tokens": None, "per_million": None, "cost": reports.money(rest)})
    return lines


def _tokens(row: ExchangeRow, known: Price | None) -> list[dict[str, Any]]:
    lines = []
    for place, kind in enumerate(KINDS):
        count = getattr(row, f"{kind}_tokens")
        if count:
            per_million = None if known is None else Decimal(known.rates[place]).scaleb(-4)
            lines.append(_line(kind.replace("_", " "), count, per_million))
    return lines


def _line(what: str, count: int, per_million: Decimal | None) -> dict[str, Any]:
    return {
        "what": what,
        "tokens": count,
        "per_million": None if per_million is None else reports.money(per_million),
        "cost": None if per_million is None else reports.money(per_million * count / MILLION),
    }


def _rest(told: Details) -> str:
    if told.modes:
        return f"multiples of the price: {', '.join(told.modes)}"
    return "steps of other models, or prices that have changed since"
