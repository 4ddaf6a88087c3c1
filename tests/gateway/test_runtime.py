"""What lives as long as the process: started lazily, once, closed and flushed."""

import asyncio

import pytest
from django.test import override_settings

from gateway.runtime import Lifespan, Runtime
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


@pytest.mark.parametrize(
    ("settings", "hidden", "shown"),
    [
        ({"DISABLE_ANTHROPIC_API": True}, b"/v1/messages", b"/v1/chat/completions"),
        ({"DISABLE_OPENAI_API": True}, b"/v1/chat/completions", b"/v1/messages"),
        ({"UPSTREAM_API_FORMAT": "bedrock"}, b"/v1/messages", b"/invoke"),
        ({"UPSTREAM_API_FORMAT": "anthropic"}, b"/x:rawPredict", b"/v1/messages"),
    ],
)
def test_switches_take_paths_out_of_the_table(
    settings: dict[str, object], hidden: bytes, shown: bytes
) -> None:
    with override_settings(**settings):
        table = Runtime().table
    assert table.match("POST", hidden) is None
    assert table.match("POST", shown) is not None
