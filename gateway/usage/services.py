"""Writes exchanges and their daily sums. Synchronous; the recorder calls it from its own thread."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import DataError, IntegrityError, transaction

from gateway.exchange import Exchange
from gateway.models import ExchangeRow
from gateway.usage import daily
from gateway.usage.rows import insert

IS_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A UUID as `gateway.identity.request_id` writes it."""

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

    The exchanges are tidied (`gateway.usage.tidy`).
    Raises `django.db.Error` when the database is away: then nothing has been written. A row that no database
    would take is left out and reported, and does not hold up the others.
    """
    written = Written()
    rows: dict[str, Exchange] = {}
    for exchange in exchanges:
        if IS_ID.fullmatch(exchange.id):
            rows[exchange.id] = exchange
        else:
            written.unusable.append(exchange.id)
    written.repeated = len(exchanges) - len(rows) - len(written.unusable)
    try:
        _insert(rows)
        written.inserted = len(rows)
    except _UNUSABLE:
        _write_what_is_new(rows, written)
    return written


def _write_what_is_new(rows: dict[str, Exchange], written: Written) -> None:
    """A batch is new as a rule; only when the database refused it do we look which of it is there."""
    known = set(map(str, ExchangeRow.objects.filter(pk__in=list(rows)).values_list("pk", flat=True)))
    written.repeated += len(known)
    rows = {pk: exchange for pk, exchange in rows.items() if pk not in known}
    try:
        _insert(rows)
        written.inserted += len(rows)
    except _UNUSABLE:
        for pk, exchange in rows.items():
            _write_alone(pk, exchange, written)


def _write_alone(pk: str, exchange: Exchange, written: Written) -> None:
    try:
        _insert({pk: exchange})
        written.inserted += 1
    except _UNUSABLE:
        if ExchangeRow.objects.filter(pk=pk).exists():
            written.repeated += 1
        else:
            written.unusable.append(exchange.id)


def _insert(rows: Mapping[str, Exchange]) -> None:
    with transaction.atomic():
        insert(rows)
        daily.add(rows.values())
