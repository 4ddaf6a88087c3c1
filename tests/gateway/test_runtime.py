"""What lives as long as the process: started lazily, once, closed and flushed."""

import asyncio

import pytest

from gateway.lifespan import Lifespan
from gateway.runtime import Runtime
from gateway.servers.drain import install_drain
from gateway.wire import Message


@pytest.mark.django_db(transaction=True)
async def test_the_road_is_built_once_however_many_ask() -> None:
    runtime = Runtime()
    assert runtime.relay_now() is None
    first, second = await asyncio.gather(runtime.relay(), runtime.relay())
    assert first is second is runtime.relay_now()
    await runtime.aclose()
    assert runtime.relay_now() is None
    assert await runtime.relay() is not first
    await runtime.aclose()


@pytest.mark.django_db(transaction=True)
async def test_lifespan_starts_and_closes_it() -> None:
    runtime = Runtime()
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    said: list[str] = []

    async def send(message: Message) -> None:
        said.append(message["type"])
        if message["type"] == "lifespan.startup.complete":
            assert runtime.relay_now() is not None
            await inbox.put({"type": "lifespan.shutdown"})

    await inbox.put({"type": "lifespan.startup"})
    await Lifespan(runtime)({"type": "lifespan"}, inbox.get, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert runtime.relay_now() is None


async def test_draining_is_the_end_of_readiness_and_other_troubles_are_not() -> None:
    runtime = Runtime()
    drain = install_drain()
    assert not runtime.readiness().is_ready
    assert runtime.readiness().checks["status"] == "draining"
    drain.is_ready = True
    assert runtime.readiness().is_ready
