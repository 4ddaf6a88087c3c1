"""Payments as JSON, and how they are found."""

from __future__ import annotations

import pytest

from gateway.payments import claims, presenting
from gateway.payments.methods.base import Settled
from tests.gateway.payments.building import wanted

pytestmark = pytest.mark.django_db


def test_a_payment_is_shown_without_what_is_ours_alone() -> None:
    row, _ = claims.claim(wanted(fingerprint="CANARY", idempotency="CANARY"))
    claims.settle(row.pk, Settled("r"))
    row.refresh_from_db()
    shown = presenting.payment(row)
    assert "CANARY" not in str(shown)
    assert (shown["id"], shown["status"], shown["reference"]) == (str(row.pk), "settled", "r")
    assert shown["created_at"] == int(row.created_at.timestamp())
    assert shown["settled_at"] is not None and shown["served_at"] is None


def test_newest_first_and_narrowed() -> None:
    rows = [claims.claim(wanted(f"c-{n}", token_id=f"t-{n % 2}"))[0] for n in range(4)]
    claims.refuse(rows[0].pk, "no")
    assert [row.pk for row in presenting.find()] == [row.pk for row in reversed(rows)]
    assert [row.pk for row in presenting.find(status="failed")] == [rows[0].pk]
    assert [row.pk for row in presenting.find(token_id="t-1")] == [rows[3].pk, rows[1].pk]
    assert [row.pk for row in presenting.find(before=str(rows[1].pk))] == [rows[0].pk]
    assert not presenting.find(before="-" * 36)
