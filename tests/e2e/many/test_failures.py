"""Failures of parts: what is known goes on, what is recorded is kept, and everything comes back by itself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack
from decimal import Decimal

import pytest

from tests.e2e.calls import ASK
from tests.e2e.many.cluster import Host, Stores, eventually
from tests.e2e.many.conftest import Launch
from tests.e2e.many.sizes import AWAY_SECONDS
from tests.e2e.test_limits import COST, issue, usage
from tests.harness import SERVERS, GatewayProcess, Token
from tests.rawhttp import RawClient, Response

PAUSE_SECONDS = 0.05
MOST_BYTES_PER_CALL = 2_000
"""In a spool."""


class Load:
    """Make calls, one after the other, on a few connections' worth of threads, until the block ends."""

    def __init__(self, host: GatewayProcess, token: Token, threads: int = 2) -> None:
        self.host = host
        self.token = token
        self.statuses: list[int] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self) -> None:
        while not self._stop.is_set():
            headers = [self.token.bearer, *self.host.call_headers()[1:]]
            self.statuses.append(self.host.ask("POST", "/v1/messages", headers, ASK).status)
            self._stop.wait(PAUSE_SECONDS)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def rows_of(stores: Stores, token: Token) -> int:
    words = "SELECT count(*) AS n FROM gateway_exchange WHERE token_id = %s"
    return stores.query(words, token.id)[0]["n"]


def ready(host: GatewayProcess) -> dict[str, str]:
    answer = host.ask("GET", "/health/ready")
    assert answer.status == 200  # known tokens are served: not a reason to send traffic elsewhere
    return answer.json()


def says(host: Host, name: str, value: str) -> bool:
    """Tell whether every worker says this of itself."""

    def ask(client: RawClient) -> Response:
        client.ask("GET", "/health/ready")
        return client.response()

    answers = host.on_every_worker(ask).values()
    assert {answer.status for answer in answers} == {200}
    return {answer.json()[name] for answer in answers} == {value}


@pytest.fixture
def pair(own_stores: Stores, launch: Launch) -> list[Host]:
    """Two hosts of two workers over the same stores, one of each server."""
    return [launch(own_stores, entry_point) for entry_point in SERVERS]


def seen_by_nobody(hosts: list[Host]) -> Token:
    """Give a well-signed token whose row no worker has read; every worker is a new one afterwards."""
    token = hosts[0].issue("never seen by a gateway")
    hosts[0].stores.query("UPDATE tokens_token SET id = 'somebody-else' WHERE id = %s", token.id)
    for host in hosts:
        assert host.stop() == 0
        host.start()
    return token


@pytest.mark.long
@pytest.mark.timeout(400)
def test_postgres_away_under_load(own_stores, pair):
    unknown, limited = seen_by_nobody(pair), issue(pair[0], budget="1000", max_requests=10**6)
    for host in pair:  # every worker reads what it has spent, as long as it can be read
        met = host.on_every_worker(lambda client, host=host: host.messages_by(client, ASK, limited))
        assert {answer.status for answer in met.values()} == {200}
    with ExitStack() as stack:
        loads = [stack.enter_context(Load(host, token)) for host in pair for token in (host.token, limited)]
        for load in loads:
            eventually(lambda load=load: len(load.statuses) > 20)
        own_stores.postgres.stop()
        while_away(pair, unknown, loads)
        own_stores.postgres.start()
        back_at = time.monotonic()
        for name in ("database", "usage"):
            for host in pair:
                eventually(lambda host=host, name=name: says(host, name, "ok"), 30, f"{name} is still away")
            print(f"{name} is ok on every worker after {time.monotonic() - back_at:.1f} s")
    nothing_is_lost(own_stores, pair, loads, limited, already=sum(len(host.workers) for host in pair))
    print(f"every row is there after {time.monotonic() - back_at:.1f} s")
    for host in pair:
        assert host.log().count("copies in memory go on serving") == len(host.workers)  # said once by each


def while_away(hosts: list[Host], unknown: Token, loads: list[Load]) -> None:
    """Go on calling until the time is over; what the calls leave behind grows by what they are."""
    until = time.monotonic() + AWAY_SECONDS
    for host in hosts:
        eventually(lambda host=host: says(host, "database", "away"))
        began = time.monotonic()
        answer = host.ask("POST", "/v1/messages", [unknown.bearer, *host.call_headers()[1:]], ASK)
        assert (answer.status, answer.error[1]) == (503, "api_error")
        assert time.monotonic() - began < 6
        managed_by_nobody(host)
    while time.monotonic() < until:
        seen = [len(load.statuses) for load in loads]
        for host in hosts:
            assert ready(host)["database"] == "away"
        for load, count in zip(loads, seen, strict=True):
            eventually(lambda load=load, count=count: len(load.statuses) > count, what="nothing is served")
    for host in hosts:
        eventually(lambda host=host: says(host, "usage", "spooling"))
    calls, size = sum(len(load.statuses) for load in loads), sum(map(spooled, hosts))
    print(f"{calls} calls in {AWAY_SECONDS:.0f} s and before; {size / 1024:.0f} KiB in spools")
    assert 0 < size < calls * MOST_BYTES_PER_CALL


