"""`/handover/<secret>`: a button that uses nothing up, the secret once, and 410 afterwards."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.test import Client

from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tests.sign_ins import person
from tokens import services as tokens
from tokens.handover import services
from tokens.handover.models import Handover
from tokens.own import proving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(options: Any, tmp_path: Any) -> None:
    options(DATA_DIR=tmp_path)


def made(**given: Any) -> services.HandedOver:
    return services.issue(principal=SOMEBODY, **given)


def test_whoever_opens_it_sees_the_secret_once(client: Client) -> None:
    person("ann@example.org")
    one = made(label="laptop", person="ann@example.org")
    path = f"/handover/{one.secret}"
    for _ in range(2):
        page = client.get(path)
        assert page.status_code == 200 and "ann@example.org" in page.content.decode()
        assert page["Referrer-Policy"] == "no-referrer" and page["Cache-Control"] == "no-store"
        assert "la_sk_" not in page.content.decode()
    assert client.head(path).status_code == 405
    answer = client.post(path)
    assert (answer.status_code, answer["Location"]) == (302, path)
    shown = client.get(path).content.decode()
    secret = re.search(r'data-test="secret"[^>]*>(la_sk_[^<]+)<', shown)
    assert secret is not None and proving.proved(secret[1]) == one.token
    assert f"ANTHROPIC_AUTH_TOKEN={secret[1]}" in shown and 'data-test="setup-curl"' in shown
    assert client.get(path).status_code == client.post(path).status_code == 410
    assert Client().get(path).status_code == 410
    row = AuditRow.objects.get(action="token.handover-open")
    assert (row.who_kind, row.subject) == ("anonymous", f"token:{one.token.id}")


def test_old_ended_and_unknown_links(client: Client) -> None:
    old, ended = made(), made()
    Handover.objects.filter(token=old.token).update(expires_at=int(time.time()))
    tokens.revoke(ended.token.id, principal=SOMEBODY)
    for secret, status in ((old.secret, 410), (ended.secret, 410), ("nobody", 404)):
        assert client.get(f"/handover/{secret}").status_code == status
        assert client.post(f"/handover/{secret}").status_code == status


def test_a_form_of_another_site_takes_nothing() -> None:
    one = made()
    assert Client(enforce_csrf_checks=True).post(f"/handover/{one.secret}").status_code == 403
    assert services.find(one.secret)
