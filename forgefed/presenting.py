"""Show rows of federation as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from forgefed.models import Delivery, Follower, Following


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def following(row: Following) -> dict[str, Any]:
    return {
        "uri": row.uri,
        "state": row.state,
        "asked_at": _moment(row.asked_at),
        "answered_at": _moment(row.answered_at),
    }


def follower(row: Follower) -> dict[str, Any]:
    return {"uri": row.uri, "inbox": row.inbox_uri, "since": _moment(row.followed_at)}


def delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.pk,
        "activity": row.activity.slug,
        "kind": row.activity.kind,
        "to": row.recipient,
        "inbox": row.inbox_uri,
        "state": row.state,
        "attempts": row.attempts,
        "next_at": _moment(row.next_at) if row.state == "waiting" else None,
        "status": row.last_status,
        "error": row.last_error,
    }
