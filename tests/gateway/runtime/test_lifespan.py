"""ASGI's lifespan starts the relay and flushes its usage."""

import asyncio

import pytest
from django.conf import settings
from django.db import DatabaseError

from gateway.exchange.downstream import Message
from gateway.runtime.composition import Runtime, compose
from gateway.runtime.lifespan import Lifespan


@pytest.mark.django_db(transaction=True)
async def test_lifespan_starts_and_closes_it() -> None:
    runtime = compose(settings.GATEWAY)
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


async def test_a_start_that_fails_is_told() -> None:
    class Broken(Runtime):
        async def start(self, run_directory: str = "") -> None:
            assert run_directory == "/run"
            raise DatabaseError("away")

    inbox: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()
    await inbox.put({"type": "lifespan.startup"})
    scope = {"type": "lifespan", "state": {"run_directory": "/run"}}
    await Lifespan(Broken(compose(settings.GATEWAY).composed))(scope, inbox.get, said.put)
    assert await said.get() == {"type": "lifespan.startup.failed", "message": "away"}
