"""`/console/payments/`."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gateway.models import AuditRow, Payment, PaymentStatus
from gateway.payments import claims
from gateway.payments.methods.base import Answer, Finding
from tests.gateway.console.pages.people import browser
from tests.gateway.payments.building import OPTIONS, Scripted, wanted

pytestmark = pytest.mark.django_db
PATH = "/console/payments/"


def ids(page: bytes) -> list[str]:
    return re.findall(r'data-test="record" data-id="([^"]+)"', page.decode())


def test_they_are_found_by_any_of_their_names() -> None:
    first, second = (claims.claim(wanted(f"c-{n}"))[0] for n in range(2))
    Payment.objects.filter(pk=first.pk).update(
        reference="pi_1", exchange_id="call-1", status=PaymentStatus.SETTLED
    )
    client = browser("viewer")
    assert ids(client.get(PATH).content) == [str(second.pk), str(first.pk)]
    for word in ("pi_1", "call-1", "c-0", str(first.pk)):
        assert ids(client.get(f"{PATH}?q={word}").content) == [str(first.pk)]
    page = client.get(f"{PATH}?status=settled").content
    assert ids(page) == [str(first.pk)] and b"/console/requests/call-1/" in page
    assert client.get(f"{PATH}?status=x").status_code == 400


@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("operator", False), ("admin", True)])
def test_only_admins_may_ask_about_open_ones(role: str, may: bool) -> None:
    row = claims.claim(wanted("c"))[0]
    client = browser(role)
    assert (b'data-test="reconcile"' in client.get(PATH).content) is may
    if not may:
        assert client.post(f"{PATH}{row.pk}/reconcile/").status_code == 403
        assert not AuditRow.objects.filter(via="console").exists()


@pytest.mark.django_db(transaction=True)
def test_the_provider_is_asked_about_an_open_one(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = claims.claim(wanted("c"))[0]
    Payment.objects.update(held_until=row.created_at)
    method = Scripted(found=Answer(Finding.NOT_PAID))
    monkeypatch.setattr("gateway.console.pages.payments.options.from_settings", lambda: OPTIONS)
    monkeypatch.setattr("gateway.console.pages.payments.build", lambda paying: {"test": method})
    client.force_login(
        User.objects.create_superuser("root@example.org")
    )  # roles are gone: such tests clear tables
    answer = client.post(f"{PATH}{row.pk}/reconcile/", follow=True)
    assert "claimed → failed" in answer.content.decode() and method.closed
    assert AuditRow.objects.get(action="payment.reconcile").via == "console"


def test_one_that_is_not_there() -> None:
    client = browser()
    assert client.post(f"{PATH}0190f0f0-0000-7000-8000-000000000000/reconcile/").status_code == 404
