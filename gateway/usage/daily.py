"""Add up usage per day. One batch is summed in memory first, then added to the stored rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from gateway.exchange.exchange import CLIENT_LEFT, NO_USAGE, Exchange
from gateway.exchange.surfaces import UNMODELLED
from gateway.models import DailyUsage

_NAMESPACE = uuid.UUID("5a3c0f5e-7f0b-4c38-9a43-6b1f8d1f2f60")
_DAY_SECONDS = 86_400


class Key(NamedTuple):
    """The key of one daily row; `day` counts UTC days since 1970."""

    day: int
    token_id: str
    group_ledger: str
    parent_ledger: str
    account: str
    provider: str
    model: str
    surface: str
    currency: str
    person: str = ""
    group: str = ""


@dataclass(slots=True)
class Sums:
    """The counted columns of `DailyUsage`, by their names."""

    requests: int = 0
    sent: int = 0
    errors: int = 0
    cancelled: int = 0
    refused: int = 0
    estimated: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    total_seconds: float = 0.0
    cost: Decimal = Decimal(0)

    def count(self, exchange: Exchange) -> None:
        usage, status = exchange.usage, exchange.status
        self.requests += 1
        # Lists of models are not limited.
        self.sent += exchange.is_sent and exchange.surface not in UNMODELLED
        if status == CLIENT_LEFT:
            self.cancelled += 1
        elif is_error(exchange):
            self.errors += 1
            if exchange.is_refusal and not exchange.attempts:
                self.refused += 1
        self.total_seconds += exchange.total_seconds
        self.bytes_in += exchange.bytes_in
        self.bytes_out += exchange.bytes_out
        if usage is NO_USAGE:
            return
        self.estimated += usage.is_estimated
        self.input_tokens += usage.input_tokens
        self.cache_read_tokens += usage.cache_read_tokens
        self.cache_write_5m_tokens += usage.cache_write_5m_tokens
        self.cache_write_1h_tokens += usage.cache_write_1h_tokens
        self.output_tokens += usage.output_tokens
        if exchange.cost is not None:
            self.cost += exchange.cost
        elif usage != NO_USAGE:
            self.unpriced += 1


def is_error(exchange: Exchange) -> bool:
    """Tell whether a call counts as failed: not where the client left, and none that was rehearsed."""
    has_failed = exchange.status >= 400 or exchange.failure_kind is not None
    return has_failed and exchange.status != CLIENT_LEFT and not exchange.rehearsal


_NAMES = tuple(field.name for field in fields(Sums))


def add(exchanges: Iterable[Exchange]) -> dict[Key, Sums]:
    """Add exchanges to their daily rows: make every row, lock them in the order of their keys, add, write
    back. Returns what was added.

    The order is the same for every worker, so none waits for one that waits for it. The caller holds the
    transaction.
    """
    sums: dict[Key, Sums] = {}
    ledgers: dict[Key, str] = {}
    for exchange in exchanges:
        key = _key(exchange)
        if key not in sums:
            sums[key] = Sums()
            ledgers[key] = exchange.ledger_id
        sums[key].count(exchange)
    by_id = {daily_id(key): key for key in sums}
    ids = sorted(by_id)
    DailyUsage.objects.bulk_create(
        [_empty(pk, by_id[pk], ledgers[by_id[pk]]) for pk in ids], ignore_conflicts=True
    )
    stored = list(DailyUsage.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    for row in stored:
        added = sums[by_id[row.id]]
        for name in _NAMES:
            setattr(row, name, getattr(row, name) + getattr(added, name))
    DailyUsage.objects.bulk_create(stored, update_conflicts=True, unique_fields=["id"], update_fields=_NAMES)
    return sums


@lru_cache(maxsize=4096)
def daily_id(key: Key) -> uuid.UUID:
    """Compute the primary key of a daily row from what it is about."""
    return uuid.uuid5(_NAMESPACE, "\0".join(map(str, key)))


def _key(exchange: Exchange) -> Key:
    return Key(
        int(exchange.started_at // _DAY_SECONDS),
        exchange.token_id,
        exchange.group_ledger,
        exchange.parent_ledger,
        exchange.account,
        exchange.provider,
        exchange.model_served,
        exchange.surface,
        exchange.currency,
        exchange.person,
        exchange.group,
    )


def _empty(pk: uuid.UUID, key: Key, ledger_id: str) -> DailyUsage:
    named = key._asdict() | {"day": date_of(key.day)}
    return DailyUsage(id=pk, ledger_id=ledger_id, **named)


def date_of(day: int) -> date:
    return datetime.fromtimestamp(day * _DAY_SECONDS, UTC).date()
