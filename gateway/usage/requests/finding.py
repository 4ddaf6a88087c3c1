"""Find finished calls, newest first, without ever reading a whole table.

What stands in an index is found by it. Everything else is looked for in portions of rows, newest first, for a moment
at most: a page may then have fewer rows than it could, or none, and still say where to go on.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from gateway.exchange.exchange import CLIENT_LEFT
from gateway.kernel.asking import BadParameter
from gateway.kernel.moments import id_floor
from gateway.models import ExchangeRow
from gateway.usage.requests.filters import FAILED, OK, Filters

MOST = 1_000
PORTION = 20_000
"""Rows that are looked at in one query."""
PORTIONS_AT_MOST = 4
PATIENCE_SECONDS = 0.1
BROKEN = Q(failure_kind__gt="", status__lt=400)  # a stream that failed behind its head
INDEXED = {
    "token_id": Q(),
    "ledger_id": Q(),
    "account": Q(),
    "person": Q(person__gt=""),
    "group": Q(group__gt=""),
}
"""Columns with an index, and the rows that it is for."""

Rows = Any


@dataclass(slots=True)
class Page:
    """Some calls. `next_after` leads to those behind them; None: there are no more."""

    rows: list[ExchangeRow] = field(default_factory=list)
    next_after: str | None = None


def page(filters: Filters, limit: int, after: str = "") -> Page:
    """Return up to `limit` calls behind the one called `after`. Raises `BadParameter`."""
    bounds = _bounds(filters)
    if after:
        try:
            bounds &= Q(pk__lt=uuid.UUID(after))
        except ValueError:
            raise BadParameter("after", "must be `next_after` of the page before") from None
    if filters.request_id is not None:
        bounds &= Q(pk=filters.request_id)
    parts = [_part(filters, bounds, where, limit) for where in _sources(filters)]
    return _merged(parts, limit)


def every(filters: Filters, most: int) -> Iterator[ExchangeRow]:
    """Yield up to `most` calls, however long they must be looked for."""
    after: str | None = ""
    while after is not None and most > 0:
        found = page(filters, min(MOST, most), after)
        after, most = found.next_after, most - len(found.rows)
        yield from found.rows


def get(request_id: str) -> ExchangeRow | None:
    """Return one call by its id; None where there is none."""
    try:
        return ExchangeRow.objects.filter(pk=uuid.UUID(request_id)).first()
    except ValueError:
        return None


def _bounds(filters: Filters) -> Q:
    bounds = Q()
    if filters.begins is not None:
        bounds &= Q(pk__gte=id_floor(filters.begins.timestamp()))
    if filters.ends is not None:
        bounds &= Q(pk__lt=id_floor(filters.ends.timestamp()))
    return bounds


def _sources(filters: Filters) -> list[Q]:
    """Return the sets of rows that are gone through: each is one that an index has in order."""
    for column, value in filters.same:
        if column in INDEXED:
            return [INDEXED[column] & Q(**{column: value})]
    refused = Q(status__gte=400)
    if filters.status == FAILED:
        return [refused, BROKEN]
    return [refused if filters.status[:1] in ("4", "5") else Q()]


def _part(filters: Filters, bounds: Q, source: Q, limit: int) -> Page:
    """Look through one set of rows, a portion at a time, until there are enough or it has taken too long."""
    candidates: Rows = ExchangeRow.objects.filter(source & bounds).order_by("-id")
    wanted = _wanted(filters)
    if not wanted:
        found = list(candidates[: limit + 1])
        return Page(found[:limit], str(found[limit - 1].pk) if len(found) > limit else None)
    result, until, behind = Page(), time.monotonic() + PATIENCE_SECONDS, Q()
    for _ in range(PORTIONS_AT_MOST):
        rest = candidates.filter(behind)
        cut = rest.values_list("pk", flat=True)[PORTION : PORTION + 1].first()
        portion = rest if cut is None else rest.filter(pk__gt=cut)
        found = list(portion.filter(wanted)[: limit + 1 - len(result.rows)])
        result.rows += found
        if len(result.rows) > limit:
            return Page(result.rows[:limit], str(result.rows[limit - 1].pk))
        if cut is None:
            return Page(result.rows)
        result.next_after = str(uuid.UUID(int=cut.int + 1))
        behind = Q(pk__lte=cut)
        if time.monotonic() >= until:
            break
    return result


def _wanted(filters: Filters) -> Q:
    """Return what no index answers."""
    wanted = Q(**dict(filters.same)) if len(filters.same) > 1 else Q()
    wanted &= Q(**{column: value for column, value in filters.same if column not in INDEXED})
    if filters.model:
        wanted &= Q(model_served=filters.model) | Q(model_asked=filters.model)
    if filters.slower_than is not None:
        wanted &= Q(total_seconds__gt=filters.slower_than)
    if filters.label:
        wanted &= Q(token_label__icontains=filters.label)
    return wanted & _of_status(filters.status)


def _of_status(asked: str) -> Q:
    if not asked:
        return Q()
    if asked == OK:
        return Q(status__lt=400, failure_kind="")
    if asked == FAILED:
        return (Q(status__gte=400) & ~Q(status=CLIENT_LEFT)) | BROKEN
    if asked.endswith("xx"):
        lowest = int(asked[0]) * 100
        return Q(status__gte=lowest, status__lt=lowest + 100)
    return Q(status=int(asked))


def _merged(parts: list[Page], limit: int) -> Page:
    """Return one page of several sets, in order. What lies behind a set's own end is not told before its time."""
    if len(parts) == 1:
        return parts[0]
    ends = [uuid.UUID(part.next_after) for part in parts if part.next_after is not None]
    floor = max(ends, default=None)
    rows = sorted((row for part in parts for row in part.rows), key=lambda row: row.pk, reverse=True)
    if floor is not None:
        rows = [row for row in rows if row.pk >= floor]
    if len(rows) > limit:
        return Page(rows[:limit], str(rows[limit - 1].pk))
    return Page(rows, None if floor is None else str(floor))
