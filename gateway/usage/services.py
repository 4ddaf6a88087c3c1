"""Writes exchanges and their daily sums. Synchronous; the recorder calls it from its own thread."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import DataError, IntegrityError, transaction

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
    with transaction.atomic():
        ExchangeRow.objects.bulk_create([_row(pk, exchange) for pk, exchange in rows.items()])
        _add_daily(rows.values())


def clean(text: str, length: int = TEXT_LENGTH) -> str:
    """`text` as every database takes it: no NUL, no lone surrogate, at most `length` characters."""
    return text[:length].replace("\0", "").encode("utf-8", "replace").decode()


def _row(pk: uuid.UUID, exchange: Exchange) -> ExchangeRow:
    usage = exchange.usage
    return ExchangeRow(
        id=pk,
        started_at=datetime.fromtimestamp(exchange.started_at, UTC),
        surface=clean(exchange.surface, 64),
        method=clean(exchange.method, 16),
        path=clean(exchange.path),
        peer=clean(exchange.peer, 64),
        token_id=clean(exchange.token_id),
        token_label=clean(exchange.token_label),
        ledger_id=clean(exchange.ledger_id),
        provider=clean(exchange.provider),
        account=clean(exchange.account),
        model_asked=clean(exchange.model_asked),
        model_served=clean(exchange.model_served),
        status=exchange.status,
        upstream_status=exchange.upstream_status,
        is_stream=exchange.is_stream,
        is_refusal=exchange.is_refusal,
        is_estimated=usage.is_estimated,
        failure_kind=exchange.failure_kind or "",
        failure_message=clean(exchange.failure_message),
        attempts=exchange.attempts,
        first_byte_seconds=exchange.first_byte_seconds,
        total_seconds=exchange.total_seconds,
        overhead_seconds=exchange.overhead_seconds,
        bytes_in=exchange.bytes_in,
        bytes_out=exchange.bytes_out,
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_tokens=usage.output_tokens,
        cost=exchange.cost,
        currency=clean(exchange.currency, 8),
    )


def _add_daily(exchanges: Iterable[Exchange]) -> None:
    """Sum up, make sure that every row exists, lock them in the order of their keys, add, write back.

    The order is the same for every worker, so none waits for one that waits for it.
    """
    sums: dict[uuid.UUID, DailyUsage] = {}
    for exchange in exchanges:
        daily = _daily(exchange)
        seen = sums.setdefault(daily.id, daily)
        if seen is not daily:
            _add(seen, daily)
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


def daily_id(day: date, *parts: str) -> uuid.UUID:
    """The key of a daily row: day, token, account, provider, model, surface, currency; no part has a NUL."""
    return uuid.uuid5(_DAILY, "\0".join((day.isoformat(), *parts)))


def _daily(exchange: Exchange) -> DailyUsage:
    """The daily row that this exchange alone would make."""
    usage, status = exchange.usage, exchange.status
    day = datetime.fromtimestamp(exchange.started_at, UTC).date()
    token_id, ledger_id = clean(exchange.token_id), clean(exchange.ledger_id)
    account, provider = clean(exchange.account), clean(exchange.provider)
    model, surface, currency = (
        clean(_model(exchange)),
        clean(exchange.surface, 64),
        clean(exchange.currency, 8),
    )
    return DailyUsage(
        id=daily_id(day, token_id, account, provider, model, surface, currency),
        day=day,
        token_id=token_id,
        ledger_id=ledger_id,
        account=account,
        provider=provider,
        model=model,
        surface=surface,
        currency=currency,
        requests=1,
        errors=int(status >= 400 and status != CLIENT_LEFT),
        cancelled=int(status == CLIENT_LEFT),
        refused=int(exchange.is_refusal),
        estimated=int(usage.is_estimated),
        unpriced=int(exchange.cost is None and usage != NO_USAGE),
        total_seconds=exchange.total_seconds,
        bytes_in=exchange.bytes_in,
        bytes_out=exchange.bytes_out,
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_tokens=usage.output_tokens,
        cost=exchange.cost or Decimal(0),
    )


def _model(exchange: Exchange) -> str:
    """What was served; what was asked only when it may exist, or a caller could make rows without end."""
    if exchange.model_served:
        return exchange.model_served
    if exchange.is_refusal or exchange.status in (400, 404):
        return ""
    return exchange.model_asked
