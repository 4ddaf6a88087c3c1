"""Read the calls that were written last, as plain tuples: model objects would cost more than all else that is done."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection

from gateway.models import ExchangeRow


class Ended(NamedTuple):
    """A call that has ended: what the list shows of its row, under the row's names."""

    pk: uuid.UUID
    started_at: datetime
    cost: Decimal | None
    person: str
    token_id: str
    token_label: str
    group: str
    surface: str
    path: str
    peer: str
    model_asked: str
    model_served: str
    provider: str
    account: str
    status: int
    upstream_status: int | None
    is_stream: bool
    failure_kind: str
    failure_message: str
    details: str
    attempts: int
    first_byte_seconds: float | None
    total_seconds: float
    overhead_seconds: float
    input_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    output_tokens: int
    currency: str


_COLUMNS = ["id", *Ended._fields[1:]]
_EXACT = Decimal(1).scaleb(-10)


def counts(since: int) -> dict[int, int]:
    """Count what was written from a moment on, by the moment (Unix ms) that a whole batch bears. Never reads a row."""
    return dict(_run(_counting(connection.vendor), [since]))


def moment(pk: uuid.UUID) -> int | None:
    """Return when a call was written; None when there is none of this id, or it does not say."""
    found: int | None = ExchangeRow.objects.filter(pk=pk).values_list("written_at", flat=True).first()
    return found


def read(moments: Collection[int], most: int) -> list[Ended]:
    """Return those of these moments that were written last, at most so many, newest first."""
    return [_ended(row) for row in _run(_reading(connection.vendor, len(moments)), [*moments, most])]


@lru_cache(maxsize=2)
def _counting(_vendor: str) -> str:
    table, at = connection.ops.quote_name(ExchangeRow._meta.db_table), "written_at"
    return f"SELECT {at}, COUNT(*) FROM {table} WHERE {at} >= %s GROUP BY {at}"  # noqa: S608  (our own names)


@lru_cache(maxsize=64)
def _reading(_vendor: str, count: int) -> str:
    """Return the query in words: they are put together once, not at every look."""
    names = ", ".join(connection.ops.quote_name(name) for name in _COLUMNS)
    table, marks = connection.ops.quote_name(ExchangeRow._meta.db_table), ", ".join(["%s"] * count)
    return f"SELECT {names} FROM {table} WHERE written_at IN ({marks}) ORDER BY written_at DESC LIMIT %s"  # noqa: S608


def _run(sql: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[Any] = cursor.fetchall()
        return found


def _ended(row: tuple[Any, ...]) -> Ended:
    """Make of what SQLite keeps in types of its own what the model makes of it."""
    pk, started_at, cost, *others = row
    return Ended(
        pk if isinstance(pk, uuid.UUID) else uuid.UUID(pk),
        started_at if started_at.tzinfo else started_at.replace(tzinfo=UTC),
        None if cost is None else Decimal(cost).quantize(_EXACT),
        *others,
    )
