"""A Redis for the run, emptied for every test; and `Shared`s on it as several processes have them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from redis.asyncio import Redis

from gateway.shared.redis import Shared
from tests.fakes.redis import RedisServer, is_installed


@pytest.fixture(scope="session")
def session_redis() -> Iterator[RedisServer]:
    if not is_installed():
        pytest.skip("Redis is not installed")
    server = RedisServer().start()
    yield server
    server.close()


@pytest.fixture
def server(session_redis: RedisServer) -> RedisServer:
    if not session_redis.is_up():
        session_redis.start()
    with session_redis.client() as client:
        client.flushall()
    return session_redis


@pytest.fixture
async def connect(server: RedisServer) -> AsyncIterator[Callable[[], Shared]]:
    opened: list[Shared] = []

    def begin() -> Shared:
        opened.append(Shared(Redis.from_url(server.url, socket_timeout=2.0), falls_back=False))
        return opened[-1]

    yield begin
    for each in opened:
        await each.aclose()
