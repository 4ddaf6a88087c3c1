"""A vendor that says what a test wants, and a transport that asks it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from providers.client import Transport
from tests.fakes.server import Answer, FakeServer


@pytest.fixture
def vendor() -> Iterator[FakeServer]:
    with FakeServer(lambda seen: Answer(200, [], [b"ok"])) as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport()
    yield transport
    await transport.aclose()
