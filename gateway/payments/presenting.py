"""Find payments, and present them as JSON. No row holds a credential."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from gateway.models import Payment


def find(
    status: str | None = None, token_id: str | None = None, before: str | None = None
) -> QuerySet[Payment]:
    """Return payments, newest first. `before` is the id that ended the page before; no id at all finds nothing."""
    rows = Payment.objects.order_by("-id")
    if status is not None:
        rows = rows.filter(status=status)
    if token_id is not None:
        rows = rows.filter(token_id=token_id)
    if before is None:
        return rows
    try:
        return rows.filter(pk__lt=uuid.UUID(before))
    except ValueError:
        return rows.none()


def payment(row: Payment) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "method": row.method,
        "intent": row.intent,
        "amount": row.amount,
        "currency": row.currency,
        "recipient": row.recipient,
        "status": row.status,
        "reference": row.reference or None,
        "token_id": row.token_id or None,
        "created_at": int(row.created_at.timestamp()),
        "detail": row.detail or None,
        "request_id": row.exchange_id,
        "settled_at": _seconds(row.settled_at),
        "served_at": _seconds(row.served_at),
        "refunded_at": _seconds(row.refunded_at),
    }


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
