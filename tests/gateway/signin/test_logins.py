"""Logging in with a password, and out. The lock: `tests/gateway/access/test_logins.py`."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from gateway.models import AuditRow
from tests import signing
from tests.signing import EMAIL, HERE, PASSWORD

pytestmark = pytest.mark.django_db


def log_in(client: Client, name: str = EMAIL, password: str = PASSWORD, **fields: str) -> Any:
    return client.post("/login/", {"username": name, "password": password, **fields}, headers=HERE)


@pytest.mark.parametrize("name", [EMAIL, "Ann@Example.ORG", f"  {EMAIL} "])
def test_an_address_in_any_case(client: Client, name: str) -> None:
    signing.person()
    answer = log_in(client, name)
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_a_login_that_is_no_address_is_taken_as_it_is(client: Client) -> None:
    signing.person("Admin@Work", PASSWORD)
    assert log_in(client, "Admin@Work").status_code == 302


@pytest.mark.parametrize(
    ("after", "leads"),
    [
        ("/device?user_code=A", "/device?user_code=A"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http://127.0.0.1:8080@evil.example/", "/"),
        ("", "/"),
    ],
)
def test_another_site_in_next_is_ignored(client: Client, after: str, leads: str) -> None:
    signing.person()
    assert log_in(client, next=after)["Location"] == leads


def test_who_is_wrong_or_inactive_stays_out(client: Client) -> None:
    signing.person(is_active=False)
    for password in (PASSWORD, "wrong"):
        answer = log_in(client, password=password)
        assert answer.status_code == 200 and b"errornote" in answer.content


def test_without_an_issuer_the_page_offers_none(client: Client, options: Any) -> None:
    assert b"/oauth/oidc" not in client.get("/login/", headers=HERE).content
    options(OIDC_ISSUER="https://id.test")
    page = client.get("/login/?next=/device%3Fuser_code%3DA", headers=HERE).content
    assert b"/oauth/oidc?next=%2Fdevice%3Fuser_code%3DA" in page


def test_a_logout_is_posted_and_recorded(client: Client) -> None:
    client.force_login(signing.person())
    assert client.get("/logout/", headers=HERE).status_code == 405
    answer = client.post("/logout/", headers=HERE)
    assert (answer.status_code, answer["Location"]) == (302, "/login/")
    assert client.get("/device", headers=HERE).status_code == 302
    row = AuditRow.objects.get()
    assert (row.action, row.subject, row.via) == ("login.logout", f"person:{EMAIL}", "login")
