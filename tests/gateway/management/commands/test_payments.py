"""`manage.py payments`."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from gateway.management import arguments
from gateway.models import Payment, PaymentStatus
from gateway.payments import claims
from gateway.payments.methods.base import Settled
from tests.gateway.payments.building import lapse, wanted
from tests.gateway.payments.test_options import GOOD

pytestmark = pytest.mark.django_db(transaction=True)
PAYING = {**GOOD, "MPP_METHOD": ("test",), "MPP_ALLOW_TEST": True}


def run(*arguments: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("payments", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_every_status_can_be_asked_for() -> None:
    assert list(arguments.PAYMENT_STATUSES) == PaymentStatus.values


def test_payments_are_listed() -> None:
    rows = [claims.claim(wanted(f"c-{n}"))[0] for n in range(3)]
    claims.settle(rows[0].pk, Settled("pi_1"))
    lines = run("list", "--limit", "2")[0].splitlines()
    assert len(lines) == 3 and lines[1].split()[0] == str(rows[2].pk)
    (shown,) = json.loads(run("list", "--status", "settled", "--json")[0])["payments"]
    assert shown["reference"] == "pi_1"


def test_unknown_payments_are_reconciled(options: Any) -> None:
    options(**PAYING)
    assert run("reconcile") == ("nothing is open\n", "", 0)
    row, _ = claims.claim(wanted())
    claims.doubt(row.pk, "silence")
    out, err, status = run("reconcile")
    assert (out, err, status) == (f"{row.pk}: unknown -> failed\n", "", 0)
    row.refresh_from_db()
    assert (row.status, row.detail) == ("failed", "the provider says that nothing was paid")


def test_what_stays_open_is_an_error(options: Any) -> None:
    row, _ = claims.claim(wanted(method="stripe"))
    lapse(row.pk)
    options(**GOOD)  # stripe, without its key: nobody can be asked
    out, err, status = run("reconcile", "--json")
    (told,) = json.loads(out)["payments"]
    assert (told["was"], told["status"], status) == ("claimed", "unknown", 1)
    assert json.loads(err)["error"].startswith("1 payment(s) are still open")
    options(MPP_ENABLE=False)
    assert run("reconcile")[2] == 1
    assert Payment.objects.get().status == "unknown"


def test_bad_settings_are_named(options: Any) -> None:
    options(**{**GOOD, "MPP_AMOUNT": "x"})
    _, err, status = run("reconcile")
    assert err.startswith("error: MPP_AMOUNT") and status == 1
