"""The client of the issuer beside logins: refreshes, keys that change, quirks of known issuers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from gateway.signin.oidc import asking
from gateway.signin.oidc.client import IssuerClient
from gateway.signin.oidc.errors import LoginFailed
from gateway.signin.turns import TURNS
from tests.fakes.issuer import CLIENT_ID, CLIENT_SECRET, Issuer
from tokens.signin.errors import IssuerAway, IssuerRefused


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(gives_refresh_tokens=True, refresh_tokens={"first"}) as one:
        yield one


def client_of(issuer: Issuer, scopes: str = "openid offline_access") -> IssuerClient:
    return IssuerClient(issuer.url, CLIENT_ID, CLIENT_SECRET, scopes)


def test_a_refresh_gives_the_next_token(issuer: Issuer) -> None:
    client = client_of(issuer)
    second = client.renewed("first")
    assert second in issuer.refresh_tokens and second != "first"
    assert client.renewed(second) != second and not issuer.mistakes
    assert issuer.requests.count("/.well-known/openid-configuration") == 1


def test_an_issuer_that_does_not_rotate(issuer: Issuer) -> None:
    issuer.gives_refresh_tokens = False
    assert client_of(issuer).renewed("first") == "first"


def test_its_no_is_a_no_and_everything_else_is_an_outage(issuer: Issuer) -> None:
    client = client_of(issuer)
    with pytest.raises(IssuerRefused):
        client.renewed("never given")
    for fault in ("server_error", "invalid_client", "temporarily_unavailable", "drop"):
        issuer.refresh_fault = fault
        with pytest.raises(LoginFailed):
            client.renewed("first")
    issuer.refresh_fault = ""
    assert client.renewed("first")


def test_an_issuer_that_wants_its_secret_in_the_form(issuer: Issuer) -> None:
    issuer.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert client_of(issuer).renewed("first") and not issuer.mistakes


def test_an_issuer_that_came_up_later_is_asked_again(issuer: Issuer) -> None:
    client = client_of(issuer)
    issuer.fault = "discovery-500"
    with pytest.raises(LoginFailed):
        client.renewed("first")
    issuer.fault = ""
    assert client.renewed("first")


def asked(token: str) -> str:
    """Ask as a refresh in its turn does."""
    with TURNS.taken():
        return asking.ISSUER.ask(token)


@pytest.mark.django_db
def test_outages_are_told_as_such_to_who_refreshes(issuer: Issuer, options: object) -> None:
    options(**issuer.settings())  # type: ignore[operator]
    assert asked("first")
    with pytest.raises(IssuerRefused):
        asked("first")
    issuer.refresh_fault = "server_error"
    with pytest.raises(IssuerAway):
        asked("first")
    options(OIDC_ISSUER="")  # type: ignore[operator]
    with pytest.raises(IssuerAway):
        asked("first")


def test_without_an_issuer_nobody_loads_authlib() -> None:
    script = "import tests.settings, django, sys; django.setup(); import gateway.urls; print('authlib' in sys.modules)"
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.strip() == "False", done.stderr
