from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import redis
from tests.tokens.limits.kinds import Subject, memory, shared


@pytest.fixture(scope="session")
def redis_server() -> Iterator[redis.RedisServer]:
    if not redis.is_installed():
        pytest.skip("redis-server is not installed")
    server = redis.RedisServer().start()
    yield server
    server.close()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """Run the same tests on both ledgers."""
    if request.param == "memory":
        found = memory()
    else:
        found = shared(request.getfixturevalue("redis_server"))
    yield found
    found.close()
