"""Make the row of a call whose process died, from what its lease recorded.

Whoever finds the lease writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.exchange.exchange import Exchange
from providers.dialects.types import FailureKind, Usage
from tokens.limits.ledger import Amount

MESSAGE = "The process that carried this call has died"
STATUS = 500
NOTED = (
    *("id", "started_at", "surface", "method", "path", "peer", "token_id", "token_label", "ledger_id"),
    *("person", "group", "group_ledger", "parent_ledger", "model_asked", "is_stream"),
)
"""Fields of an exchange that its lease keeps."""


def note_of(exchange: Exchange, seen: Amount, currency: str) -> dict[str, object]:
    """Return what a lease keeps of a call.

    `seen` is what such a row says as long as nothing more is known.
    """
    note: dict[str, object] = {name: getattr(exchange, name) for name in NOTED}
    note["seen"] = [seen.input_tokens, seen.output_tokens, str(seen.cost)]
    note["currency"] = currency
    return note


def exchange_of(note: Mapping[str, Any], amount: Amount, now: float) -> Exchange:
    """Make the exchange of a lost call under the call's own id: should its own row come too, one is kept."""
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
