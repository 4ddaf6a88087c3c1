"""One PostgreSQL and one Redis for the run; for every gateway a database of its own, copied from a migrated
one.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.many.cluster import Host, Stores
from tests.fakes.postgres import Postgres, binaries
from tests.fakes.redis import RedisServer
from tests.fakes.vendor import Vendor
from tests.harness import manage

MANY = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="Redis is not installed"),
]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            for mark in MANY:
                item.add_marker(mark)


@contextlib.contextmanager
def migrated(directory: Path, max_connections: int = 100) -> Iterator[Postgres]:
    server = Postgres(max_connections)
    try:
        server.start()
        for name in ("data", "claude"):
            (directory / name).mkdir()
        server.create("migrated")
        manage(directory, "migrate", "--verbosity", "0", settings={"DATABASE_URL": server.url("migrated")})
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with migrated(tmp_path_factory.mktemp("migrated")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.close()


@pytest.fixture
def stores(postgres: Postgres, redis_server: RedisServer, request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Give a database of the test's own, and an empty Redis."""
    name = f"t{abs(hash(request.node.nodeid)) % 10**12}"
    postgres.create(name, "migrated")
    with redis_server.client() as client:
        client.flushall()
    yield Stores(postgres, redis_server, name)
    postgres.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def own_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Servers that the test may stop."""
    redis = RedisServer()
    try:
        redis.start()
        with migrated(tmp_path_factory.mktemp("own")) as server:
            yield Stores(server, redis, "migrated")
    finally:
        redis.close()


Launch = Callable[..., Host]


@pytest.fixture
def launch(vendor: Vendor, tmp_path: Path) -> Iterator[Launch]:
    """`launch(stores, entry_point, **settings)`: a host of the test's own, stopped at its end."""
    with contextlib.ExitStack() as stack:
        count = 0

        def begin(
            stores: Stores, entry_point: str = "uvicorn", settings: Mapping[str, str] | None = None
        ) -> Host:
            nonlocal count
            count += 1
            host = Host(stores, tmp_path / f"host{count}", vendor.url, entry_point, settings)
            stack.enter_context(host)
            host.token = host.issue("own")
            return host

        yield begin
