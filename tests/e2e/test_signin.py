"""Signing in over sockets, at every entry point: from the code to the bearer, and to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.e2e.conftest import without_cooldowns
from tests.e2e.device_flow import EMAIL, SIGNING, Client, Person, add_person, signed_in
from tests.fakes.issuer import Issuer
from tests.harness import ENTRY_POINTS, GatewayProcess


@pytest.fixture(params=ENTRY_POINTS)
def gateway(
    request: pytest.FixtureRequest, shared: Callable[..., GatewayProcess], vendor: Any
) -> Iterator[Any]:
    process = shared(request.param, SIGNING)
    if not any(row["email"] == EMAIL for row in process.admin("GET", "/api/people").json()["data"]):
        add_person(process)
    yield from without_cooldowns(process)
    process.admin("PATCH", f"/api/people/{EMAIL}", {"active": True})


@pytest.fixture
def person(gateway: GatewayProcess) -> Person:
    one = Person(gateway.url)
    assert one.log_in().status_code == 302
    return one


def test_from_the_code_to_an_answer(gateway: GatewayProcess, person: Person) -> None:
    client = Client(gateway.url)
    found = httpx.get(f"{gateway.url}/.well-known/oauth-authorization-server").json()
    assert found["token_endpoint"] == f"{gateway.url}/oauth/token"
    user_code = client.begin()
    assert client.code["verification_uri_complete"] == f"{gateway.url}/device?user_code={user_code}"
    assert client.poll().json()["error"] == "authorization_pending"
    stranger = Person(gateway.url).http.get(f"/device?user_code={user_code}")
    assert (stranger.status_code, stranger.headers["location"][:13]) == (302, "/login/?next=")
    page = person.http.get(f"/device?user_code={user_code}")
    assert page.status_code == 200 and user_code in page.text and "claude-code/2.1.332" in page.text
    assert client.poll().json()["error"] == "authorization_pending"  # looking was no click
    assert person.approve(user_code).status_code == 302
    answer = client.poll()
    assert answer.status_code == 200 and answer.json()["email"] == EMAIL
    assert answer.headers["cache-control"] == "no-store"
    assert client.messages().status_code == 200
    assert client.poll().json()["error"] == "expired_token"


def test_a_refusal(gateway: GatewayProcess, person: Person) -> None:
    client = Client(gateway.url)
    assert person.deny(client.begin()).status_code == 302
    assert client.poll().json()["error"] == "access_denied"
    assert client.poll().json()["error"] == "expired_token"


def test_a_refresh_and_a_sign_out(gateway: GatewayProcess, person: Person) -> None:
    client = signed_in(gateway, person)
    first, old = client.bearer, client.refresh_token
    assert client.refresh().status_code == 200 and client.refresh_token != old
    assert client.messages(first).status_code == client.messages().status_code == 200
    assert client.post("/oauth/revoke", token=client.bearer).status_code == 200
    for bearer in (client.bearer, first):
        answer = client.refused_within(1.0, bearer)
        assert answer.status_code == 401 and answer.headers["x-should-retry"] == "false"
        assert answer.json()["error"]["type"] == "authentication_error"
    answer = client.refresh()
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")
    assert client.post("/oauth/revoke", token="never ours").status_code == 200


def test_who_is_deactivated_is_out(gateway: GatewayProcess, person: Person) -> None:
    client = signed_in(gateway, person)
    assert gateway.admin("PATCH", f"/api/people/{EMAIL}", {"active": False}).status == 200
    assert client.refused_within(1.0).status_code == 401
    assert client.refresh().json()["error"] == "invalid_grant"
    assert person.http.get("/device").status_code == 302  # her browser, too


def test_two_windows_that_refresh_at_once(gateway: GatewayProcess, person: Person) -> None:
    client = signed_in(gateway, person)
    for _ in range(3):
        old, together = client.refresh_token, threading.Barrier(6)

        def window(presented: str = old, together: threading.Barrier = together) -> dict[str, Any]:
            together.wait(20)
            answer = Client(gateway.url).refresh(presented)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        with ThreadPoolExecutor(6) as pool:
            answers = [each.result() for each in [pool.submit(window) for _ in range(6)]]
        assert len({each["refresh_token"] for each in answers}) == 1
        client.refresh_token = answers[0]["refresh_token"]
        assert all(client.messages(each["access_token"]).status_code == 200 for each in answers)


def test_without_a_public_address_it_is_this_machine_s_alone(gateway: GatewayProcess) -> None:
    for path in ("/.well-known/oauth-authorization-server", "/device", "/login/"):
        assert httpx.get(gateway.url + path, headers={"host": "gw.example.com"}).status_code == 404
        assert httpx.get(gateway.url + path, headers={"x-forwarded-for": "1.2.3.4"}).status_code == 404
    answer = httpx.post(f"{gateway.url}/oauth/token", headers={"host": "gw.example.com"})
    assert answer.status_code == 404
    assert gateway.entry_point == "django" or "People sign in on this machine only" in gateway.log()


def test_nothing_secret_is_logged(gateway: GatewayProcess, person: Person) -> None:
    client = Client(gateway.url)
    user_code = client.begin()
    for browser in (person, Person(gateway.url)):
        assert browser.http.get(f"/device?user_code={user_code}", follow_redirects=True).status_code == 200
    assert person.approve(user_code).status_code == 302 and client.poll().status_code == 200
    client.refresh()
    log = gateway.log()
    assert "VariableDoesNotExist" not in log  # at debug Django would tell the page's whole context
    assert user_code not in log and user_code.lower() not in log
    assert client.bearer[-40:] not in log and client.refresh_token not in log
    assert client.code["device_code"] not in log and "pw-of-ann" not in log


# With an issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(gives_refresh_tokens=True) as one:
        yield one


def by_issuer(person: Person, after: str) -> None:
    """Log in as the issuer says, with every redirect that a browser follows."""
    sent = person.http.get("/oauth/oidc", params={"next": after})
    back = urlsplit(httpx.get(sent.headers["location"]).headers["location"])
    answer = person.http.get(f"{back.path}?{back.query}")
    assert (answer.status_code, answer.headers["location"]) == (302, after), answer.text


def test_who_leaves_the_issuer_is_out_at_the_next_refresh(
    start: Callable[..., GatewayProcess], issuer: Issuer
) -> None:
    gateway = start("daphne", {**SIGNING, **issuer.settings(OIDC_SCOPES="openid email offline_access")})
    issuer.claims["groups"] = ["dev"]
    person = Person(gateway.url)
    login = person.http.get("/login/?next=/device").text
    assert "/oauth/oidc?next=%2Fdevice" in login
    by_issuer(person, "/device")
    client = signed_in(gateway, person)
    shown = gateway.admin("GET", f"/api/people/{EMAIL}").json()
    assert (shown["source"], shown["groups"]) == ("oidc", ["dev"])
    assert client.refresh().status_code == 200 and issuer.refreshed == 1
    with ThreadPoolExecutor(4) as pool:  # several windows: the issuer sees one
        old = client.refresh_token
        answers = list(pool.map(lambda _: Client(gateway.url).refresh(old), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4 and issuer.refreshed == 2
    client.refresh_token = answers[0].json()["refresh_token"]
    issuer.refresh_fault = "server_error"
    answer = client.refresh()
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert client.messages().status_code == 200
    issuer.refresh_fault = "invalid_grant"
    answer = client.refresh()
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")
    assert client.refused_within(1.0).status_code == 401
    assert "CANARY" not in gateway.log().replace("CANARY-token-secret", "").replace("CANARY-admin", "")


def test_the_issuer_is_told_the_public_address(start: Callable[..., GatewayProcess], issuer: Issuer) -> None:
    gateway = start("uvicorn", {"PUBLIC_URL": "https://gw.example.com/", **issuer.settings()})
    sent = httpx.get(f"{gateway.url}/oauth/oidc", headers={"host": "anything.test"})
    query = parse_qs(urlsplit(sent.headers["location"]).query)
    assert query["redirect_uri"] == ["https://gw.example.com/oauth/callback"]
    told = Client(gateway.url)
    told.begin()
    assert told.code["verification_uri"] == "https://gw.example.com/device"


def test_half_an_issuer_does_not_start(start: Callable[..., GatewayProcess]) -> None:
    with pytest.raises(AssertionError, match="exit 2") as caught:
        start("uvicorn", {"OIDC_ISSUER": "https://id.test"})
    assert "OIDC_CLIENT_ID and OIDC_CLIENT_SECRET must be set" in str(caught.value)
