"""Explain a finished call in plain sentences: who asked, what happened upstream, what became of it, what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.exchange.exchange import CLIENT_LEFT
from gateway.exchange.tries import SERVED
from gateway.models import ExchangeRow
from gateway.usage import reports
from gateway.usage.prices.copy import Prices
from gateway.usage.requests import presenting


def whole(row: ExchangeRow) -> dict[str, Any]:
    """Return a call as JSON with all that is told of it. Two queries for the prices."""
    prices = Prices()
    prices.load()
    known = prices.table.find(row.model_served, row.provider) or prices.table.find(
        row.model_asked, row.provider
    )
    return {
        **presenting.shown(row),
        "tried": presenting.tried(row),
        "price": presenting.price(row, known),
        "explain": explain(row),
        "log": None,
    }


def explain(row: ExchangeRow) -> list[str]:
    """Return the sentences, in order."""
    tried = presenting.tried(row)
    return [_asked(row), *_tried(tried), _end(row), *_cost(row)]


def _asked(row: ExchangeRow) -> str:
    token = row.token_label or row.token_id
    whose = f", of {row.person}" if row.person else ""
    group = f", group {row.group}" if row.group else ""
    model = f" for {row.model_asked}" if row.model_asked else ""
    return f"Token {token}{whose}{group} asked{model} at {row.path}."


def _tried(tried: list[dict[str, Any]]) -> Iterator[str]:
    for place, each in enumerate(tried, 1):
        where = f"{each['provider']}, account {each['account']}" if each["account"] else each["provider"]
        said = f"answered {each['status']}" if each["status"] is not None else "did not answer"
        why = "" if each["reason"] == SERVED else f" ({each['reason']})"
        then = ", so the next was tried" if place < len(tried) else ""
        yield f"{where} {said} in {each['seconds']:.2f} s{why}{then}."


def _end(row: ExchangeRow) -> str:
    if row.status == CLIENT_LEFT:
        return "The client left before the answer was complete."
    why = row.failure_message or row.failure_kind
    if row.is_refusal and not row.attempts:
        return f"Nothing was sent upstream: we answered {row.status}{f', since {why}' if why else ''}."
    if row.status >= 400:
        return f"The client got {row.status}{f': {why}' if why else ''}."
    if row.failure_kind:
        return f"The stream failed after it had begun: {why}."
    served = f", served as {row.model_served}" if row.model_served not in ("", row.model_asked) else ""
    return f"The client got the whole answer in {row.total_seconds:.2f} s{served}."


def _cost(row: ExchangeRow) -> Iterator[str]:
    has_usage = any(getattr(row, f"{kind}_tokens") for kind in presenting.KINDS)
    if row.cost is not None:
        estimated = " Its tokens are our estimate." if row.is_estimated else ""
        yield f"It cost {reports.money(row.cost)} {row.currency}.{estimated}"
    elif has_usage:
        yield f"No price is known for {row.model_served or row.model_asked or 'its model'}, so nothing was charged."
