"""Logging in at an issuer that checks what it is sent, and at one that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import path

from gateway.models import AuditRow
from gateway.signin import pages
from gateway.signin.oidc import transport, views
from tests import signing
from tests.fakes.issuer import KNOWN_FAULTS, Issuer
from tests.signing import EMAIL, HERE
from tokens.signin.models import DeviceCode

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("paths")]
urlpatterns = [
    path("oauth/oidc", views.begin),
    path("oauth/callback", views.callback),
    path("device", pages.decide),
]


@pytest.fixture
def paths() -> Iterator[None]:
    """The paths of an issuer are there only where one is set as Django starts."""
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def issuer(options: Any) -> Iterator[Issuer]:
    with Issuer() as one:
        options(**one.settings())
        yield one


def begin(browser: Client, after: str = "/device") -> str:
    """Return where the issuer sends the browser back to."""
    answer = browser.get("/oauth/oidc", {"next": after}, headers=HERE)
    assert answer.status_code == 302, answer.content
    sent = httpx.get(answer["Location"])
    assert sent.status_code == 302, sent.text
    return sent.headers["location"]


def finish(browser: Client, location: str) -> Any:
    parts = urlsplit(location)
    assert (parts.netloc, parts.path) == ("127.0.0.1:8080", "/oauth/callback")
    return browser.get(f"{parts.path}?{parts.query}", headers=HERE)


def log_in(browser: Client) -> Any:
    return finish(browser, begin(browser))


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def test_a_login_from_the_page_to_the_page(client: Client, issuer: Issuer) -> None:
    answer = finish(client, begin(client, "/device?user_code=BCDF-GHJK"))
    assert (answer.status_code, answer["Location"]) == (302, "/device?user_code=BCDF-GHJK")
    assert is_in(client) and User.objects.get().email == EMAIL and not issuer.mistakes
    told = [(row.action, row.who_name) for row in AuditRow.objects.order_by("id")]
    assert told == [("person.create", ""), ("login.ok", EMAIL)]


def test_state_nonce_and_challenge_are_new_each_time(client: Client, issuer: Issuer) -> None:
    seen = []
    for _ in range(2):
        answer = client.get("/oauth/oidc", headers=HERE)
        query = parse_qs(urlsplit(answer["Location"]).query)
        assert query["redirect_uri"] == ["http://127.0.0.1:8080/oauth/callback"]
        assert query["scope"] == ["openid profile email"]
        seen += [query[name][0] for name in ("state", "nonce", "code_challenge")]
    assert len(set(seen)) == 6


@pytest.mark.parametrize("fault", KNOWN_FAULTS)
def test_a_misbehaving_issuer_logs_nobody_in(
    client: Client, issuer: Issuer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "WHOLE_SECONDS", 0.5)
    issuer.fault = fault
    answer = client.get("/oauth/oidc", headers=HERE)
    if fault.startswith("discovery-"):
        assert answer.status_code == 503
    else:
        answer = finish(client, httpx.get(answer["Location"]).headers["location"])
        assert answer.status_code in (403, 502), answer.content
    assert b"You are not logged in" in answer.content and b"<b>no</b>" not in answer.content
    assert not is_in(client) and not User.objects.exists()


def test_what_was_used_or_belongs_to_another_browser_logs_nobody_in(client: Client, issuer: Issuer) -> None:
    location = begin(client)
    stranger = Client()
    assert finish(stranger, location).status_code == 502 and not is_in(stranger)
    assert finish(client, location).status_code == 302
    again = Client()
    again.cookies = client.cookies
    assert finish(again, location).status_code == 502
    assert client.get("/oauth/callback?code=x&state=y", headers=HERE).status_code == 502
    assert client.get("/oauth/callback", headers=HERE).status_code == 502


def test_a_refusal_at_the_issuer_is_told(client: Client, issuer: Issuer) -> None:
    query = parse_qs(urlsplit(begin(client)).query)
    answer = client.get(f"/oauth/callback?error=access_denied&state={query['state'][0]}", headers=HERE)
    assert answer.status_code == 403 and b"has not let you in" in answer.content


@pytest.mark.parametrize("after", ["https://evil.example/", "//evil.example", ""])
def test_another_site_in_next_is_ignored(client: Client, issuer: Issuer, after: str) -> None:
    assert finish(client, begin(client, after))["Location"] == "/"


def test_allowed_domains(client: Client, issuer: Issuer, options: Any) -> None:
    options(OIDC_ALLOWED_DOMAINS=("other.test", "Example.ORG"))
    assert log_in(client).status_code == 302
    options(OIDC_ALLOWED_DOMAINS=("other.test",))
    stranger = Client()
    assert log_in(stranger).status_code == 403 and not is_in(stranger)


def test_groups_of_the_claim(client: Client, issuer: Issuer, options: Any) -> None:
    options(OIDC_GROUPS_CLAIM="teams")
    for told, kept in ((["/dev", "ops"], ["dev", "ops"]), ("solo", ["solo"]), ([], [])):
        issuer.claims["teams"] = told
        log_in(client)
        assert sorted(User.objects.get().groups.values_list("name", flat=True)) == kept


def test_a_thin_id_token_is_completed_by_userinfo(client: Client, issuer: Issuer) -> None:
    issuer.claims["groups"] = ["dev"]
    whole = dict(issuer.claims)
    issuer.metadata["userinfo_endpoint"] = f"{issuer.url}/userinfo"
    assert log_in(client).status_code == 302 and "/userinfo" not in issuer.requests
    del issuer.claims["groups"]
    assert log_in(client).status_code == 302 and "/userinfo" in issuer.requests
    assert issuer.claims != whole


def test_keys_that_the_issuer_changes_are_asked_for(client: Client, issuer: Issuer) -> None:
    assert log_in(client).status_code == 302
    issuer.signs_with = 2
    assert log_in(Client()).status_code == 302 and issuer.requests.count("/jwks") == 2


def test_what_the_issuer_gave_vouches_for_one_sign_in(client: Client, issuer: Issuer) -> None:
    issuer.gives_refresh_tokens = True
    log_in(client)
    kept = repr(dict(client.session))
    assert "CANARY" not in kept
    first, second = signing.begun(), signing.begun()
    client.post("/device", {"user_code": first.user_code}, headers=HERE)
    assert DeviceCode.objects.exclude(issuer_token="").count() == 1
    answer = client.get(f"/device?user_code={second.user_code}", headers=HERE)
    assert answer.status_code == 302 and answer["Location"].startswith("/oauth/oidc?next=")
    finish(client, begin(client, f"/device?user_code={second.user_code}"))
    client.post("/device", {"user_code": second.user_code}, headers=HERE)
    assert DeviceCode.objects.exclude(issuer_token="").count() == 2


@pytest.mark.parametrize(("ends_in", "is_kept"), [(1800, False), (0, True), (86400, True), ("soon", True)])
def test_a_refresh_token_that_is_over_too_soon_is_not_used(
    client: Client, issuer: Issuer, ends_in: object, is_kept: bool
) -> None:
    issuer.gives_refresh_tokens = True
    issuer.extra["refresh_expires_in"] = ends_in
    log_in(client)
    client.post("/device", {"user_code": signing.begun().user_code}, headers=HERE)
    assert bool(DeviceCode.objects.get().issuer_token) is is_kept
