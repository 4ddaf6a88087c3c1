"""Four workers count as one: rows, days, ledger and figures hold what the vendor served, to the token and the
cent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.many import driving
from tests.e2e.many.cluster import Host, Stores, eventually
from tests.e2e.many.sizes import REQUESTS_PER_WORKER
from tests.e2e.test_limits import issue
from tests.fakes.counting_vendor import CountingVendor
from tests.harness import Token

WORKERS = 4
CONNECTIONS = 4
"""Per worker."""
LIMITS = {"budget": "1000000", "budget_period": "never", "max_requests": 10**9, "group": "all"}


@pytest.fixture
def vendor() -> Iterator[CountingVendor]:
    with CountingVendor() as server:
        yield server


@dataclass
class Counted:
    """Give a cluster, and two limited tokens of one limited group: the first calls two models, the second
    another one.
    """

    host: Host
    stores: Stores
    vendor: CountingVendor
    models: dict[Token, tuple[str, ...]]

    @property
    def calls(self) -> list[tuple[Token, str]]:
        return [(token, model) for token, models in self.models.items() for model in models]

    def check(self, total: int) -> None:
        """Check that everything that counts says the same."""
        counted = self.vendor.counted()
        assert sum(counts["requests"] for counts in counted.values()) == total
        eventually(lambda: driving.count_rows(self.stores) >= total, 30, "not every row is there")
        costs = driving.costs(self.stores, counted)
        assert driving.in_rows(self.stores) == (counted, costs)
        assert driving.in_days(self.stores) == (counted, costs)
        assert driving.count_rows(self.stores) == total
        spent = {token: sum(costs[model] for model in models) for token, models in self.models.items()}
        for token, models in self.models.items():
            requests = sum(counted[model]["requests"] for model in models)
            assert self.used(f"/api/tokens/{token.id}") == (requests, spent[token], 0)
        assert self.used("/api/groups/all") == (total, sum(spent.values()), 0)
        assert "ledger does not say" not in self.host.log()  # these figures were the ledger's, not the rows'
        eventually(lambda: driving.answered(self.host) == total, 10, "/v1/usage shows another number")

    def used(self, path: str) -> tuple[int, Decimal, Decimal]:
        """Return requests, money spent and money reserved, as the ledger in Redis has them."""
        shown = self.host.admin("GET", path).json()["usage"]
        return shown["requests"], Decimal(shown["budget"]["spent"]), Decimal(shown["budget"]["reserved"])


@pytest.fixture
def workers() -> int:
    return WORKERS


@pytest.fixture
def cluster(stores: Stores, vendor: CountingVendor, tmp_path: Path, workers: int) -> Iterator[Counted]:
    settings = {"WORKERS": str(workers), "LOG_LEVEL": "info"}
    with Host(stores, tmp_path / "host", vendor.url, settings=settings) as host:
        assert host.admin("POST", "/api/groups", {"name": "all", "budget": "1000000"}).status in (200, 201)
        one, two = issue(host, **LIMITS), issue(host, **LIMITS)
        models = {one: ("claude-sonnet-5-5", "claude-haiku-5-5"), two: ("claude-opus-5-5",)}
        yield Counted(host, stores, vendor, models)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_no_increment_is_lost(cluster):
    """The same number of calls on each of the four workers at once."""
    drivers = [driving.Driver(driving.mixed(cluster.calls), REQUESTS_PER_WORKER) for _ in range(WORKERS)]
    pids = cluster.host.workers
    assert len(pids) == WORKERS
    with ExitStack() as stack:
        clients = {
            pid: [stack.enter_context(cluster.host.connect_to(pid)) for _ in range(CONNECTIONS)]
            for pid in pids
        }
        began = time.monotonic()
        await asyncio.gather(
            *(
                driver.over(client.sock)
                for driver, connections in zip(drivers, clients.values(), strict=True)
                for client in connections
            )
        )
        took = time.monotonic() - began
    total = WORKERS * REQUESTS_PER_WORKER
    print(f"{total} calls over {WORKERS} workers in {took:.1f} s: {total / took:.0f} a second")
    assert [driver.statuses for driver in drivers] == [{200: REQUESTS_PER_WORKER}] * WORKERS
    await asyncio.to_thread(cluster.check, total)


@pytest.mark.parametrize("workers", [2])
async def test_no_increment_is_lost_where_workers_are_replaced(cluster):
    """A rolling restart in the middle: every worker that counts is another one in the end."""
    driver = driving.Driver(driving.mixed(cluster.calls), 10**9, pause_seconds=0.01)
    before = set(cluster.host.workers)
    running = asyncio.gather(*(driver.reconnecting(cluster.host.port) for _ in range(CONNECTIONS)))
    try:
        await asyncio.to_thread(eventually, lambda: driver.statuses[200] > 200)
        os.kill(cluster.host.process.pid, signal.SIGHUP)
        gone = lambda: not before & set(cluster.host.workers)  # noqa: E731
        await asyncio.to_thread(eventually, gone, 60, "the old workers are still there")
        seen = driver.statuses[200]
        await asyncio.to_thread(eventually, lambda: driver.statuses[200] > seen + 200)
    finally:
        driver.left = 0
        await running
    assert set(driver.statuses) == {200}
    print(f"{driver.statuses[200]} calls through a rolling restart, {driver.unanswered} asked again")
    await asyncio.to_thread(cluster.check, driver.statuses[200])
