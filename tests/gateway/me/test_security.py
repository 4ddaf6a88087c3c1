"""`/me/security/`: the secret is offered, kept only once a code has shown that the phone has it, and shown no more."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from django.test import Client

from gateway.me.security import picture
from gateway.models import AuditRow
from tests.gateway.console.pages.people import browser
from tests.gateway.me.makers import at_home, issued, with_token
from tests.second_factor import code_of
from tests.sign_ins import person
from tokens.totp.models import Totp

pytestmark = pytest.mark.django_db
PATH = "/me/security/"


def secret_on(client: Client) -> str:
    found = re.search(r'data-test="totp-secret">([A-Z2-7]{32})<', client.get(PATH).content.decode())
    assert found is not None
    return found[1]


def test_a_code_switches_it_on_and_then_the_secret_is_gone() -> None:
    ann = person("ann@example.org")
    client = at_home(ann)
    secret = secret_on(client)
    assert secret == secret_on(client) and not Totp.objects.exists(), "looking changes nothing"
    wrong = client.post(PATH, {"code": code_of(secret, 5)})
    assert wrong.status_code == 200 and secret in wrong.content.decode() and not Totp.objects.exists()
    assert b'data-test="error"' in wrong.content
    assert client.post(PATH, {"code": code_of(secret)})["Location"] == PATH
    shown = client.get(PATH).content.decode()
    assert 'data-test="totp-on"' in shown and secret not in shown and "<svg" not in shown
    assert client.post(PATH, {"code": code_of(secret)}).status_code == 200
    row = AuditRow.objects.get(action="person.totp")
    assert (row.who_name, row.via, row.after) == ("ann@example.org", "console", {"second_factor": True})


def test_a_code_switches_it_off_again() -> None:
    ann = person("ann@example.org")
    client = at_home(ann)
    secret = secret_on(client)
    client.post(PATH, {"code": code_of(secret)})
    taken = client.post(PATH, {"off": "yes", "code": code_of(secret)})
    assert taken.status_code == 400 and b'data-test="error"' in taken.content, "a code is taken once"
    assert Totp.objects.exists() and b'data-test="totp-off"' in taken.content
    assert client.post(PATH, {"off": "yes", "code": code_of(secret, 1)})["Location"] == PATH
    assert not Totp.objects.exists() and client.post(PATH, {"off": "yes", "code": "1"})["Location"] == PATH
    row = AuditRow.objects.filter(action="person.totp").latest("pk")
    assert (row.who_name, row.via, row.after) == ("ann@example.org", "console", {"second_factor": False})


def test_who_has_her_browser_cannot_guess_a_code() -> None:
    client = at_home(person("ann@example.org"))
    secret = secret_on(client)
    client.post(PATH, {"code": code_of(secret)})
    tries = [client.post(PATH, {"off": "yes", "code": "000000"}).status_code for _ in range(6)]
    assert tries == [400] * 5 + [429]
    right = client.post(PATH, {"off": "yes", "code": code_of(secret, 1)})
    assert right.status_code == 429 and Totp.objects.exists() and b"Too many wrong codes" in right.content
    assert AuditRow.objects.filter(action="login.failed").count() == 5


def test_it_is_offered_to_who_is_logged_in_alone(client: Client) -> None:
    assert client.get(PATH).status_code == 302 and client.post(PATH, {"code": "1"}).status_code == 302
    assert with_token(issued().secret).get(PATH).status_code == 302
    assert browser(None).get(PATH).status_code == 403
    assert browser("viewer").get(PATH).status_code == 200
    assert Client(enforce_csrf_checks=True).post(PATH, {"code": "1"}).status_code == 403


def test_the_picture_is_shapes_alone() -> None:
    drawn = picture('otpauth://totp/<script>"&')
    root = ElementTree.fromstring(drawn)
    assert {each.tag.rpartition("}")[2] for each in root.iter()} == {"svg", "path"}
    assert "style" not in drawn and "script" not in drawn and len(drawn) < 20_000
