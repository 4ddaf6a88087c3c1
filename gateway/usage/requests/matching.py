"""Tell of a call that is at hand whether filters let it through: the same answer as a query's."""

from __future__ import annotations

from gateway.exchange.exchange import CLIENT_LEFT
from gateway.kernel.moments import id_floor
from gateway.models import ExchangeRow
from gateway.usage.requests.filters import FAILED, OK, Filters
from gateway.usage.requests.newest import Ended


def matches(filters: Filters, row: ExchangeRow | Ended) -> bool:
    """Tell whether all of them hold."""
    return (
        all(getattr(row, column) == value for column, value in filters.same)
        and (not filters.model or filters.model in (row.model_served, row.model_asked))
        and (filters.slower_than is None or row.total_seconds > filters.slower_than)
        and (filters.begins is None or row.pk >= id_floor(filters.begins.timestamp()))
        and (filters.ends is None or row.pk < id_floor(filters.ends.timestamp()))
        and filters.request_id in (None, row.pk)
        and (not filters.label or filters.label.casefold() in row.token_label.casefold())
        and _has_status(filters.status, row)
    )


def _has_status(asked: str, row: ExchangeRow | Ended) -> bool:
    if not asked:
        return True
    if asked == OK:
        return row.status < 400 and not row.failure_kind
    if asked == FAILED:
        is_broken = row.status < 400 and bool(row.failure_kind)
        return is_broken or (row.status >= 400 and row.status != CLIENT_LEFT)
    if asked.endswith("xx"):
        return row.status // 100 == int(asked[0])
    return row.status == int(asked)
