"""The reference's conformance list, a test per row: tokens, administration, pass-through.

Where we differ on purpose the test holds our side and names the row of docs/deviations.md (`deviates`). Details have
tests of their own; here each row is walked once.
"""

from __future__ import annotations

import json
import time

import jwt

from tests.e2e.conformance.asking import (
    HI,
    JSON,
    MESSAGE,
    SSE,
    Make,
    admin,
    answered,
    deviates,
    dumped,
    events,
    post,
)
from tests.fakes.server import FakeServer
from tests.harness import ADMIN_KEY, TOKEN_SECRET, GatewayProcess
from tests.rawhttp import RawClient
from tokens.files import binary, lino
from tokens.files.types import StoredToken

# --- tokens and administration


def test_01_a_token_by_defaults(gateway: GatewayProcess) -> None:
    answer = gateway.admin("POST", "/api/tokens", {}).json()
    assert (answer["ttl_hours"], answer["label"], answer["account"]) == (24, "", None)
    assert answer["token"].startswith("la_sk_eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.")
    claims = jwt.decode(answer["token"].removeprefix("la_sk_"), options={"verify_signature": False})
    assert list(claims) == ["sub", "iat", "exp", "label"] and claims["exp"] - claims["iat"] == 86400


def signed(secret: str = TOKEN_SECRET, ends_in: int = 3600) -> str:
    now = int(time.time())
    claims = {"sub": "00000000-0000-4000-8000-000000000001", "iat": now, "exp": now + ends_in, "label": ""}
    return "la_sk_" + jwt.encode(claims, secret, "HS256")


def refusal(gateway: GatewayProcess, secret: str) -> tuple[int, str]:
    answer = gateway.ask("POST", "/v1/messages", [("authorization", f"Bearer {secret}"), *JSON], b"{}")
    assert answer.json()["error"]["type"] == "authentication_error"
    return answer.status, answer.json()["error"]["message"]


def test_02_a_good_signature_without_a_record_is_refused(gateway: GatewayProcess) -> None:
    deviates("token with a good signature and no stored record")
    assert refusal(gateway, signed())[0] == 401


def test_03_what_is_wrong_with_a_token(gateway: GatewayProcess) -> None:
    deviates("token after its `exp`")
    assert refusal(gateway, "sk-1") == (401, "Token must start with 'la_sk_' prefix")
    assert refusal(gateway, "la_sk_garbage") == (401, "Invalid token: InvalidToken")
    assert refusal(gateway, signed("another secret of at least 32 bytes")) == (
        401,
        "Invalid token: InvalidSignature",
    )
    for ago in (61, 30):
        assert refusal(gateway, signed(ends_in=-ago)) == (401, "Token has expired")
    issued = gateway.issue("revoked")
    gateway.admin("POST", "/api/tokens/revoke", {"id": issued.id})
    assert refusal(gateway, issued.secret) == (403, "Token has been revoked")


def test_04_the_admin_key(gateway: GatewayProcess) -> None:
    wrong = ((), (("authorization", "Bearer no"),), (("x-api-key", ADMIN_KEY),))
    texts = (
        ("/api/tokens", "missing or invalid admin Bearer key"),
        ("/api/providers", "admin Bearer key required"),
    )
    for path, text in texts:
        for headers in wrong[:: 2 if path == "/api/providers" else 1]:
            assert admin(gateway, path, *headers).error == (401, "authentication_error", text)
    assert admin(gateway, "/api/tokens", ("authorization", f"Bearer {ADMIN_KEY}")).status == 200


def test_05_revoking(gateway: GatewayProcess) -> None:
    deviates("revoking an unknown id")
    assert gateway.admin("POST", "/api/tokens/revoke", {"id": "nope"}).status == 404
    issued = gateway.issue()
    for _ in range(2):
        answer = gateway.admin("POST", "/api/tokens/revoke", {"id": issued.id})
        assert (answer.status, answer.json()["revoked"]) == (200, issued.id)


def test_06_revocations_outlive_a_restart_and_files_hold_any_label(start: Make) -> None:
    deviates("policy `memory`")
    made = start(STORAGE_POLICY="memory")
    issued = made.issue("kept")
    made.admin("POST", "/api/tokens/revoke", {"id": issued.id})
    made.stop()
    made.start()
    assert refusal(made, issued.secret)[0] == 403
    kept = {
        "a": StoredToken("a", 'q " \\ \n\t кот', 1, 2, True, "x"),
        "b": StoredToken("b", "", 1, 2, False, None),
    }
    for module in (lino, binary):
        assert module.read(module.write(kept.values())).records == kept


# --- pass-through


