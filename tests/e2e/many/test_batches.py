"""Batches over four workers that share Redis: whoever reads their results, they are billed once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.many.cluster import Host, Stores, eventually
from tests.e2e.test_batches import PATH, calls, price_of
from tests.e2e.test_limits import issue
from tests.e2e.test_stored_objects import ask
from tests.fakes.storing_vendor import StoringVendor

BATCHES = 8


@pytest.fixture
def vendor() -> Iterator[StoringVendor]:
    with StoringVendor() as made:
        yield made


@pytest.mark.timeout(400)
def test_each_batch_is_billed_once_whoever_reads_it(
    stores: Stores, vendor: StoringVendor, tmp_path: Path
) -> None:
    with Host(stores, tmp_path / "host", vendor.url, settings={"WORKERS": "4", "LOG_LEVEL": "info"}) as host:
        assert host.admin("POST", "/api/groups", {"name": "all", "budget": "100"}).status in (200, 201)
        token = issue(host, budget="50", budget_period="month", group="all")
        names = [ask(host, token, "POST", PATH, calls(5)).json()["id"] for _ in range(BATCHES)]

        def read_all(pid: int) -> None:
            headers = [token.bearer, ("anthropic-version", "2023-06-01")]
            with host.connect_to(pid) as client:
                for name in names:
                    client.ask("GET", f"{PATH}/{name}/results", headers, None)
                    assert client.response().status == 200

        readers = [threading.Thread(target=read_all, args=(pid,)) for pid in host.workers]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        plain, output = price_of(host)
        cost = BATCHES * 5 * (1000 * plain + 100 * output) / 10**6 / 2
        settled = (
            "SELECT COUNT(*) AS n FROM gateway_batch WHERE settled_at IS NOT NULL AND difference IS NULL"
        )
        eventually(lambda: host.rows(settled)[0]["n"] == BATCHES, 60, "not every batch is billed")
        told = "SELECT COUNT(*) AS n, SUM(cost) AS cost FROM gateway_exchange WHERE surface = 'batch'"
        [rows] = host.rows(told)
        assert (rows["n"], rows["cost"]) == (BATCHES, cost)
        for path in (f"/api/tokens/{token.id}", "/api/groups/all"):
            shown = host.admin("GET", path).json()["usage"]["budget"]
            assert (Decimal(shown["spent"]), Decimal(shown["reserved"])) == (cost, 0)
