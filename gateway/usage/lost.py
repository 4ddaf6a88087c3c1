"""The row of a call whose process died: written by whoever finds its lease, from what the lease recorded."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.exchange import Exchange
from providers.dialects.types import FailureKind, Usage
from tokens.limits.ledger import Amount

MESSAGE = "The process that carried this call has died"
STATUS = 500
NOTED = (
    *("id", "started_at", "surface", "method", "path", "peer", "token_id", "token_label", "ledger_id"),
    *("group_ledger", "parent_ledger", "model_asked", "is_stream"),
)
"""What a lease keeps of an exchange."""


def note_of(exchange: Exchange, seen: Amount, currency: str) -> dict[str, object]:
    """`seen` is what such a row says as long as nothing more is known."""
    note: dict[str, object] = {name: getattr(exchange, name) for name in NOTED}
    note["seen"] = [seen.input_tokens, seen.output_tokens, str(seen.cost)]
    note["currency"] = currency
    return note


def exchange_of(note: Mapping[str, Any], amount: Amount, now: float) -> Exchange:
    """The same id as the call had: should its own row come after all, only one of them is kept."""
    fields = {name: note[name] for name in NOTED if name in note}
    currency = str(note.get("currency", ""))
    return Exchange(
        **fields,
        status=STATUS,
        failure_kind=FailureKind.INTERNAL,
        failure_message=MESSAGE,
        attempts=1,
        is_sent=True,
        total_seconds=max(0.0, now - float(note.get("started_at", now))),
        usage=Usage(amount.input_tokens, output_tokens=amount.output_tokens, is_estimated=True),
        cost=Decimal(amount.cost) if currency else None,
        currency=currency,
    )
