"""kill -9 in the middle of a call: what it may have cost is held as long as its lease lasts, and no longer."""

from __future__ import annotations

import os
import signal
import time
from decimal import Decimal

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.e2e.many.cluster import Host, Stores, eventually
from tests.e2e.many.sizes import WAITS_FOR_LEASES
from tests.e2e.test_limits import call, issue, usage
from tests.fakes import vendor as v
from tests.fakes.server import Gate
from tests.harness import Token
from tokens.limits.encoding import LEASES
from tokens.limits.ledger import LEASE_SECONDS

LATER_SECONDS = 15.0
"""Leases are looked through every 5 s, and rows written within one."""


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_killed_worker_leaves_an_estimated_row_and_returns_the_rest(stores, launch, vendor):
    host = launch(stores)
    token = issue(host, budget="1", max_parallel_requests=1)
    vendor.say(v.stream_answer([*v.events("claude-sonnet-5-5", v.text("hi"))[:4], Gate()]))
    victim = host.workers[0]
    with host.connect_to(victim) as client:
        began = time.monotonic()
        client.ask("POST", "/v1/messages", [token.bearer, *host.call_headers()[1:]], STREAM)
        client.head()
        assert reserved(host, token) > 0
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: victim not in host.workers, 10)
    assert call(host, token, ASK).status == 429
    if not WAITS_FOR_LEASES:
        age(stores)
    most = LEASE_SECONDS + LATER_SECONDS
    eventually(lambda: reserved(host, token) == 0, most, "the lease did not end", every=0.25)
    if WAITS_FOR_LEASES:
        took = time.monotonic() - began
        print(f"what was reserved is back after {took:.1f} s")
        assert took >= LEASE_SECONDS  # until then the call might still have been running
    rows = "SELECT * FROM gateway_exchange WHERE token_id = %s AND is_estimated"
    [row] = eventually(lambda: stores.query(rows, token.id), LATER_SECONDS, "its row is not written")
    assert (row["status"], row["failure_kind"]) == (500, "internal")
    assert Decimal(usage(host, token)["budget"]["spent"]) == row["cost"] > 0
    assert call(host, token, ASK).status == 200
    day = "SELECT sum(estimated) AS n FROM gateway_daily WHERE token_id = %s"
    assert stores.query(day, token.id) == [{"n": 1}]  # by whichever worker came first, and by one only


def reserved(host: Host, token: Token) -> Decimal:
    return Decimal(usage(host, token)["budget"]["reserved"])


def age(stores: Stores) -> None:
    """As if the minute had passed: its length is fixed, and most runs have better to do than to wait for it."""
    with stores.redis.client() as client:
        for lease in client.zrange(LEASES, 0, -1):
            client.zadd(LEASES, {lease: 1})
