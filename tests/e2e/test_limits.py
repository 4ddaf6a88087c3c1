"""Limits over real sockets: refused in the caller's dialect, told in headers, obeyed by running servers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tests.e2e.calls import ASK, STREAM, ask_body
from tests.fakes import vendor as v
from tests.fakes.server import Gate
from tests.harness import Token, token_id
from tests.rawhttp import RawClient

RESPONSES = b'{"model":"claude-sonnet-5-5","max_output_tokens":64,"input":"hi"}'
COST = (
    Decimal(v.INPUT_TOKENS) * Decimal("2")  # claude-sonnet-5-5, by the million
    + Decimal(v.CACHE_READ_TOKENS) * Decimal("0.1")
    + Decimal(v.CACHE_WRITE_TOKENS) * Decimal("2.5")
    + Decimal(v.OUTPUT_TOKENS) * Decimal("10")
) / 10**6


def issue(gateway, **limits) -> Token:
    answer = gateway.admin("POST", "/api/tokens", {"label": "limited", "ttl_hours": 1, **limits})
    assert answer.status == 200, answer.body
    secret = answer.json()["token"]
    return Token(secret, token_id(secret))


def call(gateway, token, body=ASK, path="/v1/messages"):
    return gateway.ask("POST", path, [token.bearer, ("anthropic-version", "2023-06-01")], body)


def usage(gateway, token):
    answer = gateway.admin("GET", f"/api/tokens/{token.id}")
    assert answer.status == 200, answer.body
    return answer.json()["usage"]


def test_requests_in_all(entry_point, vendor):
    token = issue(entry_point, max_requests=2)
    assert [call(entry_point, token).status for _ in range(3)] == [200, 200, 429]
    refused = call(entry_point, token)
    assert refused.json()["error"] == {
        "type": "rate_limit_error",
        "message": "Token has reached its request limit",
    }
    assert refused.get("x-should-retry") == "false"
    assert len(vendor.seen) == 2
    assert usage(entry_point, token)["requests"] == 2


def test_requests_per_minute_say_when_to_come_back_and_a_change_applies_at_once(gateway, vendor):
    token = issue(gateway, requests_per_minute=1)
    first, second = call(gateway, token), call(gateway, token)
    assert (first.status, second.status) == (200, 429)
    assert second.get("x-should-retry") == "true"
    assert 50 <= int(second.get("retry-after")) <= 60
    assert first.get("anthropic-ratelimit-requests-limit") == "1"
    assert first.get("anthropic-ratelimit-requests-remaining") == "0"
    changed = gateway.admin("PATCH", f"/api/tokens/{token.id}", {"requests_per_minute": 2})
    assert changed.status == 200
    assert call(gateway, token).status == 200


def test_money_is_settled_with_the_vendors_usage(gateway, vendor):
    token = issue(gateway, budget="0.01", budget_period="day")
    assert call(gateway, token).status == 200
    [row] = gateway.exchanges(token)
    assert Decimal(str(row["cost"])) == COST
    seen = usage(gateway, token)
    assert Decimal(seen["budget"]["spent"]) == COST
    assert Decimal(seen["budget"]["reserved"]) == 0
    assert Decimal(seen["budget"]["remaining"]) == Decimal("0.01") - COST
    assert seen["budget"]["resets_at"] % 86400 == 0


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/v1/messages", ASK, {"type": "billing_error"}),
        ("/v1/chat/completions", ASK, {"type": "insufficient_quota", "code": "insufficient_quota"}),
        ("/v1/responses", RESPONSES, {"type": "insufficient_quota", "code": "insufficient_quota"}),
    ],
)
def test_a_spent_budget_in_each_dialect(gateway, vendor, path, body, told):
    token = issue(gateway, budget="0.0001", budget_period="month")
    refused = call(gateway, token, body, path)
    assert refused.status == 429
    error = refused.json()["error"]
    assert {name: error[name] for name in told} == told
    assert refused.get("x-should-retry") == "false"
    assert int(refused.get("retry-after")) > 0
    assert not vendor.seen


def test_the_shared_accounts_limits_stay_inside(gateway, vendor):
    answer = call(gateway, gateway.token)
    assert answer.get("anthropic-ratelimit-requests-remaining") is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"model":', "model"),
        (b'{"max_tokens":1,"messages":[]}', "model"),
        (b'{"model":"claude-sonnet-5-5","max_tokens":1,"max_tokens":2,"messages":[]}', "max_tokens"),
        (b'{"model":"claude-sonnet-5-5","max_tokens":1,"mod\\u0065l":"x","messages":[]}', "model"),
    ],
)
def test_a_limit_needs_to_know_what_it_limits(gateway, vendor, body, field):
    token = issue(gateway, budget="1")
    refused = call(gateway, token, body)
    assert refused.status == 400
    assert refused.json()["error"]["message"].startswith(f"{field}: ")
    assert not vendor.seen


def test_a_model_without_a_price_is_refused_for_a_budget_only(gateway, vendor):
    body = ASK.replace(b"claude-sonnet-5-5", b"claude-nobody-knows")
    assert call(gateway, issue(gateway, budget="1"), body).status == 403
    assert call(gateway, issue(gateway, max_requests=1), body).status == 200


def test_parallel_calls(gateway, vendor):
    token = issue(gateway, max_parallel_requests=1)
    gate = Gate()
    vendor.say(v.stream_answer([*v.events("m", v.text("hi"))[:3], gate]))
    with RawClient(gateway.port) as client:
        client.ask("POST", "/v1/messages", [token.bearer, ("anthropic-version", "2023-06-01")], STREAM)
        client.head()
        refused = call(gateway, token)
        assert (refused.status, refused.get("retry-after")) == (429, "1")
        assert usage(gateway, token)["max_parallel_requests"]["used"] == 1
    gateway.exchanges(token, 2)
    assert call(gateway, token).status == 200


def test_a_client_that_left_pays_for_what_was_seen(gateway, vendor):
    token = issue(gateway, budget="1")
    vendor.say(v.stream_answer([*v.events("claude-sonnet-5-5", v.text("hi"))[:4], Gate()]))
    with RawClient(gateway.port) as client:
        client.ask("POST", "/v1/messages", [token.bearer, ("anthropic-version", "2023-06-01")], STREAM)
        client.head()
        client.until(b"content_block_delta")
    [row] = gateway.exchanges(token)
    assert (row["status"], row["is_estimated"], row["input_tokens"]) == (499, 1, v.INPUT_TOKENS)
    assert row["output_tokens"] >= 1
    budget = usage(gateway, token)["budget"]
    assert Decimal(budget["spent"]) == Decimal(str(row["cost"])) > 0
    assert Decimal(budget["reserved"]) == 0


def test_two_hundred_streams_on_a_budget_for_ten(gateway, vendor):
    body = ask_body("word " * 300, stream=True)  # so that the estimate is above what the vendor counts
    token = issue(gateway, budget=str(COST * 10), budget_period="never")
    with ThreadPoolExecutor(40) as threads:
        statuses = list(threads.map(lambda _: call(gateway, token, body).status, range(200)))
    assert set(statuses) == {200, 429}
    more = 1  # what is left is given out one by one
    while call(gateway, token, body).status == 200:
        more += 1
    rows = gateway.exchanges(token, 200 + more, timeout=20)
    spent = sum(Decimal(str(row["cost"])) for row in rows if row["cost"] is not None)
    assert COST * 8 <= spent <= COST * 10
    budget = usage(gateway, token)["budget"]
    assert Decimal(budget["spent"]) == spent
    assert Decimal(budget["reserved"]) == 0


def test_a_restart_forgets_no_spending(start, vendor):
    gateway = start("daphne")
    token = issue(gateway, max_requests=3, budget="1", budget_period="month")
    assert [call(gateway, token).status for _ in range(2)] == [200, 200]
    before = usage(gateway, token)
    gateway.stop()
    gateway.start()
    assert [call(gateway, token).status for _ in range(2)] == [200, 429]
    after = usage(gateway, token)
    assert (before["requests"], after["requests"]) == (2, 3)
    assert Decimal(after["budget"]["spent"]) == Decimal(before["budget"]["spent"]) + COST


def test_a_groups_limits_hold_for_its_members_together(gateway, vendor):
    for name, parent in (("company", None), ("team", "company")):
        made = gateway.admin(
            "POST", "/api/groups", {"name": name, "parent": parent, "max_requests": 3 if parent else None}
        )
        assert made.status == 200, made.body
    one, two = issue(gateway, group="team"), issue(gateway, group="team")
    assert [call(gateway, token).status for token in (one, two, one, two)] == [200, 200, 200, 429]
    refused = call(gateway, one)
    assert refused.json()["error"]["message"] == "Group team has reached its request limit"
    shown = gateway.admin("GET", "/api/groups/team").json()
    assert (shown["parent"], shown["tokens"], shown["usage"]["requests"]) == ("company", 2, 3)
    assert gateway.admin("PATCH", "/api/groups/team", {"max_requests": 4}).status == 200
    assert call(gateway, two).status == 200
    assert gateway.admin("DELETE", "/api/groups/team").status == 409
    names = [group["name"] for group in gateway.admin("GET", "/api/groups").json()["data"]]
    assert names == ["company", "team"]


def test_openai_clients_are_told_in_their_headers(gateway, vendor):
    token = issue(gateway, requests_per_minute=1, input_tokens_per_minute=100_000)
    first = call(gateway, token, path="/v1/chat/completions")
    assert (first.status, first.get("x-ratelimit-remaining-requests")) == (200, "0")
    assert first.get("x-ratelimit-limit-tokens") == "100000"
    refused = call(gateway, token, path="/v1/chat/completions")
    error = refused.json()["error"]
    assert (refused.status, error["type"], error["code"]) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert refused.get("x-ratelimit-reset-requests").endswith("s")


def test_what_is_limited_again_is_read_from_the_rows(gateway, vendor):
    token = issue(gateway, max_requests=5)
    assert call(gateway, token).status == 200
    for limits in ({"max_requests": None}, {"max_requests": 2}):
        if limits["max_requests"]:
            assert call(gateway, token).status == 200  # counted by nobody but the rows
        assert gateway.admin("PATCH", f"/api/tokens/{token.id}", limits).status == 200
    gateway.exchanges(token, 2)
    assert call(gateway, token).status == 429


def test_a_client_that_left_before_the_answer_began_pays_for_its_input(gateway, vendor):
    token = issue(gateway, budget="1", max_requests=5)
    answer = v.stream_answer(v.events("claude-sonnet-5-5", v.text("hi")))
    answer.before_head = gate = Gate()
    vendor.say(answer)
    with RawClient(gateway.port) as client:
        client.ask("POST", "/v1/messages", [token.bearer, ("anthropic-version", "2023-06-01")], STREAM)
        assert gate.reached.wait(5)
    [row] = gateway.exchanges(token)
    gate.open()
    assert (row["status"], row["is_estimated"], row["output_tokens"]) == (499, 1, 0)
    assert row["input_tokens"] == -(-len(STREAM) // 4)
    seen = usage(gateway, token)
    assert (seen["requests"], Decimal(seen["budget"]["spent"])) == (1, Decimal(str(row["cost"])))


def test_what_never_left_is_given_back(start, vendor):
    gateway = start("daphne", upstream_url="http://127.0.0.1:9")
    token = issue(gateway, max_requests=5, budget="1")
    assert call(gateway, token).status >= 500
    seen = usage(gateway, token)
    assert (seen["requests"], seen["budget"]["spent"], seen["budget"]["reserved"]) == (0, "0", "0")
