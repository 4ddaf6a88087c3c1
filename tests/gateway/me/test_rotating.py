"""Rotating one's own token: the secret is shown once, and everybody else's stays as it is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from gateway.models import AuditRow
from tests.gateway.me.makers import at_home, issued, with_token
from tests.sign_ins import person, sign_in
from tokens.models import Token
from tokens.own import proving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(options: Any, tmp_path: Any) -> None:
    options(DATA_DIR=tmp_path)


def secret_on(page: Any) -> str:
    found = re.search(r'data-test="secret"[^>]*>(la_sk_[^<]+)<', page.content.decode())
    assert found is not None
    return found[1]


def test_a_pasted_token_is_replaced_and_its_successor_s_page_goes_on() -> None:
    made = issued(label="laptop", budget="5")
    client = with_token(made.secret)
    answer = client.post("/me/rotate", {"token": "whatever"})
    assert (answer.status_code, answer["Location"]) == (302, "/me/rotate")
    assert "la_sk_" not in str(Session.objects.get().get_decoded())
    assert client.head("/me/rotate").status_code == 405
    page = client.get("/me/rotate")
    fresh = secret_on(page)
    assert f"ANTHROPIC_AUTH_TOKEN={fresh}" in page.content.decode() and page["Cache-Control"] == "no-store"
    assert client.get("/me/rotate")["Location"] == "/me/"
    successor = proving.proved(fresh)
    assert successor.rotated_from == made.token.id and successor.budget == 5
    assert proving.proved(made.secret).id == made.token.id  # for an hour
    assert "laptop" in client.get("/me/").content.decode()
    row = AuditRow.objects.get(action="token.rotate")
    assert (row.who_kind, row.via, row.subject) == ("anonymous", "console", f"token:{made.token.id}")


def test_the_old_one_may_end_at_once() -> None:
    made = issued()
    with_token(made.secret).post("/me/rotate", {"now": "1"})
    assert proving.alive(made.token.id) is None


def test_somebody_logged_in_rotates_her_own_and_no_other() -> None:
    ann = person("ann@example.org")
    mine = issued(person="ann@example.org", label="mine").token
    theirs, signed_in = issued().token, sign_in(ann)
    client = at_home(ann)
    for foreign in (theirs.id, signed_in.id, "", "nobody"):
        assert client.post("/me/rotate", {"token": foreign}).status_code == 404
    assert Token.objects.exclude(rotated_from=None).count() == 0
    assert client.post("/me/rotate", {"token": mine.id})["Location"] == "/me/rotate"
    assert proving.proved(secret_on(client.get("/me/rotate"))).rotated_from == mine.id
    row = AuditRow.objects.get(action="token.rotate")
    assert (row.who_kind, row.who_name) == ("person", "ann@example.org")
    again = client.post("/me/rotate", {"token": mine.id})
    assert again.status_code == 409 and "rotated already" in again.content.decode()


def test_nobody_rotates_nothing(client: Client) -> None:
    assert client.post("/me/rotate", {"token": issued().token.id})["Location"] == "/me/"
    assert client.get("/me/rotate")["Location"] == "/me/"
    assert Token.objects.count() == 1
