"""Present token and group rows as JSON: the reference's six fields, and ours after them. Never a secret."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from gateway.kernel.moments import rfc3339
from tokens import fields
from tokens.handover.services import HandedOver, address
from tokens.models import Group, Limited, Token
from tokens.people import standing
from tokens.services import Issued, Rotated


def reference_record(token: Token) -> dict[str, object]:
    """Return the record in the reference's order of fields."""
    return {
        "id": token.id,
        "label": token.label,
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "revoked": token.is_revoked,
        "account": token.account,
    }


def record(token: Token, now: float) -> dict[str, object]:
    """Return everything there is to tell, with the limits that can be set today."""
    return {
        **reference_record(token),
        "state": token.state(now),
        "provider": token.provider,
        "group": None if token.group is None else token.group.name,
        "person": None if token.person is None else standing.address_of(token.person.user),
        "payment": token.payment,
        "log_requests": token.log_requests,
        **limits(token),
        "ledger_id": token.ledger_id,
        "rotated_from": token.rotated_from,
    }


def group(row: Group) -> dict[str, object]:
    """Return a group with its limits."""
    parent = None if row.parent is None else row.parent.name
    counted = getattr(row, "token_count", None)  # of a list, all of whose groups were counted together
    return {
        "name": row.name,
        "parent": parent,
        "priority": row.priority,
        "member_budget": _plain("budget", row.member_budget),
        "member_budget_period": row.member_budget_period or None,
        **limits(row),
        "tokens": row.tokens.count() if counted is None else counted,
    }


def limits(token: Limited) -> dict[str, object]:
    """Return the enabled limits; unset ones are null or empty."""
    values = {name: getattr(token, name) for name in fields.ENABLED_LIMITS}
    return {name: _plain(name, value) for name, value in values.items()}


def issued(result: Issued, now: float) -> dict[str, object]:
    """Return the answer to an issue: the only time the secret is told."""
    return {"token": result.secret, "ttl_hours": result.ttl_hours, **record(result.token, now)}


def handed_over(made: HandedOver, base: str, now: float) -> dict[str, object]:
    """Return the answer to an issue whose secret somebody else takes; `base` is our address."""
    ends_at = rfc3339(datetime.fromtimestamp(made.expires_at, UTC))
    hours = -(-(made.token.expires_at - made.token.issued_at) // 3600)
    link = {"handover_url": address(base, made.secret), "handover_expires_at": ends_at}
    return {**link, "ttl_hours": hours, **record(made.token, now)}


def rotated(result: Rotated, now: float) -> dict[str, object]:
    """Return the answer to a rotation: the successor with its secret, and when the old token ends."""
    return {**issued(result.issued, now), "old_expires_at": result.old_ends_at}


def _plain(name: str, value: object) -> object:
    if name == "budget" and isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return None if value == "" else value
