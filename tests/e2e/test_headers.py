"""Headers that pass, in each direction, and headers that never do."""

from __future__ import annotations

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.fakes import vendor as v
from tests.fakes.server import Answer

FORBIDDEN_UP = [
    ("cookie", "session=CANARY-cookie"),
    ("cookie", "second=1"),
    ("forwarded", "for=192.0.2.1"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-host", "a.test"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-anything", "1"),
    ("x-real-ip", "192.0.2.1"),
    ("via", "1.1 a"),
    ("proxy-authorization", "Basic Q0FOQVJZ"),
    ("proxy-connection", "keep-alive"),
    ("cf-connecting-ip", "192.0.2.1"),
    ("cf-ray", "1"),
    ("te", "trailers"),
    ("trailer", "x-t"),
    ("keep-alive", "timeout=5"),
    ("x-hop", "1"),
    ("x-claude-code-managed-settings-checksum", "sha256:CANARY"),
    ("x-claude-code-prompt-id", "p1"),
    ("x-claude-1p-request-class", "main"),
]
KEPT_UP = [
    ("anthropic-beta", "one, two ,unknown-2099-01-01"),
    ("Anthropic-Beta", "three"),
    ("x-claude-code-session-id", "s1"),
    ("x-claude-code-agent-id", "a1"),
    ("x-claude-code-parent-agent-id", "a0"),
    ("anthropic-workspace-id", "w1"),
    ("anthropic-anything-new", "  1"),
    ("x-stainless-lang", "js"),
    ("x-app", "cli"),
    ("user-agent", "claude-cli/2.1.330 (external, sdk-cli)"),
    ("accept", "application/json"),
    ("x-many", "1"),
    ("x-many", "2"),
    ("x-empty", ""),
    ("x-utf-8", "caf\xc3\xa9"),
    ("origin", "http://o.test"),
    ("range", "bytes=0-1"),
]


def test_the_clients_headers_pass_and_hop_and_private_ones_do_not(entry_point, vendor):
    headers = [*KEPT_UP, *FORBIDDEN_UP, ("connection", "keep-alive, x-hop")]
    assert entry_point.messages(ASK, *headers).status == 200
    seen = vendor.last
    for name in {name for name, _ in FORBIDDEN_UP}:
        assert seen.all(name) == [], name
    for name in {name.lower() for name, _ in KEPT_UP}:
        sent = [value.strip().encode("latin-1") for key, value in KEPT_UP if key.lower() == name]
        assert seen.all(name) == sent, name
    assert seen.all("host") == [f"127.0.0.1:{vendor.port}".encode()]
    assert b"keep-alive, x-hop" not in seen.raw_head


def test_tags_and_safeguards_reach_anthropic_as_they_came(gateway, vendor):
    body = b'{"tags": {"team": "blue"},  "safeguards":{"mode" : "auto"},' + ASK.lstrip()[1:]
    assert gateway.messages(body, ("anthropic-beta", "request-tags-2026-08-21")).status == 200
    assert vendor.last.body == body
    assert vendor.last.all("anthropic-beta") == [b"request-tags-2026-08-21"]


def test_only_the_operators_credential_leaves_and_only_once(entry_point, vendor):
    token = entry_point.token.secret
    for headers in (
        [("authorization", f"Bearer {token}")],
        [("x-api-key", token)],
        [("authorization", f"Bearer {token}"), ("x-api-key", token)],
        [("authorization", f"Bearer {token}"), ("x-api-key", "sk-ant-api03-another")],
        [("authorization", "Basic dTpw"), ("x-api-key", token)],
    ):
        vendor.reset()
        ask = [*headers, ("anthropic-version", "2023-06-01"), ("content-type", "application/json")]
        assert entry_point.ask("POST", "/v1/messages", ask, ASK).status == 200
        given = [value.removeprefix(b"Bearer ") for value in vendor.last.all("authorization")]
        given += vendor.last.all("x-api-key")
        assert given == [v.API_KEY.encode()]
        assert token.encode() not in vendor.last.raw_head


