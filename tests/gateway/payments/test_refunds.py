"""Money that goes back, and payments of which nobody knew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.audit.models import AuditRow
from gateway.kernel.principal import COMMAND_LINE, GATEWAY
from gateway.models import Payment, PaymentStatus
from gateway.payments import claims, refunds
from gateway.payments.claims import in_thread
from gateway.payments.methods.base import Answer, Finding, Refund, Settled
from tests.gateway.payments.building import Scripted, lapse, wanted

pytestmark = pytest.mark.django_db(transaction=True)


def made(challenge_id: str, status: str, is_paid: bool, **changes: Any) -> Payment:
    row, _ = claims.claim(wanted(challenge_id, **changes))
    Payment.objects.filter(pk=row.pk).update(
        status=status, settled_at=claims.now() if is_paid else None, reference="r" if is_paid else ""
    )
    lapse(row.pk)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Refund.DONE, PaymentStatus.REFUNDED),
        (Refund.DUE, PaymentStatus.REFUND_DUE),
        (Refund.NOTHING, PaymentStatus.FAILED),
    ],
)
async def test_money_is_given_back_once(outcome: Refund, status: PaymentStatus) -> None:
    row = await in_thread(made)("c", PaymentStatus.FAILED, True)
    method = Scripted(refund=outcome)
    await refunds.give_back(row.pk, method, GATEWAY)
    await in_thread(row.refresh_from_db)()
    assert row.status == status
    assert (row.refunded_at is not None) is (outcome is Refund.DONE)
    if outcome is not Refund.DUE:  # that one is tried again
        await refunds.give_back(row.pk, method, GATEWAY)
        assert method.refunded == ["r"]
    audited = await in_thread(lambda: list(AuditRow.objects.filter(action="payment.refund")))()
    assert len(audited) == (0 if outcome is Refund.NOTHING else 1)
    if audited:
        assert audited[0].subject == f"payment:{row.pk}"
        assert (audited[0].before, audited[0].after) == ({"status": "failed"}, {"status": str(status)})
        assert audited[0].who_kind == "system"


async def test_what_was_served_or_not_paid_is_not_given_back() -> None:
    method = Scripted(refund=Refund.DONE)
    served = await in_thread(made)("a", PaymentStatus.SETTLED, True)
    await in_thread(claims.serve)(served.pk)
    for row in (served, await in_thread(made)("b", PaymentStatus.FAILED, False)):
        await refunds.give_back(row.pk, method, GATEWAY)
    assert method.refunded == []


async def test_what_is_open() -> None:
    def rows() -> set[str]:
        past = claims.now() - timedelta(seconds=1)
        for name, status, is_paid, key in (
            ("claimed", "claimed", False, ""),
            ("unknown", "unknown", False, ""),
            ("due", "refund-due", True, ""),
            ("unserved", "settled", True, ""),
            ("may come again", "failed", True, "k"),
            ("came no more", "failed", True, "k"),
            ("refused", "failed", False, ""),
            ("refunded", "refunded", True, ""),
        ):
            row = made(name, status, is_paid, idempotency=key)
            if name == "came no more":
                Payment.objects.filter(pk=row.pk).update(expires_at=past)
        claims.claim(wanted("running"))
        served = made("served", "settled", True)
        claims.serve(served.pk)
        return {row.challenge_id for row in refunds.open_payments()}

    assert await in_thread(rows)() == {"claimed", "unknown", "due", "unserved", "came no more"}


@pytest.mark.parametrize("before", ["unknown", "claimed"])
@pytest.mark.parametrize(
    ("finding", "refund", "status"),
    [
        (Finding.PAID, Refund.DONE, "refunded"),
        (Finding.PAID, Refund.DUE, "refund-due"),
        (Finding.NOT_PAID, Refund.DONE, "failed"),
        (Finding.UNKNOWN, Refund.DONE, "unknown"),
    ],
)
async def test_the_provider_is_asked(before: str, finding: Finding, refund: Refund, status: str) -> None:
    row = await in_thread(made)("c", before, False)
    method = Scripted(refund=refund, found=Answer(finding, "pi_1" if finding is Finding.PAID else ""))
    result = await refunds.reconcile(row, {"test": method}, COMMAND_LINE)
    assert (result.before, result.payment.status) == (before, status)
    assert result.has_changed is (before != status)
    assert method.refunded == (["pi_1"] if finding is Finding.PAID else [])
    actions = await in_thread(lambda: [row.action for row in AuditRow.objects.order_by("id")])()
    expected = [] if before == status else ["payment.reconcile"]
    assert actions == expected + (["payment.refund"] if finding is Finding.PAID else [])


async def test_a_method_that_is_gone_leaves_what_it_took_due() -> None:
    row = await in_thread(made)("c", "settled", True)
    assert (await refunds.reconcile(row, {}, COMMAND_LINE)).payment.status == "refund-due"
    unknown = await in_thread(made)("d", "unknown", False)
    assert not (await refunds.reconcile(unknown, {}, COMMAND_LINE)).has_changed


async def test_a_payment_that_settled_meanwhile_is_left_alone() -> None:
    row = await in_thread(made)("c", "claimed", False)
    await in_thread(claims.settle)(row.pk, Settled("r"))
    await in_thread(claims.serve)(row.pk)
    method = Scripted(found=Answer(Finding.NOT_PAID))
    assert (await refunds.reconcile(row, {"test": method}, COMMAND_LINE)).payment.status == "settled"
