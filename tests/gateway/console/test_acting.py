"""Rows of alerts and rehearsals in the admin: to look at, without a secret, changed by nobody."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from gateway.alerts.deciding import Decider, load_rules, matched
from gateway.alerts.models import AlertChannel, AlertEntry, AlertMessage, AlertRule
from gateway.alerts.seen import Seen
from gateway.rehearsals.models import Rehearsal
from tests.gateway.alerts.making import channel, rule

pytestmark = pytest.mark.django_db
MODELS = (AlertChannel, AlertRule, AlertEntry, AlertMessage, Rehearsal)


@pytest.fixture(autouse=True)
def rows() -> None:
    channel(target="https://hooks.example.org/CANARY-address")
    rule("account-out", subject="account:work")
    rules = load_rules()
    Decider("1").decide(rules, matched(rules, [Seen("account-out", "account:work")]))
    now = timezone.now()
    Rehearsal.objects.create(id="reh_1", account="work", fault="429", started_at=now, ends_at=now)


@pytest.mark.parametrize("model", MODELS)
def test_rows_are_looked_at_and_not_changed(admin_client: Client, model: type) -> None:
    name = model.__name__.lower()
    listed = admin_client.get(f"/admin/gateway/{name}/")
    [row] = listed.context["cl"].result_list
    shown = admin_client.get(f"/admin/gateway/{name}/{row.pk}/change/")
    assert (listed.status_code, shown.status_code) == (200, 200)
    assert b"CANARY-address" not in listed.content + shown.content
    sealed = getattr(row, "secret", "") or "no secret of its own"
    assert sealed.encode() not in listed.content + shown.content
    assert admin_client.get(f"/admin/gateway/{name}/add/").status_code == 403
    assert admin_client.post(f"/admin/gateway/{name}/{row.pk}/delete/").status_code == 403
    assert admin_client.post(f"/admin/gateway/{name}/{row.pk}/change/", {"name": "x"}).status_code == 403


def test_a_message_is_found_by_its_channel(admin_client: Client) -> None:
    found = [
        len(admin_client.get(f"/admin/gateway/alertmessage/?q={term}").context["cl"].result_list)
        for term in ("ops", "account:work", "op")
    ]
    assert found == [1, 1, 0]
