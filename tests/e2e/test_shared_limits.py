"""Limits that several gateway processes hold together, through a real Redis."""

from __future__ import annotations

import copy
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from redis import Redis

from tests.e2e.calls import ASK, STREAM, ask_body
from tests.e2e.test_limits import COST, call, issue, usage
from tests.fakes import redis
from tests.fakes import vendor as v
from tests.fakes.server import Gate
from tests.harness import GatewayProcess
from tests.rawhttp import RawClient

pytestmark = pytest.mark.redis


@pytest.fixture
def server() -> Iterator[redis.RedisServer]:
    if not redis.is_installed():
        pytest.skip("redis-server is not installed")
    found = redis.RedisServer().start()
    yield found
    found.close()


@pytest.fixture
def twins(start, server) -> Iterator[tuple[GatewayProcess, GatewayProcess]]:
    """Two processes on one database and one Redis."""
    one = start("daphne", {"REDIS_URL": server.url})
    two = copy.copy(one)
    two.log_file = one.data_dir / "second.log"
    with two:
        yield one, two


def until(check: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.1)


def test_two_processes_hold_one_budget(twins, vendor):
    body = ask_body("word " * 300, stream=True)
    token = issue(twins[0], budget=str(COST * 10), budget_period="never")

    def ask(number: int) -> int:
        return call(twins[number % 2], token, body).status

    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(ask, range(60)))
    assert set(statuses) == {200, 429}
    more = 1  # what is left is given out one by one
    while ask(more) == 200:
        more += 1
    rows = twins[0].exchanges(token, 60 + more, timeout=20)
    spent = sum(Decimal(str(row["cost"])) for row in rows if row["cost"] is not None)
    assert COST * 8 <= spent <= COST * 10
    for process in twins:
        budget = usage(process, token)["budget"]
        assert (Decimal(budget["spent"]), Decimal(budget["reserved"])) == (spent, 0)


def test_an_emptied_redis_forgets_no_spending(twins, vendor, server):
    token = issue(twins[0], max_requests=3, budget="1")
    assert [call(process, token).status for process in twins] == [200, 200]
    twins[0].exchanges(token, 2)
    with Redis.from_url(server.url) as client:
        client.flushall()
    assert [call(process, token).status for process in twins] == [200, 429]
    seen = usage(twins[1], token)
    assert (seen["requests"], Decimal(seen["budget"]["spent"])) == (3, 3 * COST)


def test_a_killed_process_leaves_an_estimated_row_and_returns_the_rest(twins, vendor, server):
    one, two = twins
    token = issue(one, budget="1", max_parallel_requests=1)
    vendor.say(v.stream_answer([*v.events("claude-sonnet-5-5", v.text("hi"))[:4], Gate()]))
    with RawClient(one.port) as client:
        client.ask("POST", "/v1/messages", [token.bearer, ("anthropic-version", "2023-06-01")], STREAM)
        client.head()
        assert Decimal(usage(two, token)["budget"]["reserved"]) > 0
        os.kill(one.process.pid, signal.SIGKILL)
        one.process.wait()
    assert call(two, token).status == 429
    # As if a minute had passed: that length is fixed. `many/test_leases.py` waits for it, where it is told to.
    with Redis.from_url(server.url) as client:
        for lease in client.zrange("router:{limits}:leases", 0, -1):
            client.zadd("router:{limits}:leases", {lease: 1})
    until(lambda: Decimal(usage(two, token)["budget"]["reserved"]) == 0, 8)
    [row, *_] = [row for row in two.exchanges(token, 2, timeout=8) if row["is_estimated"]]
    assert (row["status"], row["failure_kind"]) == (500, "internal")
    assert Decimal(usage(two, token)["budget"]["spent"]) == Decimal(str(row["cost"])) > 0
    assert call(two, token).status == 200


def metric(process: GatewayProcess, name: str) -> float:
    """One sample of /metrics, by its name with labels."""
    text = process.admin("GET", "/metrics").body.decode()
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} "))


WITHOUT_REDIS = 'link_assistant_limits_without_redis_total{decision="%s"}'


def test_redis_away_refuses_limited_calls_only(start, server, vendor):
    gateway = start("daphne", {"REDIS_URL": server.url})
    token = issue(gateway, max_requests=100)
    assert call(gateway, token, ASK).status == 200
    assert metric(gateway, "link_assistant_redis_up") == 1
    assert metric(gateway, WITHOUT_REDIS % "refused") == 0
    server.stop()
    refused = call(gateway, token)
    assert (refused.status, refused.get("retry-after")) == (503, "1")
    assert call(gateway, gateway.token).status == 200
    ready = gateway.ask("GET", "/health/ready")
    assert ready.json()["redis"].startswith("away")
    assert metric(gateway, "link_assistant_redis_up") == 0
    assert metric(gateway, WITHOUT_REDIS % "refused") == 1
    gateway.exchanges(token, 2)
    server.start()
    until(lambda: call(gateway, token).status == 200, 10)
    assert usage(gateway, token)["requests"] == 2
    assert gateway.ask("GET", "/health/ready").json()["redis"] == "ok"
    assert metric(gateway, "link_assistant_redis_up") == 1
    assert metric(gateway, WITHOUT_REDIS % "local") == 0


def test_redis_away_counts_locally_where_that_is_wished(start, server, vendor):
    gateway = start("daphne", {"REDIS_URL": server.url, "REDIS_DOWN": "local"})
    token = issue(gateway, max_requests=3)
    assert call(gateway, token).status == 200
    server.stop()
    assert [call(gateway, token).status for _ in range(3)] == [200, 200, 429]
    assert metric(gateway, WITHOUT_REDIS % "local") == 3
    assert metric(gateway, WITHOUT_REDIS % "refused") == 0
    gateway.exchanges(token, 4)
    server.start()
    time.sleep(1.1)  # the rest after a failure
    assert call(gateway, token).status == 429
    assert usage(gateway, token)["requests"] == 3
