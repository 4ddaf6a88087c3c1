"""The pool behind the relay, over sockets: conversations that stay, limits, faults, refreshes, one retry
budget.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tests.e2e.calls import ask_body
from tests.e2e.pooling import PoolVendor, accounts, call, credential, limited, sessions, write_pair
from tests.fakes.token_endpoint import FakeTokenEndpoint
from tests.fakes.vendor import error_answer, thinking

ATTEMPTS = 4
RESET = 4102444800


def test_conversations_stay_and_a_limit_moves_only_its_own_once(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(3)
    conversations = [f"conversation-{number}" for number in range(12)]
    for _turn in range(3):
        for session in conversations:
            assert call(gateway, session).status == 200
    before = sessions(pool_vendor)
    assert all(len(set(secrets)) == 1 for secrets in before.values())
    assert set(Counter(secrets[0] for secrets in before.values()).values()) == {4}
    tired = before[conversations[0]][0]
    pool_vendor.calls.clear()
    pool_vendor.answers[tired] = limited()
    for _turn in range(3):
        for session in conversations:
            assert call(gateway, session).status == 200
    after = sessions(pool_vendor)
    for session in conversations:
        served = [secret for secret in after[session] if secret != tired]
        assert len(set(served)) == 1 and len(served) == 3
        assert (served[0] != before[session][0]) == (before[session][0] == tired)
    assert sum(secret == tired for secret, _ in pool_vendor.calls) == 1
    shown = accounts(gateway)
    cooling_down = [one for one in shown.values() if not one["healthy"]]
    assert len(cooling_down) == 1 and 590 <= cooling_down[0]["cooldown_remaining_seconds"] <= 631
    assert "CANARY" not in json.dumps(shown)


FAULTS = {
    "429 with a window": limited(),
    "429 bare": error_answer(429),
    "429 retry-after": error_answer(429, "slow down", ("retry-after", "30")),
    "401": error_answer(401),
    "403": error_answer(403),
    "404 model": error_answer(404, "model: claude-sonnet-5-5"),
    "400": error_answer(400),
    "413": error_answer(413),
    "500": error_answer(500),
    "529": error_answer(529),
    "503": error_answer(503),
}


def test_upstream_calls_per_client_call_stay_in_the_budget(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(6, RETRY_ATTEMPTS=str(ATTEMPTS))
    for name, fault in FAULTS.items():
        pool_vendor.everybody = fault
        pool_vendor.calls.clear()
        assert call(gateway, name).status == fault.status, name
        assert 1 <= len(pool_vendor.calls) <= ATTEMPTS, name
        assert len({secret for secret, _ in pool_vendor.calls}) == len(pool_vendor.calls), name
        assert name not in ("400", "413") or len(pool_vendor.calls) == 1, name
        gateway.clear_accounts()


def test_when_all_rest_it_says_until_when_in_the_callers_words(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(2)
    pool_vendor.answers = {credential(0): limited(300), credential(1): limited(900)}
    call(gateway)
    pool_vendor.calls.clear()
    answer = call(gateway)
    assert (answer.status, pool_vendor.calls) == (429, [])
    assert answer.json()["error"]["type"] == "rate_limit_error"
    assert 290 <= int(answer.get("retry-after") or 0) <= 316
    assert "CANARY" not in answer.body.decode() and "primary" not in answer.body.decode()


def test_an_upstream_that_is_down_is_left_alone_for_a_moment(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(2)
    pool_vendor.everybody = error_answer(500)
    statuses = [call(gateway).status for _ in range(5)]
    assert statuses[0] == 500 and statuses[-1] == 503
    count = len(pool_vendor.calls)
    assert call(gateway).status == 503 and len(pool_vendor.calls) == count
    gateway.admin("POST", "/api/accounts/primary/clear")
    pool_vendor.everybody = None
    assert call(gateway).status == 200


def test_a_refused_pair_is_refreshed_and_the_call_goes_through(
    start, pool_vendor: PoolVendor, tmp_path: Path
) -> None:
    endpoint = FakeTokenEndpoint()
    try:
        home = tmp_path / "home"
        pair = {"refreshToken": endpoint.refresh_token, "expiresAt": RESET * 1000, "subscriptionType": "max"}
        write_pair(home, credential(0), **pair)
        settings = {"CLAUDE_CODE_HOME": str(home), "ANTHROPIC_API_KEY": "", "OAUTH_TOKEN_URL": endpoint.url}
        gateway = start("uvicorn", settings, pool_vendor.url)
        pool_vendor.answers[credential(0)] = error_answer(401)
        assert call(gateway).status == 200
        assert [secret for secret, _ in pool_vendor.calls] == [credential(0), "sk-ant-oat01-1"]
        written = json.loads((home / ".credentials.json").read_text())["claudeAiOauth"]
        assert (written["accessToken"], written["subscriptionType"]) == ("sk-ant-oat01-1", "max")
        pool_vendor.everybody = error_answer(401)
        pool_vendor.calls.clear()
        assert call(gateway).status == 401
        assert [secret for secret, _ in pool_vendor.calls] == ["sk-ant-oat01-1", "sk-ant-oat01-2"]
        assert accounts(gateway)["primary"]["healthy"] is False
        assert call(gateway).status == 429 and len(pool_vendor.calls) == 2 == endpoint.rotations
    finally:
        endpoint.close()


def test_cooldowns_outlive_a_restart(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(2)
    pool_vendor.answers[credential(0)] = limited()
    assert call(gateway).status == 200
    assert gateway.stop() == 0
    pool_vendor.calls.clear()
    gateway.start()
    assert [call(gateway).status for _ in range(4)] == [200] * 4
    assert {secret for secret, _ in pool_vendor.calls} == {credential(1)}


def test_a_conversation_that_moves_leaves_the_others_signed_thinking_behind(
    pooled, pool_vendor: PoolVendor
) -> None:
    gateway = pooled(2)
    spoken = {"role": "assistant", "content": [thinking("hm"), {"type": "text", "text": "yes"}]}
    turn = {"role": "user", "content": "and?"}
    first = json.dumps(
        {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [turn, spoken, turn]}
    ).encode()
    assert call(gateway, "s", first).status == 200
    assert pool_vendor.seen[-1].body == first
    pool_vendor.answers[pool_vendor.calls[0][0]] = limited()
    assert call(gateway, "s", first).status == 200
    assert b"signature" not in pool_vendor.seen[-1].body
    later = json.loads(first)
    later["messages"] += [spoken, turn]
    assert call(gateway, "s", json.dumps(later).encode()).status == 200
    kept = json.loads(pool_vendor.seen[-1].body)["messages"]
    assert [len(message["content"]) for message in kept if message["role"] == "assistant"] == [1, 2]


def test_quota_and_cooldowns_are_in_the_metrics(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(2)
    pool_vendor.answers[credential(0)] = limited()
    call(gateway)
    text = gateway.admin("GET", "/metrics").body.decode()
    assert 'link_assistant_account_healthy{account="primary",provider="anthropic"} 0.0' in text
    assert 'link_assistant_account_healthy{account="account-1",provider="anthropic"} 1.0' in text
    assert "CANARY-0" not in text and "home0" not in text


def test_a_request_of_its_own_fault_reaches_one_account_and_costs_it_nothing(
    pooled, pool_vendor: PoolVendor
) -> None:
    gateway = pooled(2)
    words = "This credential is only authorized for use with Claude Code and cannot be used for other API requests."
    pool_vendor.everybody = error_answer(400, words)
    answer = call(gateway, body=ask_body("hi"))
    assert answer.status == 400 and words in answer.body.decode()
    assert len(pool_vendor.calls) == 1
    assert all(one["healthy"] and one["last_error"] is None for one in accounts(gateway).values())
