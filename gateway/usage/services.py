"""Write exchanges and their sums by day and hour. Synchronous; the recorder calls it from its own thread."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import DatabaseError, DataError, IntegrityError, transaction

from gateway.exchange.exchange import Exchange
from gateway.models import ExchangeRow
from gateway.usage import daily, hourly, whole_days
from gateway.usage.rows import insert
from tokens.people.standing import OF_PEOPLE
from tokens.signin.marking import mark_used

IS_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A UUID as `gateway.telemetry.request_ids.request_id` writes it."""

_UNUSABLE = (IntegrityError, DataError, ValueError, TypeError, ArithmeticError)
"""Errors for a row that a database will never take, as against being away."""


@dataclass(slots=True)
class Written:
    """The result of one write: rows inserted, rows that were there already, ids no database would take."""

    inserted: int = 0
    repeated: int = 0
    unusable: list[str] = field(default_factory=list)


def write(exchanges: Sequence[Exchange]) -> Written:
    """Insert the rows that are not there yet and add exactly those to the sums, in one transaction.

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
    with suppress(DatabaseError):  # the next batch tells whether the database is away
        mark_used(
            {each.token_id for each in exchanges if each.ledger_id.startswith(OF_PEOPLE)}, int(time.time())
        )
    return written


def _write_what_is_new(rows: dict[str, Exchange], written: Written) -> None:
    """Write what a refused batch has new: a batch is new as a rule, so it is looked at only now."""
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
        added = daily.add(rows.values())
        hourly.add(rows.values())
        whole_days.add(added)
