"""Claims on challenges: one row each, made before the method is asked. Sync, ORM.

Every change names the state it starts from, so that of two processes one makes it.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.db import IntegrityError, transaction
from uuid_utils.compat import uuid7

from gateway.models import Payment, PaymentStatus
from gateway.payments.challenge import INTENT
from gateway.payments.methods.base import Offer, Settled, Taken

HOLD_SECONDS = 20.0
"""So long after its last renewal a claim counts as being worked on."""
DETAIL_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Claim:
    """Facts that are written of a credential that is about to be tried."""

    challenge_id: str
    method: str
    offer: Offer
    notes: dict[str, str]
    token_id: str
    surface: str
    exchange_id: str
    fingerprint: str
    idempotency: str  # SHA-256 of the key, "" without one
    expires_at: float


Args = ParamSpec("Args")
Result = TypeVar("Result")


def in_thread(function: Callable[Args, Result]) -> Callable[Args, Awaitable[Result]]:
    """Return the function as one to be awaited: it runs in a thread, on a connection of its own."""
    awaited: Callable[Args, Awaitable[Result]] = database_sync_to_async(function, thread_sensitive=False)
    return awaited


def now() -> datetime:
    return datetime.now(UTC)


def claim(wanted: Claim) -> tuple[Payment, bool]:
    """Claim a challenge; return its row, and whether it is ours now: else another call has it, or had it."""
    moment = now()
    row = Payment(
        id=uuid7(),
        challenge_id=wanted.challenge_id,
        method=wanted.method,
        intent=INTENT,
        amount=wanted.offer.amount,
        currency=wanted.offer.currency,
        recipient=wanted.offer.recipient,
        notes=wanted.notes,
        token_id=wanted.token_id,
        surface=wanted.surface,
        exchange_id=wanted.exchange_id,
        fingerprint=wanted.fingerprint,
        idempotency=wanted.idempotency,
        created_at=moment,
        expires_at=datetime.fromtimestamp(wanted.expires_at, UTC),
        held_until=moment + timedelta(seconds=HOLD_SECONDS),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return Payment.objects.get(challenge_id=wanted.challenge_id), False
    return row, True


def settle(pk: uuid.UUID, settled: Settled) -> bool:
    """Note that the money was taken."""
    claimed = Payment.objects.filter(pk=pk, status=PaymentStatus.CLAIMED)
    return bool(
        claimed.update(
            status=PaymentStatus.SETTLED,
            reference=settled.reference,
            extras=dict(settled.extras),
            settled_at=now(),
        )
    )


def refuse(pk: uuid.UUID, detail: str) -> None:
    """Note that the method refused the credential: no money was taken."""
    _end(pk, PaymentStatus.CLAIMED, PaymentStatus.FAILED, detail)


def doubt(pk: uuid.UUID, detail: str) -> None:
    """Note that nobody knows whether money was taken."""
    _end(pk, PaymentStatus.CLAIMED, PaymentStatus.UNKNOWN, detail)


def fail(pk: uuid.UUID, detail: str) -> None:
    """Note that a paid call delivered nothing."""
    _end(pk, PaymentStatus.SETTLED, PaymentStatus.FAILED, detail)


def _end(pk: uuid.UUID, before: PaymentStatus, after: PaymentStatus, detail: str) -> None:
    rows = Payment.objects.filter(pk=pk, status=before, served_at=None)
    rows.update(status=after, detail=detail[:DETAIL_LENGTH], held_until=now())


def retake(row: Payment, exchange_id: str) -> bool:
    """Take a payment up again that was settled, and for which nothing was delivered. One of several gets it."""
    moment = now()
    free = Payment.objects.filter(
        pk=row.pk,
        status__in=(PaymentStatus.SETTLED, PaymentStatus.FAILED),
        settled_at__isnull=False,
        served_at=None,
        held_until__lte=moment,
    )
    return bool(
        free.update(
            status=PaymentStatus.SETTLED,
            detail="",
            exchange_id=exchange_id,
            held_until=moment + timedelta(seconds=HOLD_SECONDS),
        )
    )


def serve(pk: uuid.UUID) -> None:
    """Note that the answer begins: the payment is used up."""
    Payment.objects.filter(pk=pk, served_at=None).update(served_at=now(), held_until=now())


def renew(pks: Iterable[uuid.UUID]) -> None:
    """Go on holding what calls are running for."""
    until = now() + timedelta(seconds=HOLD_SECONDS)
    Payment.objects.filter(pk__in=list(pks)).update(held_until=until)


def is_held(row: Payment) -> bool:
    """Tell whether a process is at work on it."""
    return row.held_until > now()


def taken(row: Payment) -> Taken:
    """Return a row as its method needs it."""
    return Taken(row.challenge_id, row.reference, row.created_at.timestamp(), row.notes)