def test_nothing_is_added_but_a_missing_version(gateway, vendor):
    headers = [gateway.token.bearer]
    gateway.ask("POST", "/v1/messages", headers, ASK)
    names = sorted(name.lower() for name, _ in vendor.last.headers)
    credential = "x-api-key" if vendor.last.all("x-api-key") else "authorization"
    assert names == sorted([b"host", b"content-length", b"anthropic-version", credential.encode()])
    assert vendor.last.all("anthropic-version") == [b"2023-06-01"]


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21", "2099-01-01"])
def test_the_clients_version_is_kept(gateway, vendor, version):
    gateway.ask("POST", "/v1/messages", [gateway.token.bearer, ("anthropic-version", version)], ASK)
    assert vendor.last.all("anthropic-version") == [version.encode()]


def test_the_oauth_beta_is_not_added_for_an_api_key(gateway, vendor):
    gateway.messages(ASK)
    assert vendor.last.all("anthropic-beta") == []


DOWN_KEPT = [
    ("request-id", "req_9"),
    ("retry-after", "7"),
    ("x-should-retry", "true"),
    ("x-many", "1"),
    ("x-empty", ""),
    ("location", "http://elsewhere.test/"),
    ("etag", '"e"'),
    ("Date", "Mon, 01 Jan 2024 00:00:00 GMT"),
]
DOWN_FORBIDDEN = [
    ("anthropic-ratelimit-requests-remaining", "42"),  # of the account, which many share
    ("anthropic-ratelimit-unified-5h-utilization", "0.5"),
    ("Set-Cookie", "a=CANARY-cookie"),
    ("Set-Cookie", "b=2"),
    ("anthropic-organization-id", "CANARY-organization"),
    ("Server", "upstream-server"),
    ("Via", "1.1 u"),
    ("Connection", "keep-alive, x-hop"),
    ("Keep-Alive", "timeout=5"),
    ("x-hop", "1"),
    ("upgrade", "h2c"),
    ("proxy-authenticate", "Basic"),
    ("te", "x"),
    ("trailer", "x-t"),
]


@pytest.mark.parametrize("status", [200, 302, 400, 422])
def test_the_vendors_headers(entry_point, vendor, status):
    vendor.say(Answer(status, [v.JSON, *DOWN_KEPT, *DOWN_FORBIDDEN], [b"{}"], reason="Any"))
    seen = entry_point.messages(ASK)
    assert seen.status == status
    for name, value in DOWN_KEPT:
        if entry_point.entry_point == "django" and name == "Date":
            continue  # plain uvicorn writes one of its own as well
        assert seen.all(name.lower()) == [value], name
    for name, value in DOWN_FORBIDDEN:
        assert value not in seen.all(name.lower()), name
    assert seen.all("content-length") == ["2"]


def test_repeated_headers_of_an_answer_stay_repeated(gateway, vendor):
    vendor.say(Answer(200, [v.JSON, ("vary", "a"), ("x-many", "1"), ("vary", "b"), ("x-many", "2")], [b"{}"]))
    seen = gateway.messages(ASK)
    assert seen.all("vary") == ["a", "b"]
    assert seen.all("x-many") == ["1", "2"]


def test_every_answer_has_a_request_id_of_ours(entry_point, vendor):
    for answer in (
        entry_point.messages(ASK),
        entry_point.messages(STREAM),
        entry_point.ask("GET", "/nothing"),
    ):
        own = [value for name, value in answer.headers if name in ("x-request-id", "request-id")]
        assert own, answer.headers


def test_no_server_header(gateway, vendor):
    for answer in (gateway.messages(ASK), gateway.ask("GET", "/health"), gateway.ask("GET", "/nothing")):
        assert answer.all("server") == []
