"""What Keycloak, Entra, Google and Okta do each in its own way, from the browser to the groups of a person."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client, override_settings

from gateway.signin.oidc import client as oidc
from tests.fakes.issuer import Issuer
from tests.gateway.signin.oidc import test_views
from tests.gateway.signin.oidc.test_views import is_in, log_in
from tests.principals import SOMEBODY
from tests.signing import EMAIL
from tokens.people import services

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("paths")]


@pytest.fixture
def paths() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=test_views.__name__):
        yield


@pytest.fixture
def issuer(options: Any) -> Iterator[Issuer]:
    with Issuer() as one:
        options(**one.settings())
        yield one


def groups() -> list[str]:
    return sorted(User.objects.get().groups.values_list("name", flat=True))


OVERAGE: list[dict[str, Any]] = [
    {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.test/"}}},
    {"hasgroups": True},
    {"hasgroups": "true", "groups": []},
]


@pytest.mark.parametrize("told", OVERAGE, ids=str)
def test_entra_has_too_many_groups_for_a_token(
    client: Client, issuer: Issuer, told: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    issuer.claims["groups"] = ["dev", "ops"]
    issuer.only_in_tokens = frozenset({"groups", *told})  # its userinfo knows no groups
    log_in(client)
    assert groups() == ["dev", "ops"]
    del issuer.claims["groups"]
    issuer.claims.update(told)
    with caplog.at_level(logging.WARNING):
        assert log_in(Client()).status_code == 302
    assert groups() == ["dev", "ops"] and "leaves out groups" in caplog.text


@pytest.mark.parametrize("odd", [7, ["groups"], "groups", None])
def test_what_looks_like_too_many_groups_and_is_not(client: Client, issuer: Issuer, odd: object) -> None:
    issuer.claims.update({"_claim_names": odd, "hasgroups": False, "groups": ["dev"]})
    assert log_in(client).status_code == 302 and groups() == ["dev"]
    issuer.claims["groups"] = []
    assert log_in(Client()).status_code == 302 and groups() == []


def test_entra_without_the_optional_claim_email(client: Client, issuer: Issuer) -> None:
    del issuer.claims["email"]
    issuer.claims.update({"preferred_username": EMAIL, "upn": EMAIL, "unique_name": EMAIL})
    answer = log_in(client)
    assert answer.status_code == 403 and b"in the claim email" in answer.content
    assert not is_in(client) and not User.objects.exists()


def test_google_names_no_groups_and_those_given_here_stay(client: Client, issuer: Issuer) -> None:
    assert log_in(client).status_code == 302
    Group.objects.create(name="given")
    services.change(EMAIL, groups=["given"], principal=SOMEBODY)
    assert log_in(Client()).status_code == 302 and groups() == ["given"]


@pytest.mark.parametrize("scopes", ["openid email", "openid email offline_access"])
def test_google_is_asked_for_a_refresh_token_in_its_own_way(
    client: Client, issuer: Issuer, options: Any, scopes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options(OIDC_SCOPES=scopes)
    monkeypatch.setattr(oidc, "GOOGLE", "127.0.0.1")
    assert log_in(client).status_code == 302 and not issuer.mistakes
    (asked,) = issuer.asked
    assert asked["scope"] == "openid email"  # it knows no other
    told = (asked.get("access_type"), asked.get("prompt"))
    assert told == (("offline", "consent") if "offline_access" in scopes else (None, None))


def test_others_are_asked_by_scope(client: Client, issuer: Issuer, options: Any) -> None:
    options(OIDC_SCOPES="openid email offline_access")
    log_in(client)
    assert issuer.asked[0]["scope"] == "openid email offline_access" and "prompt" not in issuer.asked[0]


def test_okta_has_a_thin_id_token(client: Client, issuer: Issuer) -> None:
    issuer.claims["groups"] = ["dev"]
    issuer.only_in_userinfo = frozenset({"email", "email_verified", "name", "groups"})
    assert log_in(client).status_code == 302
    user = User.objects.get()
    assert (user.email, user.first_name, groups()) == (EMAIL, "Ann", ["dev"])


def test_okta_s_word_in_userinfo_counts_as_that_in_the_token(client: Client, issuer: Issuer) -> None:
    issuer.claims["email_verified"] = False
    issuer.only_in_userinfo = frozenset({"email", "email_verified"})
    assert log_in(client).status_code == 403 and not User.objects.exists()
