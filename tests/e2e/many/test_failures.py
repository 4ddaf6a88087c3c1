"""When parts fail: what is known goes on, what is recorded is kept, and everything comes back by itself."""

from __future__ import annotations

import threading
import time

import pytest

from tests.e2e.calls import ASK
from tests.e2e.many.cluster import Stores, eventually
from tests.harness import SERVERS, GatewayProcess, Token

AWAY_SECONDS = 6.0


class Load:
    """Calls, one after the other, on a few connections' worth of threads, until the block ends."""

    def __init__(self, host: GatewayProcess, threads: int = 3) -> None:
        self.host = host
        self.statuses: list[int] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self) -> None:
        while not self._stop.is_set():
            self.statuses.append(self.host.messages(ASK).status)
            time.sleep(0.02)

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


@pytest.mark.parametrize("door", SERVERS)
def test_postgres_away_under_load(own_stores, launch, door):
    stores = own_stores
    host = launch(stores, door)
    elsewhere = host.issue("never seen by a gateway")
    stores.query("UPDATE tokens_token SET id = 'somebody-else' WHERE id = %s", elsewhere.id)
    assert host.stop() == 0
    host.start()  # knows `host.token`, not `elsewhere`
    with Load(host) as load:
        eventually(lambda: len(load.statuses) > 20)
        stores.postgres.stop()
        away_at = time.monotonic()
        eventually(lambda: ready(host)["database"] == "away")
        began = time.monotonic()
        answer = host.ask("POST", "/v1/messages", [elsewhere.bearer, *host.call_headers()[1:]], ASK)
        assert (answer.status, answer.error[1]) == (503, "api_error")
        assert time.monotonic() - began < 6
        time.sleep(max(0.0, AWAY_SECONDS - (time.monotonic() - away_at)))
        eventually(lambda: ready(host)["usage"] == "spooling")
        stores.postgres.start()
        back_at = time.monotonic()
        eventually(lambda: ready(host)["database"] == "ok", 15)
        print(f"back after {time.monotonic() - back_at:.1f} s")
    assert set(load.statuses) == {200}
    assert len(load.statuses) > 50
    eventually(lambda: rows_of(stores, host.token) == len(load.statuses), 40, "not every row is there")
    assert host.log().count("copies in memory go on serving") == len(host.workers)  # said once by each


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
