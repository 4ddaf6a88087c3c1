"""Give money back for which nothing was delivered, and find out about payments whose outcome is not known."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from gateway.kernel import audit, events
from gateway.kernel.principal import Principal
from gateway.models import Payment, PaymentStatus
from gateway.payments import claims
from gateway.payments.claims import in_thread
from gateway.payments.methods.base import Answer, Finding, Method, Refund

logger = logging.getLogger(__name__)

NOBODY_SERVED = "paid, and nothing was delivered"
REFUND_SECONDS = 60.0
"""So long one process may take for a refund before another tries."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Outcome of looking after one payment."""

    payment: Payment
    before: str

    @property
    def has_changed(self) -> bool:
        return self.before != self.payment.status


async def give_back(pk: uuid.UUID, method: Method | None, principal: Principal) -> None:
    """Refund a payment that was settled and never served; where that can't be done now, note that it is due."""
    row = await in_thread(_begin)(pk)
    if row is None:
        return
    outcome = Refund.DUE if method is None else await method.refund(claims.taken(row))
    await in_thread(_end)(row, outcome, principal)


def _begin(pk: uuid.UUID) -> Payment | None:
    """Take the refund on, for this process alone; None where another has it, or nothing is owed."""
    moment = claims.now()
    owed = Payment.objects.filter(
        pk=pk,
        status__in=(PaymentStatus.SETTLED, PaymentStatus.FAILED, PaymentStatus.REFUND_DUE),
        settled_at__isnull=False,
        served_at=None,
        held_until__lte=moment,
    )
    row = owed.first()
    if row is None or not owed.update(held_until=moment + timedelta(seconds=REFUND_SECONDS)):
        return None
    return row


def _end(row: Payment, outcome: Refund, principal: Principal) -> None:
    before = {"status": row.status}
    changes: dict[str, object] = {"held_until": claims.now()}
    if outcome is Refund.NOTHING:  # there is nothing to give back, now or later
        changes |= {"status": PaymentStatus.FAILED, "settled_at": None}
    elif outcome is Refund.DONE:
        changes |= {"status": PaymentStatus.REFUNDED, "refunded_at": claims.now()}
    else:
        changes |= {"status": PaymentStatus.REFUND_DUE}
    subject = f"payment:{row.pk}"
    with transaction.atomic():
        Payment.objects.filter(pk=row.pk).update(**changes)
        audit.record(principal, "payment.refund", subject, before, {"status": str(changes["status"])})
    if outcome is Refund.DUE and row.status != PaymentStatus.REFUND_DUE:
        events.emit(events.REFUND_DUE, subject, method=row.method, amount=row.amount, currency=row.currency)


def open_payments() -> list[Payment]:
    """Return the payments that somebody has to look after, oldest first: no process works on them."""
    moment = claims.now()
    unsure = Q(status__in=(PaymentStatus.UNKNOWN, PaymentStatus.CLAIMED, PaymentStatus.REFUND_DUE))
    paid = Q(status__in=(PaymentStatus.SETTLED, PaymentStatus.FAILED))
    unserved = paid & Q(settled_at__isnull=False, served_at=None)
    may_be_retried = ~Q(idempotency="") & Q(expires_at__gt=moment)
    rows = Payment.objects.filter(held_until__lte=moment).filter(unsure | (unserved & ~may_be_retried))
    return list(rows.order_by("id"))


async def reconcile(row: Payment, methods: Mapping[str, Method], principal: Principal) -> Reconciled:
    """Ask the provider about one payment, and give back what was paid for nothing."""
    before, method = row.status, methods.get(row.method)
    if row.status in (PaymentStatus.UNKNOWN, PaymentStatus.CLAIMED) and method is not None:
        answer = await method.look_up(claims.taken(row))
        await in_thread(_learn)(row, answer, principal)
        row = await in_thread(Payment.objects.get)(pk=row.pk)
    if row.settled_at is not None and row.served_at is None:
        await give_back(row.pk, method, principal)
    return Reconciled(await in_thread(Payment.objects.get)(pk=row.pk), before)


def _learn(row: Payment, answer: Answer, principal: Principal) -> None:
    """Write what the provider said of a payment that nobody was sure of."""
    changes: dict[str, object] = {"status": PaymentStatus.UNKNOWN}
    if answer.finding is Finding.PAID:
        changes = {
            "status": PaymentStatus.FAILED,
            "reference": answer.reference,
            "settled_at": claims.now(),
            "detail": NOBODY_SERVED,
        }
    elif answer.finding is Finding.NOT_PAID:
        changes = {"status": PaymentStatus.FAILED, "detail": "the provider says that nothing was paid"}
    with transaction.atomic():
        rows = Payment.objects.filter(pk=row.pk, status=row.status, held_until__lte=claims.now())
        if rows.update(**changes):
            after = {"status": str(changes["status"])}
            audit.record(principal, "payment.reconcile", f"payment:{row.pk}", {"status": row.status}, after)
