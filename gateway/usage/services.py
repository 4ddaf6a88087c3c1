"""Writes exchanges and their daily sums. Synchronous; the recorder calls it from its own thread."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from django.db import DataError, IntegrityError, connection, transaction

from gateway.exchange import CLIENT_LEFT, NO_USAGE, Exchange
from gateway.models import TEXT_LENGTH, DailyUsage, ExchangeRow

_DAILY = uuid.UUID("5a3c0f5e-7f0b-4c38-9a43-6b1f8d1f2f60")
_SUMS = (
    "requests",
    "errors",
    "cancelled",
    "refused",
    "estimated",
    "unpriced",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "bytes_in",
    "bytes_out",
    "total_seconds",
    "cost",
)
_UNUSABLE = (IntegrityError, DataError, ValueError, TypeError, ArithmeticError)
"""What a database says of a row that it will never take, as against being away."""


_COLUMNS = (
    "id",
    "started_at",
    "cost",
    "surface",
    "method",
    "path",
    "peer",
    "token_id",
    "token_label",
    "ledger_id",
    "provider",
    "account",
    "model_asked",
    "model_served",
    "status",
    "upstream_status",
    "is_stream",
    "is_refusal",
    "is_estimated",
    "failure_kind",
    "failure_message",
    "attempts",
    "first_byte_seconds",
    "total_seconds",
    "overhead_seconds",
    "bytes_in",
    "bytes_out",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "currency",
)
"""Of `gateway_exchange`, in the order of `_values`."""


class Columns(NamedTuple):
    """The fields whose values databases write differently."""

    id: Any
    started_at: Any
    cost: Any


@dataclass(slots=True)
class Written:
    """What one write did: rows inserted, rows that were there already, ids no database would take."""

    inserted: int = 0
    repeated: int = 0
    unusable: list[str] = field(default_factory=list)


def write(exchanges: Sequence[Exchange]) -> Written:
    """Insert the rows that are not there yet and add exactly those to the daily sums, in one transaction.

    Raises `django.db.Error` when the database is away: then nothing has been written. A row that no database
    would take is left out and reported, and does not hold up the others.
    """
    written = Written()
    rows: dict[uuid.UUID, Exchange] = {}
    for exchange in exchanges:
        try:
            rows[uuid.UUID(exchange.id)] = exchange
        except ValueError:
            written.unusable.append(exchange.id)
    written.repeated = len(exchanges) - len(rows) - len(written.unusable)
    try:
        _insert(rows)
        written.inserted = len(rows)
    except _UNUSABLE:
        _write_what_is_new(rows, written)
    return written


def _write_what_is_new(rows: dict[uuid.UUID, Exchange], written: Written) -> None:
    """A batch is new as a rule; only when the database refused it do we look which of it is there."""
    known = set(ExchangeRow.objects.filter(pk__in=list(rows)).values_list("pk", flat=True))
    written.repeated += len(known)
    rows = {pk: exchange for pk, exchange in rows.items() if pk not in known}
    try:
        _insert(rows)
        written.inserted += len(rows)
    except _UNUSABLE:
        for pk, exchange in rows.items():
            _write_alone(pk, exchange, written)


def _write_alone(pk: uuid.UUID, exchange: Exchange, written: Written) -> None:
    try:
        _insert({pk: exchange})
        written.inserted += 1
    except _UNUSABLE:
        if ExchangeRow.objects.filter(pk=pk).exists():
            written.repeated += 1
        else:
            written.unusable.append(exchange.id)


def _insert(rows: Mapping[uuid.UUID, Exchange]) -> None:
    """Plain SQL: the ORM's own way costs more per row than relaying the call did."""
    if not rows:
        return
    columns, sql = _statement()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.executemany(sql, [_values(pk, exchange, columns) for pk, exchange in rows.items()])
        _add_daily(rows.values())


@cache
def _statement() -> tuple[Columns, str]:
    """The three columns that databases write differently, and the statement, in the order of `_values`."""
    def field_of(name: str) -> Any:
        return ExchangeRow._meta.get_field(name)

    quoted = ", ".join(connection.ops.quote_name(field_of(name).column) for name in _COLUMNS)
    marks = ", ".join(["%s"] * len(_COLUMNS))
    columns = Columns(field_of("id"), field_of("started_at"), field_of("cost"))
    table = connection.ops.quote_name(ExchangeRow._meta.db_table)
    return columns, f"INSERT INTO {table} ({quoted}) VALUES ({marks})"  # noqa: S608 - names of our own model


def clean(text: str, length: int = TEXT_LENGTH) -> str:
    """`text` as every database takes it: no NUL, no lone surrogate, at most `length` characters."""
    if len(text) <= length and text.isascii() and "\0" not in text:
        return text
    return text[:length].replace("\0", "").encode("utf-8", "replace").decode()


