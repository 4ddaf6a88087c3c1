"""Read and write the table of batches. Sync, ORM; callers bring a thread."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from gateway.batches.models import BatchRow
from gateway.exchange.exchange import Exchange
from gateway.kernel.moments import id_floor
from gateway.usage import services
from gateway.usage.tidy import tidy

SOONEST_SECONDS, LATEST_SECONDS = 60.0, 900.0
LATER_SHARE = 0.1
"""A batch is looked at again after this part of its age."""
KEPT_SECONDS = 90 * 86_400
"""A batch that is billed is remembered this long."""
TOGETHER = 20


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a batch has cost in the end: its rows of usage, the difference to what was held, and for which books."""

    exchanges: Sequence[Exchange]
    difference: Decimal
    currency: str
    marks: Mapping[str, str]


def add(row: BatchRow, instead_of: str = "") -> None:
    """Remember a batch that has been made; one that is known stays as it is. `instead_of`: its intention."""
    with transaction.atomic():
        BatchRow.objects.bulk_create([row], ignore_conflicts=True)
        if instead_of:
            drop(instead_of)


def find(pk: str) -> BatchRow | None:
    """Return a batch that has not been billed."""
    return BatchRow.objects.filter(pk=pk, settled_at__isnull=True).first()


def due(pk: str) -> None:
    """Have a batch looked at now."""
    BatchRow.objects.filter(pk=pk, settled_at__isnull=True).update(look_at=_moment(0.0))


def claim(now: float) -> list[BatchRow]:
    """Return batches whose time to be looked at has come; each to one worker alone."""
    claimed = []
    for row in BatchRow.objects.filter(settled_at__isnull=True, look_at__lte=_moment(now)).order_by(
        "look_at"
    )[:TOGETHER]:
        age = now - row.made_at.timestamp()
        later = min(LATEST_SECONDS, max(SOONEST_SECONDS, age * LATER_SHARE))
        mine = BatchRow.objects.filter(pk=row.pk, look_at=row.look_at, settled_at__isnull=True)
        if mine.update(look_at=_moment(now + later), looks=row.looks + 1):
            claimed.append(row)
    return claimed


def drop(pk: str) -> None:
    """Delete the row of an intention: no batch came of it."""
    BatchRow.objects.filter(pk=pk, settled_at__isnull=True).delete()


def settle(row: BatchRow, settlement: Settlement, now: float) -> bool:
    """Write what a batch has cost, in one transaction; False when it has been written before."""
    with transaction.atomic():
        mine = BatchRow.objects.filter(pk=row.pk, settled_at__isnull=True)
        if not mine.update(
            settled_at=_moment(now),
            difference=settlement.difference,
            currency=settlement.currency,
            marks=dict(settlement.marks),
        ):
            return False
        services.write([tidy(exchange) for exchange in settlement.exchanges])
    return True


def untold() -> list[BatchRow]:
    """Return batches that are billed, and whose ledgers may not have been told."""
    return list(BatchRow.objects.filter(settled_at__isnull=False, difference__isnull=False)[:TOGETHER])


def told(pk: str) -> None:
    """Note that the ledgers know what a batch has cost."""
    BatchRow.objects.filter(pk=pk).update(difference=None)


def prune(now: float) -> None:
    """Forget batches that were billed long ago."""
    before = _moment(now) - timedelta(seconds=KEPT_SECONDS)
    BatchRow.objects.filter(settled_at__lt=before, difference__isnull=True).delete()


def exchange_of(row: BatchRow, model: str) -> Exchange:
    """Return the row of usage of a batch's calls of one model. Its id says which: nothing can be written twice.

    It stands at the moment at which the batch was made, to whose budget it belongs.
    """
    at = row.made_at.timestamp()
    digest = hashlib.sha256(f"{row.pk}\0{model}".encode("utf-8", "replace")).digest()
    low = int.from_bytes(digest[:8], "big") & ((1 << 62) - 1)
    return Exchange(
        id=str(uuid.UUID(int=id_floor(at).int | low)),
        started_at=at,
        surface="batch",
        path=f"/v1/messages/batches/{row.pk}",
        token_id=row.token_id,
        token_label=row.token_label,
        ledger_id=row.ledger_id,
        group_ledger=row.group_ledger,
        parent_ledger=row.parent_ledger,
        provider=row.provider,
        account=row.account,
        model_asked=model,
        model_served=model,
        status=200,
    )


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