def managed_by_nobody(host: Host) -> None:
    """Check that what needs the database says so, to programs and to people, and not where the database is."""
    for path in ("/api/providers", "/api/tokens/some-id", "/api/groups"):
        answer = host.admin("GET", path)
        assert answer.error == (503, "api_error", "The database does not answer; please try again")
        assert answer.get("retry-after") == "1"
    page = host.ask("GET", "/admin/", [("cookie", "sessionid=of-somebody")])
    assert (page.status, page.get("retry-after")) == (503, "1")
    assert b"<h1>The database does not answer</h1>" in page.body


def spooled(host: Host) -> int:
    """Return the bytes in its spool files."""
    return sum(file.stat().st_size for file in (host.data_dir / "data").glob("usage-*.spool"))


def nothing_is_lost(
    stores: Stores, hosts: list[Host], loads: list[Load], limited: Token, already: int
) -> None:
    """Check for a row for every answer, the limited token's `already` given ones too, and its money in all
    three places.
    """
    for load in loads:
        assert set(load.statuses) == {200}
        assert len(load.statuses) > 50
    expected = Counter({limited.id: already})
    for load in loads:
        expected[load.token.id] += len(load.statuses)
    for token_id, count in expected.items():
        words = "SELECT count(*) AS n FROM gateway_exchange WHERE token_id = %s"
        eventually(lambda w=words, t=token_id, c=count: stores.query(w, t)[0]["n"] == c, 60, "not every row")
    days = stores.query("SELECT token_id, sum(requests) AS n FROM gateway_daily GROUP BY 1")
    assert {row["token_id"]: row["n"] for row in days if row["token_id"] in expected} == expected
    count = expected[limited.id]
    [row] = stores.query("SELECT sum(cost) AS cost FROM gateway_exchange WHERE token_id = %s", limited.id)
    assert row["cost"] == count * COST
    for host in hosts:
        shown = usage(host, limited)
        assert (shown["requests"], Decimal(shown["budget"]["spent"])) == (count, count * COST)
        assert spooled(host) == 0


def test_what_is_spooled_outlives_a_clean_restart(own_stores, launch):
    stores = own_stores
    host = launch(stores, settings={"DRAIN_SECONDS": "5"})
    # A token that a worker has never met can't be looked up later: every worker must know it first.
    known = host.on_every_worker(lambda client: host.messages_by(client, ASK))
    eventually(lambda: rows_of(stores, host.token) >= len(known), 20)
    before = rows_of(stores, host.token)
    stores.postgres.stop()
    for _ in range(10):
        assert host.messages(ASK).status == 200
    assert host.stop(60) == 0
    assert list((host.data_dir / "data").glob("usage-*.spool"))
    stores.postgres.start()
    host.start()
    eventually(lambda: rows_of(stores, host.token) == before + 10, 20)
    assert not list((host.data_dir / "data").glob("usage-*.spool"))


def test_no_start_without_the_database(own_stores, launch):
    host = launch(own_stores)
    assert host.stop() == 0
    own_stores.postgres.stop()
    with pytest.raises(AssertionError, match="exit 1"):
        host.start()
    assert "server error: the database does not answer" in host.log()
    assert "Traceback" not in host.log()


def test_redis_away_and_back(own_stores, launch):
    stores = own_stores
    host = launch(stores)
    assert ready(host)["redis"] == "ok"
    stores.redis.stop()
    eventually(lambda: ready(host)["redis"].startswith("away"))
    answers = host.on_every_worker(lambda client: host.messages_by(client, ASK))
    assert {answer.status for answer in answers.values()} == {200}  # a token without limits
    token = host.issue()
    assert host.admin("POST", "/api/tokens/revoke", {"id": token.id}).status == 200
    time.sleep(1)  # polls bring it
    refused = host.on_every_worker(lambda client: host.messages_by(client, ASK, token))
    assert {answer.status for answer in refused.values()} == {403}
    stores.redis.start()
    eventually(lambda: ready(host)["redis"] == "ok")
    assert host.log().count("redis is away") == len(host.workers)
