"""Settings of accounts at work, over sockets: shares of windows, caps, proxies of their own, the strategy."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.calls import ASK
from tests.e2e.pooling import PoolVendor, accounts, call, credential
from tests.fakes.server import Answer, FakeServer, Seen
from tests.fakes.vendor import json_answer, message, text

FAR = 4102444800
MODEL = "claude-sonnet-5-5"
FINE = json_answer(message(MODEL, text("fine")))


def with_windows(**used: str) -> Answer:
    headers = [("anthropic-ratelimit-unified-status", "allowed")]
    for name, share in used.items():
        window = name.removeprefix("w")
        headers += [
            (f"anthropic-ratelimit-unified-{window}-{field}", value)
            for field, value in (("status", "allowed"), ("reset", str(FAR)), ("utilization", share))
        ]
    return json_answer(message(MODEL, text("fine")), 200, *headers)


def test_windows_are_shown_and_an_account_pauses_at_its_share(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(2)
    assert gateway.admin("PATCH", "/api/accounts/primary", {"pause_at_percent": 80}).status == 200
    pool_vendor.answers[credential(0)] = with_windows(w5h="0.81", w7d="0.4", w7d_opus="0.2")
    for _ in range(4):
        call(gateway, body=ASK)
    assert [secret for secret, _ in pool_vendor.calls].count(credential(0)) == 1
    shown = accounts(gateway)["primary"]
    assert shown["state"] == "quota-pause"
    used = {one["name"]: one["used_percent"] for one in shown["quota"] if one["used_percent"] is not None}
    assert used == {"5h": 81.0, "7d": 40.0, "7d_opus": 20.0}
    metrics = gateway.admin("GET", "/metrics").body.decode()
    assert 'account_quota_used_ratio{account="primary",provider="anthropic",window="5h"} 0.81' in metrics


def test_a_cap_of_requests_spills_to_the_others(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(2)
    for name in ("primary", "account-1"):
        caps = {"request_caps": [{"requests": 2, "window_seconds": 3600}]}
        assert gateway.admin("PATCH", f"/api/accounts/{name}", caps).status == 200
    statuses = [call(gateway, "one") for _ in range(5)]
    assert [answer.status for answer in statuses] == [200] * 4 + [429]
    assert Counter(secret for secret, _ in pool_vendor.calls) == {credential(0): 2, credential(1): 2}
    assert "request cap" in statuses[-1].error[2]
    assert 3500 <= int(statuses[-1].get("retry-after") or 0) <= 3700


@pytest.fixture
def proxy() -> Iterator[FakeServer]:
    """Answers for the upstream where it is asked in clear; refuses tunnels, which are all it can see of TLS."""

    def answer(seen: Seen) -> Answer:
        return Answer(502, [], [], reason="No tunnel") if seen.method == "CONNECT" else FINE

    with FakeServer(answer) as server:
        yield server


def test_an_account_goes_out_through_its_own_proxy(
    pooled, pool_vendor: PoolVendor, proxy: FakeServer
) -> None:
    gateway = pooled(2)
    url = proxy.url.replace("http://", "http://egress:CANARY-proxy@")
    assert gateway.admin("PATCH", "/api/accounts/primary", {"proxy": url}).status == 200
    for number in range(4):
        assert call(gateway, f"s{number}", ASK).status == 200
    assert [secret for secret, _ in pool_vendor.calls] == [credential(1)] * 2
    assert [seen.target for seen in proxy.seen] == [f"{pool_vendor.url}/v1/messages".encode()] * 2
    assert all(seen.get("proxy-authorization") for seen in proxy.seen)
    assert gateway.admin("POST", "/api/accounts/primary/test").status == 200
    assert proxy.seen[-1].target.startswith(pool_vendor.url.encode() + b"/v1/models")
    assert "CANARY-proxy" not in gateway.log() + gateway.admin("GET", "/api/accounts").body.decode()


def test_through_a_proxy_tls_is_tunnelled_and_nothing_is_told_to_it(start, proxy: FakeServer) -> None:
    gateway = start("uvicorn", {"RETRY_ATTEMPTS": "1"}, "https://127.0.0.1:9")
    assert gateway.admin("PATCH", "/api/accounts/api-key", {"proxy": proxy.url}).status == 200
    assert call(gateway, body=ASK).status == 502
    assert gateway.admin("POST", "/api/accounts/api-key/test").json()["ok"] is False
    assert [(seen.method, seen.target) for seen in proxy.seen] == [("CONNECT", b"127.0.0.1:9")] * 2
    assert all(b"sk-ant" not in seen.raw_head for seen in proxy.seen)


def test_the_strategy_changes_while_it_runs(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(3)
    assert gateway.admin("GET", "/api/pool").json()["strategy"] == "round-robin"
    assert gateway.admin("PATCH", "/api/pool", {"strategy": "priority"}).json()["is_changed"] is True
    for number in range(3):
        assert call(gateway, f"s{number}").status == 200
    assert {secret for secret, _ in pool_vendor.calls} == {credential(0)}
    assert gateway.admin("PATCH", "/api/pool", {"strategy": "coin"}).status == 400
    assert json.loads(gateway.manage("accounts", "strategy", "--json")) == {"strategy": "priority"}
