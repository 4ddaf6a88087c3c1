"""One running server of each kind per module, and a way to start one for a test that ends it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.servers.harness import ServerProcess

SERVERS = ("daphne", "uvicorn")
MAX_BODY_BYTES = 1024 * 1024


@pytest.fixture(scope="module", params=SERVERS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """Shared by a module's tests, which must leave it alive."""
    with ServerProcess(
        request.param, tmp_path_factory.mktemp("served"), max_body_bytes=MAX_BODY_BYTES
    ) as process:
        yield process
        assert process.process.poll() is None, process.log


@pytest.fixture(params=SERVERS)
def server_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Launch = Callable[..., ServerProcess]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """launch(server_name, **options): a server of the test's own, killed at its end."""
    with ExitStack() as stack:

        def start(name: str, env: dict[str, str] | None = None, **options: Any) -> ServerProcess:
            return stack.enter_context(ServerProcess(name, tmp_path, env, **options))

        yield start
