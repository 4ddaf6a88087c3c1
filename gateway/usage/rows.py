"""Insert exchanges as rows. Plain SQL: a model object per row costs more than relaying the request did."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter
from typing import Any

from django.db import connection

from gateway.exchange.exchange import Exchange
from gateway.models import ExchangeRow
from gateway.usage import details

_FIELDS = {field.name: field for field in ExchangeRow._meta.concrete_fields}
_SAME = (
    "surface",
    "method",
    "path",
    "peer",
    "token_id",
    "token_label",
    "person",
    "group",
    "ledger_id",
    "group_ledger",
    "parent_ledger",
    "provider",
    "account",
    "model_asked",
    "model_served",
    "status",
    "upstream_status",
    "is_stream",
    "is_refusal",
    "failure_message",
    "attempts",
    "first_byte_seconds",
    "total_seconds",
    "overhead_seconds",
    "bytes_in",
    "bytes_out",
    "currency",
)
"""Fields that the row and the exchange have in common, by name and type."""

_USAGE = (
    "is_estimated",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
)
_same, _usage = attrgetter(*_SAME), attrgetter(*_USAGE)
_COLUMNS = ("id", "started_at", "failure_kind", "cost", "details", "written_at", *_SAME, *_USAGE)

TOGETHER = 999 // len(_COLUMNS)
"""Rows in one statement.

SQLite releases the interpreter for every statement and has to get it back from the event loop, which under load
costs several times what the row does. More than 999 values some builds of SQLite refuse.
"""


def insert(rows: Mapping[str, Exchange]) -> None:
    """Insert all of them. Raises what the database says; the caller holds the transaction."""
    is_native = connection.features.has_native_uuid_field
    moment = _moment if connection.features.supports_timezones else _moment_as_text
    now = int(time.time() * 1000)
    values = [
        _values(pk if is_native else pk.replace("-", ""), moment(exchange.started_at), exchange, now)
        for pk, exchange in rows.items()
    ]
    whole = len(values) - len(values) % TOGETHER
    several = [list(chain(*values[start : start + TOGETHER])) for start in range(0, whole, TOGETHER)]
    with connection.cursor() as cursor:
        if several:
            cursor.executemany(_statement(TOGETHER), several)
        if whole < len(values):
            cursor.executemany(_statement(1), values[whole:])


def _statement(count: int) -> str:
    """Return the statement that inserts so many rows."""
    quote = connection.ops.quote_name
    columns = ", ".join(quote(name) for name in _COLUMNS)
    marks = "(" + ", ".join(["%s"] * len(_COLUMNS)) + ")"
    table = quote(ExchangeRow._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([marks] * count)}"  # noqa: S608  (our own names)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _moment_as_text(at: float) -> str:
    """Write a moment as Django does where a column has no time zone, at a fraction of the cost."""
    return str(datetime.fromtimestamp(at, UTC).replace(tzinfo=None))


def _values(pk: object, started_at: object, exchange: Exchange, written_at: int) -> list[Any]:
    return [
        pk,
        started_at,
        exchange.failure_kind or "",
        None if exchange.cost is None else _FIELDS["cost"].get_db_prep_save(exchange.cost, connection),
        details.written(exchange),
        written_at,
        *_same(exchange),
        *_usage(exchange.usage),
    ]
