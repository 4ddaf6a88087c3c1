"""Learned holds over four workers: a budget that is used up is overshot by no more than is promised."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.many.cluster import Host, Stores, eventually
from tests.e2e.test_limits import issue
from tests.fakes.counting_vendor import CountingVendor

CLIENTS = 16
MODEL = "claude-sonnet-5-5"
ASK = b'{"model":"claude-sonnet-5-5","max_tokens":64000,"messages":[{"role":"user","content":"hi"}]}'


@pytest.fixture
def vendor() -> Iterator[CountingVendor]:
    with CountingVendor() as server:
        yield server


@pytest.mark.timeout(300)
def test_a_budget_is_overshot_by_what_ran_at_most(
    stores: Stores, vendor: CountingVendor, tmp_path: Path
) -> None:
    settings = {"WORKERS": "4", "LOG_LEVEL": "info"}
    with Host(stores, tmp_path / "host", vendor.url, settings=settings) as host:
        token = issue(host, budget="2", budget_period="never")
        statuses: list[int] = []

        def client() -> None:
            for _ in range(400):
                answer = host.ask("POST", "/v1/messages", [token.bearer, *host.call_headers()[1:]], ASK)
                statuses.append(answer.status)
                if answer.status != 200:
                    return

        host.token = token
        threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        served = statuses.count(200)
        assert served > 20 and set(statuses) <= {200, 402, 429}, statuses

        def usage() -> dict[str, str]:
            shown: dict[str, str] = host.admin("GET", f"/api/tokens/{token.id}").json()["usage"]["budget"]
            return shown

        eventually(lambda: Decimal(usage()["reserved"]) == 0, 10, "something is held for ever")
        spent = Decimal(usage()["spent"])
        eventually(lambda: _rows(host, token.id) == served, 10, "not every row is there")
        dearest = host.rows("SELECT MAX(cost) AS most FROM gateway_exchange WHERE token_id = ?", token.id)[0][
            "most"
        ]
        assert spent <= 2 + CLIENTS * dearest
        assert spent > 1


def _rows(host: Host, token_id: str) -> int:
    query = "SELECT COUNT(*) AS count FROM gateway_exchange WHERE token_id = ? AND status = 200"
    return int(host.rows(query, token_id)[0]["count"])