def _values(pk: uuid.UUID, exchange: Exchange, columns: Columns) -> tuple[Any, ...]:
    usage = exchange.usage
    started_at = datetime.fromtimestamp(exchange.started_at, UTC)
    return (
        columns.id.get_db_prep_value(pk, connection),
        columns.started_at.get_db_prep_value(started_at, connection),
        None if exchange.cost is None else columns.cost.get_db_prep_save(exchange.cost, connection),
        clean(exchange.surface, 64),
        clean(exchange.method, 16),
        clean(exchange.path),
        clean(exchange.peer, 64),
        clean(exchange.token_id),
        clean(exchange.token_label),
        clean(exchange.ledger_id),
        clean(exchange.provider),
        clean(exchange.account),
        clean(exchange.model_asked),
        clean(exchange.model_served),
        exchange.status,
        exchange.upstream_status,
        exchange.is_stream,
        exchange.is_refusal,
        usage.is_estimated,
        exchange.failure_kind or "",
        clean(exchange.failure_message),
        exchange.attempts,
        exchange.first_byte_seconds,
        exchange.total_seconds,
        exchange.overhead_seconds,
        exchange.bytes_in,
        exchange.bytes_out,
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.output_tokens,
        clean(exchange.currency, 8),
    )


def _add_daily(exchanges: Iterable[Exchange]) -> None:
    """Sum up, make sure that every row exists, lock them in the order of their keys, add, write back.

    The order is the same for every worker, so none waits for one that waits for it.
    """
    groups: dict[tuple[object, ...], list[Exchange]] = {}
    for exchange in exchanges:
        groups.setdefault(_group(exchange), []).append(exchange)
    sums = {daily.id: daily for daily in (_daily(members) for members in groups.values())}
    keys = sorted(sums)
    empty = [_without_sums(sums[key]) for key in keys]
    DailyUsage.objects.bulk_create(empty, ignore_conflicts=True)
    stored = list(DailyUsage.objects.select_for_update().filter(pk__in=keys).order_by("pk"))
    for row in stored:
        _add(row, sums[row.id])
    DailyUsage.objects.bulk_create(stored, update_conflicts=True, unique_fields=["id"], update_fields=_SUMS)


def _add(row: DailyUsage, other: DailyUsage) -> None:
    for name in _SUMS:
        setattr(row, name, getattr(row, name) + getattr(other, name))


def _without_sums(daily: DailyUsage) -> DailyUsage:
    return DailyUsage(
        id=daily.id,
        day=daily.day,
        token_id=daily.token_id,
        ledger_id=daily.ledger_id,
        account=daily.account,
        provider=daily.provider,
        model=daily.model,
        surface=daily.surface,
        currency=daily.currency,
    )


def _group(exchange: Exchange) -> tuple[object, ...]:
    """What one daily row stands for, with the day as a number."""
    return (
        int(exchange.started_at // 86400),
        exchange.token_id,
        exchange.account,
        exchange.provider,
        _model(exchange),
        exchange.surface,
        exchange.currency,
    )


def daily_id(day: date, *parts: str) -> uuid.UUID:
    """The key of a daily row: day, token, account, provider, model, surface, currency; no part has a NUL."""
    return uuid.uuid5(_DAILY, "\0".join((day.isoformat(), *parts)))


def _daily(members: Sequence[Exchange]) -> DailyUsage:
    """The daily row that these exchanges of one group alone would make."""
    first = members[0]
    day = datetime.fromtimestamp(first.started_at, UTC).date()
    token_id, account, provider = clean(first.token_id), clean(first.account), clean(first.provider)
    model, surface, currency = clean(_model(first)), clean(first.surface, 64), clean(first.currency, 8)
    usages = [exchange.usage for exchange in members]
    return DailyUsage(
        id=daily_id(day, token_id, account, provider, model, surface, currency),
        day=day,
        token_id=token_id,
        ledger_id=clean(first.ledger_id),
        account=account,
        provider=provider,
        model=model,
        surface=surface,
        currency=currency,
        requests=len(members),
        errors=sum(exchange.status >= 400 and exchange.status != CLIENT_LEFT for exchange in members),
        cancelled=sum(exchange.status == CLIENT_LEFT for exchange in members),
        refused=sum(exchange.is_refusal for exchange in members),
        estimated=sum(usage.is_estimated for usage in usages),
        unpriced=sum(exchange.cost is None and exchange.usage != NO_USAGE for exchange in members),
        total_seconds=sum(exchange.total_seconds for exchange in members),
        bytes_in=sum(exchange.bytes_in for exchange in members),
        bytes_out=sum(exchange.bytes_out for exchange in members),
        input_tokens=sum(usage.input_tokens for usage in usages),
        cache_read_tokens=sum(usage.cache_read_tokens for usage in usages),
        cache_write_5m_tokens=sum(usage.cache_write_5m_tokens for usage in usages),
        cache_write_1h_tokens=sum(usage.cache_write_1h_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cost=sum((exchange.cost or Decimal(0) for exchange in members), Decimal(0)),
    )


def _model(exchange: Exchange) -> str:
    """What was served; what was asked only when it may exist, or a caller could make rows without end."""
    if exchange.model_served:
        return exchange.model_served
    if exchange.is_refusal or exchange.status in (400, 404):
        return ""
    return exchange.model_asked
