"""Find audit entries, newest first, by what stands in an index or in a range of ids."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from gateway.audit.models import AuditRow
from gateway.kernel import asking
from gateway.kernel.asking import BadParameter
from gateway.kernel.moments import id_floor, rfc3339

KINDS = ("key", "person", "command", "local", "system", "anonymous")
WAYS = ("console", "admin", "api", "command", "login", "system")
MOST = 1_000
PIECE = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """All must hold; "" asks for nothing. `who`: a name, or a kind. `begins`, `ends`: days, both included, or times."""

    who: str = ""
    action: str = ""
    subject: str = ""
    via: str = ""
    begins: str = ""
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries. `next_after` leads to those behind them; None: there are no more."""

    rows: list[AuditRow]
    next_after: str | None


def find(filters: Filters) -> QuerySet[AuditRow]:
    """Return entries, newest first. Raises `BadParameter`."""
    rows = AuditRow.objects.order_by("-id")
    if filters.who:
        who = asking.text("who", filters.who)
        rows = rows.filter(Q(who_name=who) | (Q(who_kind=who) if who in KINDS else Q()))
    for name in ("action", "subject", "via"):
        if value := getattr(filters, name):
            rows = rows.filter(**{name: asking.text(name, value)})
    if filters.via and filters.via not in WAYS:
        raise BadParameter("via", f"must be one of {', '.join(WAYS)}")
    if filters.begins:
        rows = rows.filter(pk__gte=id_floor(asking.begins_at("from", filters.begins).timestamp()))
    if filters.ends:
        rows = rows.filter(pk__lt=id_floor(asking.ends_at("to", filters.ends).timestamp()))
    return rows


def page(filters: Filters, limit: int, after: str = "") -> Page:
    """Return `limit` entries behind the one called `after`. Raises `BadParameter`."""
    rows = find(filters)
    if after:
        try:
            rows = rows.filter(pk__lt=uuid.UUID(after))
        except ValueError:
            raise BadParameter("after", "must be `next_after` of the page before") from None
    found = list(rows[: limit + 1])
    return Page(found[:limit], str(found[limit - 1].pk) if len(found) > limit else None)


def every(filters: Filters) -> Iterator[list[AuditRow]]:
    """Yield all entries in pieces: each is a query of its own, however long the reader takes."""
    after: str | None = ""
    while after is not None:
        found = page(filters, PIECE, after)
        after = found.next_after
        yield found.rows


def shown(row: AuditRow) -> dict[str, Any]:
    """Return an entry as JSON has it."""
    return {
        "id": str(row.pk),
        "at": rfc3339(row.at),
        "who": {"kind": row.who_kind, "name": row.who_name},
        "via": row.via,
        "action": row.action,
        "subject": row.subject,
        "before": row.before,
        "after": row.after,
        "peer": row.peer,
        "request_id": row.request_id,
    }
