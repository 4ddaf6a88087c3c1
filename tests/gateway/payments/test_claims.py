"""Claims: one per challenge, and who may take one up again."""

from __future__ import annotations

import pytest

from gateway.models import Payment, PaymentStatus
from gateway.payments import claims
from gateway.payments.methods.base import Settled
from tests.gateway.payments.building import lapse, wanted

pytestmark = pytest.mark.django_db


def test_a_challenge_is_claimed_once() -> None:
    row, is_ours = claims.claim(wanted())
    assert is_ours and claims.is_held(row)
    again, is_ours = claims.claim(wanted(fingerprint="other"))
    assert not is_ours and again.pk == row.pk
    assert (again.status, again.amount, again.token_id) == (PaymentStatus.CLAIMED, "5", "t-1")
    assert claims.taken(again).claimed_at == again.created_at.timestamp()


@pytest.mark.parametrize(
    ("end", "status"), [(claims.refuse, PaymentStatus.FAILED), (claims.doubt, PaymentStatus.UNKNOWN)]
)
def test_a_claim_without_money(end, status: PaymentStatus) -> None:
    row, _ = claims.claim(wanted())
    end(row.pk, "x" * 300)
    row.refresh_from_db()
    assert (row.status, len(row.detail)) == (status, 255)
    assert not claims.is_held(row)
    assert not claims.settle(row.pk, Settled("r"))  # too late
    assert not claims.retake(row, "e-2")


def test_a_settled_payment_is_taken_up_once_its_call_is_over() -> None:
    row, _ = claims.claim(wanted())
    assert claims.settle(row.pk, Settled("r", {"a": "b"}))
    assert not claims.settle(row.pk, Settled("other"))
    assert not claims.retake(row, "e-2")  # a call is running
    claims.fail(row.pk, "no answer")
    assert claims.retake(row, "e-2")
    assert not claims.retake(row, "e-3")
    row.refresh_from_db()
    assert (row.status, row.exchange_id, row.reference, row.extras, row.detail) == (
        PaymentStatus.SETTLED,
        "e-2",
        "r",
        {"a": "b"},
        "",
    )
    claims.serve(row.pk)
    lapse(row.pk)
    assert not claims.retake(row, "e-4")
    claims.fail(row.pk, "too late")
    assert Payment.objects.get(pk=row.pk).status == PaymentStatus.SETTLED


def test_what_is_renewed_is_held() -> None:
    row, _ = claims.claim(wanted())
    lapse(row.pk)
    claims.renew([row.pk])
    row.refresh_from_db()
    assert claims.is_held(row)
