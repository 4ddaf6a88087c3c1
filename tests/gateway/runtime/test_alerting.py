"""How a worker's alerts are put together."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from redis.exceptions import ConnectionError as Away

from accounts.pool.pool import Pool
from gateway.runtime.alerting import made


class Client:
    """Redis as far as names are taken in it."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.is_away = False

    async def set(self, name: str, value: str, *, ex: int, nx: bool = False) -> bool | None:
        if self.is_away:
            raise Away("nobody there")
        if nx and name in self.names:
            return None
        self.names[name] = ex
        return True


def test_workers_agree_through_redis_and_tell_twice_rather_than_never() -> None:
    client = Client()
    shared: Any = SimpleNamespace(client=client, health=SimpleNamespace(is_known_away=False))
    one, other = (made(Pool(), shared).names for _ in range(2))
    name = "database:1:ops"
    assert asyncio.run(one.take(name, 300)) and not asyncio.run(other.take(name, 300))
    assert client.names == {f"router:alert:{name}": 300}
    asyncio.run(one.hold(name, 400))
    assert client.names == {f"router:alert:{name}": 400}
    client.is_away = True
    assert not asyncio.run(one.take(name, 300)), "we know that we have it"
    assert asyncio.run(other.take("database:2:ops", 300))
    asyncio.run(other.hold("database:2:ops", 300))
    assert asyncio.run(made(Pool(), None).names.take("x", 1))


def test_a_worker_knows_its_pool_and_whether_redis_is_away() -> None:
    pool = Pool()
    shared: Any = SimpleNamespace(client=None, health=SimpleNamespace(is_known_away=True))
    world = made(pool, shared).looker.world
    assert world.pool() is pool and world.is_redis_away()
    assert not made(pool, None).looker.world.is_redis_away()