def test_07_what_the_upstream_sees(gateway: GatewayProcess, upstream: FakeServer) -> None:
    deviates("`/invoke`, `/invoke-with-response-stream`")
    more = (("x-claude-code-session-id", "s1"), ("anthropic-version", "2023-06-01"), ("anthropic-beta", "b1"))
    body = {"model": "claude-x", "max_tokens": 5, "messages": HI}
    vertex = "/v1/projects/p/locations/r/publishers/anthropic/models/claude-x:rawPredict"
    for path, arrives in (
        ("/v1/messages?x=1", b"/v1/messages?x=1"), ("/v1/messages/count_tokens", b"/v1/messages/count_tokens"),
        ("/api/latest/anthropic/v1/messages?x=1", b"/v1/messages?x=1"), ("/invoke", b"/v1/messages"),
        ("/invoke-with-response-stream", b"/v1/messages"), (vertex, b"/v1/messages"),
    ):  # fmt: skip
        post(gateway, path, body, *more)
        assert (upstream.last.target, upstream.last.get("authorization")) == (arrives, b"Bearer k0")
        assert (
            upstream.last.get("x-api-key") is None and upstream.last.get("x-claude-code-session-id") == b"s1"
        )
        assert b"b1" in (upstream.last.get("anthropic-beta") or b"")


def test_08_answers_pass(gateway: GatewayProcess, upstream: FakeServer) -> None:
    for status in (200, 400, 302):
        upstream.say(
            answered(b'{"a": 1 }', status=status, headers=[*JSON, ("x-a", "1"), ("retry-after", "7")])
        )
        answer = post(gateway, "/v1/messages", {"model": "claude-x", "max_tokens": 5, "messages": HI})
        assert (answer.status, answer.body, answer.get("x-a")) == (status, b'{"a": 1 }', "1")
    parts = events({"type": "message_start", "message": MESSAGE}, {"type": "message_stop"})
    upstream.say(answered(*parts, headers=SSE, framing="chunked"))
    with RawClient(gateway.port) as client:
        asked = dumped({"model": "claude-x", "max_tokens": 5, "messages": HI, "stream": True})
        client.ask("POST", "/v1/messages", [gateway.token.bearer, *JSON], asked).head()
        assert b"".join((client.chunk(), client.rest()[0])) == b"".join(parts)


def test_09_unknown_paths_and_methods(gateway: GatewayProcess) -> None:
    assert gateway.ask("GET", "/nothing").error[:2] == (401, "authentication_error")
    answer = gateway.ask("GET", "/v1/messages", [gateway.token.bearer])
    assert (answer.status, answer.get("allow")) == (405, "POST")


def test_10_no_host_but_the_configured_one(gateway: GatewayProcess, upstream: FakeServer) -> None:
    deviates("`/api/latest/anthropic")
    for path in ("anthropicX", "anthropic.evil.test/", "anthropic@127.0.0.1:9/", "anthropic:9/"):
        assert gateway.ask("GET", f"/api/latest/{path}", [gateway.token.bearer]).status == 404
    assert upstream.seen == []


def test_11_where_the_login_is_found(start: Make, upstream: FakeServer) -> None:
    deviates("credential files")
    made = start(MAX_BODY_BYTES="1000000")  # a gateway of its own: its files change
    home = made.data_dir / "claude"
    names = ("config.json", "oauth.json", "auth.json", ".credentials.json", "credentials.json")
    (home / "credentials.json").unlink()
    for name in names:  # each goes before those written so far
        nested = {"claudeAiOauth": {"accessToken": name}} if name.startswith(".") else {"accessToken": name}
        (home / name).write_text(json.dumps(nested))
        deadline = time.monotonic() + 10
        while upstream.reset() or post(made, "/v1/messages", {"model": "c"}).status != 200 or (
            upstream.last.get("authorization") != f"Bearer {name}".encode()
        ):  # fmt: skip
            assert time.monotonic() < deadline, name
            time.sleep(0.05)


def test_12_two_accounts(start: Make, upstream: FakeServer) -> None:
    deviates("429")
    made = start(ADDITIONAL_ACCOUNT_DIRS="second", SESSION_IDLE_SECONDS="0")
    upstream.reset()
    for _ in range(4):
        assert post(made, "/v1/messages", {"model": "c"}).status == 200
    keys = [seen.get("authorization") for seen in upstream.seen]
    assert keys[0] != keys[1] and keys == keys[:2] * 2
    upstream.reset()
    upstream.say(answered(b"{}", status=429, headers=[*JSON, ("retry-after", "60")]))
    assert post(made, "/v1/messages", {"model": "c"}).status == 200  # another one took over
    accounts = made.admin("GET", "/v1/accounts").json()["accounts"]
    assert sorted(one["healthy"] for one in accounts) == [False, True]
    (resting,) = [one for one in accounts if not one["healthy"]]
    assert (
        resting["last_error"] == "upstream returned 429" and 50 < resting["cooldown_remaining_seconds"] <= 70
    )
    upstream.say(answered(b"{}", status=429, headers=[*JSON, ("retry-after", "60")]))
    assert [post(made, "/v1/messages", {"model": "c"}).status for _ in range(2)] == [429, 429]
