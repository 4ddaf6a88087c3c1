"""Tokens that are let in: ours in either header, everything else refused with its text."""

from __future__ import annotations

import contextlib
import time

import jwt
import pytest

from tests.e2e.calls import ASK, STREAM
from tests.fakes import vendor as v
from tests.fakes.server import Gate
from tests.harness import ADMIN_KEY, TOKEN_SECRET
from tests.rawhttp import RawClient

MISSING = "Missing Authorization Bearer token or x-api-key"
PREFIX = "Token must start with 'la_sk_' prefix"

HOSTILE = {
    "quotes": "la_sk_\"'; DROP TABLE tokens_token; --",
    "json": 'la_sk_{"alg":"none"}',
    "empty parts": "la_sk_..",
    "prefix only": "la_sk_",
    "twice": "la_sk_la_sk_a.b.c",
    "non-ASCII": "la_sk_\xe9\xff\xa0.x.y",
    "percent": "la_sk_%00%0a",
    "format": "la_sk_{0}%s%n${jndi:ldap://x}",
    "path": "la_sk_../../etc/passwd",
    "tab": "la_sk_a\tb",
}


def post(gateway, *headers):
    return gateway.ask("POST", "/v1/messages", list(headers), ASK)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_hostile_tokens(entry_point, vendor, name, header):
    value = HOSTILE[name] if header == "x-api-key" else f"Bearer {HOSTILE[name]}"
    answer = post(entry_point, (header, value))
    assert answer.status in (400, 401)
    if answer.status == 401:
        assert answer.error[1] == "authentication_error"
        assert HOSTILE[name] not in answer.body.decode()
    assert vendor.seen == []


def test_a_token_of_64_kb(entry_point, vendor):
    with RawClient(entry_point.port) as client:
        client.ask("POST", "/v1/messages", [("authorization", "Bearer la_sk_" + "A" * 65536)], ASK)
        with contextlib.suppress(EOFError, ConnectionError):  # the server's own limit
            assert client.response().status in (400, 401, 431)
    assert vendor.seen == []
    assert entry_point.ask("GET", "/health").status == 200


def test_the_longest_token_we_issue_is_read(entry_point, vendor):
    token = entry_point.issue("日" * 1000)
    assert len(token.secret) > 4000
    assert post(entry_point, token.bearer, ("anthropic-version", "2023-06-01")).status == 200


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ([], MISSING),
        ([("authorization", "bearer {token}")], MISSING),
        ([("authorization", "Basic dTpw")], MISSING),
        ([("authorization", "Bearer ")], MISSING),
        ([("x-api-key", "")], MISSING),
        ([("authorization", "Bearer sk-ant-api03-other")], PREFIX),
        ([("authorization", "Bearer  {token}")], PREFIX),
        ([("x-api-key", "Bearer {token}")], PREFIX),
        ([("authorization", "Bearer la_sk_rubbish")], "Invalid token: InvalidToken"),
        ([("authorization", "Bearer {token}x")], "Invalid token: "),
    ],
)
def test_refusals_and_their_words(entry_point, vendor, headers, message):
    filled = [(name, value.replace("{token}", entry_point.token.secret)) for name, value in headers]
    status, kind, words = post(entry_point, *filled).error
    assert (status, kind) == (401, "authentication_error")
    assert words.startswith(message)
    assert vendor.seen == []


def test_a_token_in_the_query_is_no_token(entry_point, vendor):
    answer = entry_point.ask(
        "POST", f"/v1/messages?token={entry_point.token.secret}&x-api-key={entry_point.token.secret}", [], ASK
    )
    assert answer.status == 401
    assert vendor.seen == []


def test_the_one_that_parses_as_ours_wins(entry_point, vendor):
    """Claude Code's key helper sends both headers; a foreign key beside our token is no obstacle."""
    foreign = "sk-ant-api03-foreign"
    for headers in (
        [entry_point.token.bearer, ("x-api-key", foreign)],
        [entry_point.token.bearer, ("x-api-key", entry_point.token.secret)],
        [("authorization", "Basic dTpw"), ("x-api-key", entry_point.token.secret)],
    ):
        assert post(entry_point, *headers, ("anthropic-version", "2023-06-01")).status == 200


def test_the_refusal_comes_before_the_body(gateway, vendor):
    with RawClient(gateway.port, timeout=2) as client:
        client.ask("POST", "/v1/messages", [("content-length", "1000000")]).send(b"{")
        if gateway.entry_point == "daphne":  # it reads small bodies whole before it calls anybody
            client.send(b" " * 999_999)
        assert client.response().status == 401


def revoke_by_command(gateway, token):
    gateway.manage("tokens", "revoke", token.id)


def revoke_by_api(gateway, token):
    answer = gateway.admin("POST", "/api/tokens/revoke", {"id": token.id})
    assert (answer.status, answer.json()) == (200, {"revoked": token.id})


def test_a_revocation_by_command_is_obeyed_within_a_second(entry_point, vendor):
    token = entry_point.issue("to be revoked")
    headers = [token.bearer, ("anthropic-version", "2023-06-01")]
    assert post(entry_point, *headers).status == 200
    revoke_by_command(entry_point, token)
    deadline = time.monotonic() + 1.2
    while (answer := post(entry_point, *headers)).status == 200:
        assert time.monotonic() < deadline, "still accepted"
        time.sleep(0.02)
    assert answer.error == (403, "authentication_error", "Token has been revoked")


def test_a_revocation_by_api_is_obeyed_at_once(entry_point, vendor):
    token = entry_point.issue("to be revoked")
    revoke_by_api(entry_point, token)
    answer = post(entry_point, token.bearer)
    assert answer.error == (403, "authentication_error", "Token has been revoked")


def test_a_token_issued_by_command_works_at_once(entry_point, vendor):
    secret = entry_point.manage("tokens", "issue", "--label", "by command", "--ttl-hours", "1").strip()
    assert post(entry_point, ("x-api-key", secret), ("anthropic-version", "2023-06-01")).status == 200


def test_a_running_stream_survives_the_revocation_of_its_token(gateway, vendor):
    gate = Gate()
    records = v.events("m", v.text("whole"))
    vendor.say(v.stream_answer([records[0], gate, *records[1:]]))
    token = gateway.issue("short-lived")
    with RawClient(gateway.port) as client:
        client.ask("POST", "/v1/messages", [token.bearer, ("anthropic-version", "2023-06-01")], STREAM)
        client.head()
        client.until(b"message_start")
        revoke_by_api(gateway, token)
        gate.open()
        assert client.rest() == (b"".join(records[1:]), False)


def test_a_wellsigned_token_without_a_row_is_refused(entry_point, vendor):
    claims = {"sub": "00000000-0000-4000-8000-000000000001", "iat": 1, "exp": 4102444800, "label": "x"}
    secret = "la_sk_" + jwt.encode(claims, TOKEN_SECRET, "HS256")
    status, kind, _ = post(entry_point, ("authorization", f"Bearer {secret}")).error
    assert (status, kind) == (401, "authentication_error")
    assert vendor.seen == []


def test_the_admin_key_is_no_client_token(entry_point, vendor):
    assert post(entry_point, ("authorization", f"Bearer {ADMIN_KEY}")).error == (
        401,
        "authentication_error",
        PREFIX,
    )
