"""Sign-in as Claude Code asks for it, form by form."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests import signing
from tests.signing import DEVICE_GRANT, EMAIL, HERE, P, post
from tokens.models import Token
from tokens.signin import device
from tokens.signin.models import DeviceCode, SignIn

pytestmark = pytest.mark.django_db


def begin(client: Client, **fields: str) -> dict[str, Any]:
    answer = post(client, "/oauth/device_authorization", **fields)
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def poll(client: Client, device_code: str) -> Any:
    return post(client, "/oauth/token", grant_type=DEVICE_GRANT, device_code=device_code)


def test_discovery_names_paths_on_our_own_origin(client: Client, options: Any) -> None:
    path = "/.well-known/oauth-authorization-server"
    told = client.get(path, headers=HERE).json()
    assert told["issuer"] == "http://127.0.0.1:8080" and "authorization_endpoint" not in told
    assert told["grant_types_supported"] == [DEVICE_GRANT, "refresh_token"]
    options(PUBLIC_URL="https://gw.test/")
    told = client.get(path, headers={"host": "anything.test"}).json()
    for name, end in (
        ("device_authorization_endpoint", "/oauth/device_authorization"),
        ("token_endpoint", "/oauth/token"),
        ("revocation_endpoint", "/oauth/revoke"),
    ):
        assert told[name] == f"https://gw.test{end}"


def test_the_answer_to_a_beginning(client: Client, options: Any) -> None:
    options(LOGIN_NOTICE="Only for work.", DEVICE_CODE_SECONDS=300.0, DEVICE_POLL_SECONDS=2.0)
    told = begin(client, surface="claude_code", client_id="x", scope="y", anything="z")
    assert told["verification_uri"] == "http://127.0.0.1:8080/device"
    assert told["verification_uri_complete"] == f"http://127.0.0.1:8080/device?user_code={told['user_code']}"
    assert (told["expires_in"], told["interval"], told["login_notice"]) == (300, 2, "Only for work.")
    assert "login_notice" not in begin(client) or options().LOGIN_NOTICE


def test_from_the_code_to_the_bearer_and_on(client: Client) -> None:
    told = begin(client, surface="claude_code")
    answer = poll(client, told["device_code"])
    assert (answer.status_code, answer.json()["error"]) == (400, "authorization_pending")
    answer = poll(client, told["device_code"])
    assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")
    device.approve(told["user_code"], signing.person(), **P)
    signing.polled_long_ago()
    answer = poll(client, told["device_code"])
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store"
    given = answer.json()
    assert (given["token_type"], given["expires_in"], given["email"]) == ("Bearer", 3600, EMAIL)
    assert poll(client, told["device_code"]).json()["error"] == "expired_token"
    answer = post(client, "/oauth/token", grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert answer.status_code == 200 and answer.json()["email"] == EMAIL
    assert answer.json()["refresh_token"] != given["refresh_token"]


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": DEVICE_GRANT}, 400, "invalid_request"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": DEVICE_GRANT, "device_code": "la_dc_nobody"}, 400, "expired_token"),
        ({"grant_type": "refresh_token", "refresh_token": "la_rt_nobody"}, 401, "invalid_grant"),
    ],
)
def test_what_is_asked_wrongly(client: Client, fields: dict[str, str], status: int, error: str) -> None:
    answer = post(client, "/oauth/token", **fields)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_so_many_beginnings_from_one_address(client: Client, options: Any) -> None:
    options(DEVICE_STARTS=3)
    for _ in range(3):
        begin(client)
    answer = post(client, "/oauth/device_authorization")
    assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")
    assert 0 < int(answer["Retry-After"]) <= 600 and DeviceCode.objects.count() == 3


@pytest.mark.parametrize("which", ["bearer", "refresh_token"])
def test_a_sign_out_ends_the_whole_sign_in(client: Client, which: str) -> None:
    pair = signing.signed_in(signing.person())
    for _ in range(2):
        answer = post(client, "/oauth/revoke", token=getattr(pair, which), token_type_hint="refresh_token")
        assert (answer.status_code, answer.json()) == (200, {})
    assert SignIn.objects.get().revoked_at is not None and Token.objects.get().is_revoked
    answer = post(client, "/oauth/token", grant_type="refresh_token", refresh_token=pair.refresh_token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")


@pytest.mark.parametrize("body", [b'{"surface": "x"}', b"\xff=1", b""])
def test_a_beginning_needs_nothing_and_refuses_nothing(client: Client, body: bytes) -> None:
    answer = client.post("/oauth/device_authorization", body, content_type="application/json", headers=HERE)
    assert answer.status_code == 200


def test_no_cookie_is_asked_for() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert post(strict, "/oauth/device_authorization").status_code == 200
    assert post(strict, "/oauth/revoke", token="x").status_code == 200
