"""List what was told, newest first, in portions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.alerts import messages
from gateway.alerts.models import AlertMessage
from gateway.kernel.asking import BadParameter, text

NAMES = ("channel", "event", "subject", "state")
_ID = re.compile(r"msg_[0-9a-f]{32}")


def page(filters: Mapping[str, str], limit: int, after: str = "") -> tuple[list[dict[str, Any]], str | None]:
    """Return a portion of the log, and where the next one begins. Raises `BadParameter`."""
    rows = AlertMessage.objects.order_by("-id")
    for name in NAMES:
        if value := text(name, filters.get(name, "")):
            rows = rows.filter(**{name: value})
    if after:
        if _ID.fullmatch(after) is None:
            raise BadParameter("after", "must be the next_after of a page")
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = [messages.shown(row) for row in found[:limit]]
    return shown, shown[-1]["id"] if len(found) > limit else None
