"""Limited calls while Redis is away, by policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from gateway.shared.ledger import GuardedLedger
from gateway.shared.redis import Health
from tests.fakes.redis import RedisServer, is_installed
from tests.gateway.usage.contexts import token
from tokens.errors import BalancesUnknown, LedgerUnavailable, LimitExceeded
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import NOTHING, Balance
from tokens.limits.memory import MemoryLedger
from tokens.limits.redis import RedisLedger
from tokens.records import Limits

pytestmark = pytest.mark.redis
OWN = Limits("t", max_requests=2)
NOW = 1_795_500_000.0


@pytest.fixture
def server() -> Iterator[RedisServer]:
    if not is_installed():
        pytest.skip("redis-server is not installed")
    found = RedisServer().start()
    yield found
    found.close()


class Impatient(Health):
    """Asks again at once."""

    @property
    def is_up(self) -> bool:
        return True


def ledger(server: RedisServer, local: MemoryLedger | None, counted: list[str]) -> GuardedLedger:
    client = Redis.from_url(server.url, socket_connect_timeout=1)
    return GuardedLedger(RedisLedger(client, Calendar("UTC")), local, Impatient(), counted.append)


async def test_refused(server: RedisServer) -> None:
    counted: list[str] = []
    guarded = ledger(server, None, counted)
    await guarded.seed(OWN, Balance(), NOW)
    running = await guarded.reserve(token(OWN), NOTHING, NOW, {"id": "a"})
    assert counted == []
    server.stop()
    with pytest.raises(LedgerUnavailable):
        await guarded.reserve(token(OWN), NOTHING, NOW, {"id": "b"})
    assert counted == ["refused"]
    with pytest.raises(LedgerUnavailable):
        await guarded.seed(OWN, Balance(), NOW)
    guarded.settle(running, NOTHING, NOW)  # waits for Redis, and does not raise
    assert await guarded.states((OWN,), NOW) == ()
    await guarded.aclose()


async def test_counted_here_and_handed_back(server: RedisServer) -> None:
    counted: list[str] = []
    guarded = ledger(server, MemoryLedger(Calendar("UTC")), counted)
    await guarded.seed(OWN, Balance(), NOW)
    await guarded.reserve(token(OWN), NOTHING, NOW, {"id": "a"})
    server.stop()
    with pytest.raises(BalancesUnknown):
        await guarded.reserve(token(OWN), NOTHING, NOW, {"id": "b"})
    await guarded.seed(OWN, Balance(requests=1), NOW)
    guarded.settle(await guarded.reserve(token(OWN), NOTHING, NOW, {"id": "b"}), NOTHING, NOW)
    with pytest.raises(LimitExceeded):
        await guarded.reserve(token(OWN), NOTHING, NOW, {"id": "c"})
    assert counted == ["local", "local"]  # one admitted, one refused; asking for the balance decided nothing
    assert (await guarded.states((OWN,), NOW))[0].requests == 2
    server.start()
    with pytest.raises(BalancesUnknown):  # what was counted here is read from the rows
        await guarded.reserve(token(OWN), NOTHING, NOW, {"id": "d"})
    await guarded.aclose()
