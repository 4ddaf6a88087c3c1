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


@contextlib.contextmanager
def database(postgres: Postgres, redis_server: RedisServer, what_for: str) -> Iterator[Stores]:
    """Give a database of its own, and an empty Redis."""
    name = f"t{abs(hash(what_for)) % 10**12}"
    postgres.create(name, "migrated")
    with redis_server.client() as client:
        client.flushall()
    yield Stores(postgres, redis_server, name)
    postgres.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def stores(postgres: Postgres, redis_server: RedisServer, request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Give the test's own."""
    with database(postgres, redis_server, request.node.nodeid) as own:
        yield own


@pytest.fixture
def own_stores(stores: Stores) -> Iterator[Stores]:
    """Give stores that the test may stop: they are there again after it."""
    yield stores
    if not stores.postgres.is_up:
        stores.postgres.start()
    if not stores.redis.is_up():
        stores.redis.start()


Launch = Callable[..., Host]


@contextlib.contextmanager
def launching(upstream_url: str, directory: Path) -> Iterator[Launch]:
    """`launch(stores, entry_point, **settings)`: a host, stopped at the end."""
    with contextlib.ExitStack() as stack:
        count = 0

        def begin(
            stores: Stores, entry_point: str = "uvicorn", settings: Mapping[str, str] | None = None
        ) -> Host:
            nonlocal count
            count += 1
            host = Host(stores, directory / f"host{count}", upstream_url, entry_point, settings)
            stack.enter_context(host)
            host.token = host.issue("own")
            return host

        yield begin


@pytest.fixture
def launch(vendor: Vendor, tmp_path: Path) -> Iterator[Launch]:
    """Give what starts the test's own hosts."""
    with launching(vendor.url, tmp_path) as begin:
        yield begin


@pytest.fixture(scope="module")
def launch_for_all(
    postgres: Postgres,
    redis_server: RedisServer,
    shared_vendor: Vendor,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Host]]:
    """`launch_for_all(entry_point, settings)`: a host of all tests of a module, with a database of its own.

    A host of two workers takes longer to start than most tests of it.
    """
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(database(postgres, redis_server, f"{request.path} for all"))
        begin = stack.enter_context(launching(shared_vendor.url, tmp_path_factory.mktemp("hosts")))
        running: dict[str, Host] = {}

        def get(entry_point: str, settings: Mapping[str, str] | None = None) -> Host:
            if entry_point not in running:
                running[entry_point] = begin(own, entry_point, settings)
            return running[entry_point]

        yield get
