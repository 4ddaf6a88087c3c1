"""Connections that are kept for the next exchange, over real sockets."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from providers.client import ClientOptions, Transport
from tests.fakes.server import Answer, FakeServer, Gate


@pytest.fixture
def vendor() -> Iterator[FakeServer]:
    with FakeServer(lambda seen: Answer(200, [], [b"ok"])) as server:
        yield server


async def ask(transport: Transport, vendor: FakeServer) -> bytes:
    response = await transport.handle_async_request(httpx.Request("GET", vendor.url))
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return b"".join([chunk async for chunk in response.stream])
    finally:
        await response.stream.aclose()


async def until(condition: object) -> None:
    async with asyncio.timeout(5):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.002)


async def test_as_many_connections_as_exchanges_at_once_and_then_the_same_again(vendor: FakeServer) -> None:
    transport = Transport()
    gate = Gate()
    vendor.say(*[Answer(200, [], [b"ok"], before_head=gate)] * 5)
    asking = [asyncio.create_task(ask(transport, vendor)) for _ in range(5)]
    await asyncio.to_thread(vendor.wait_seen, 5)
    gate.open()
    assert await asyncio.gather(*asking) == [b"ok"] * 5
    for _ in range(10):
        await ask(transport, vendor)
    assert vendor.accepted == 5
    await transport.aclose()
    await until(lambda: not vendor.open)


async def test_a_connection_that_the_upstream_closed_meanwhile_is_not_used(vendor: FakeServer) -> None:
    transport = Transport()
    await ask(transport, vendor)
    (connection,) = vendor.open
    vendor._loop.call_soon_threadsafe(connection.transport.close)
    await until(lambda: not transport._pool._idle)
    assert await ask(transport, vendor) == b"ok"
    assert vendor.accepted == 2
    await transport.aclose()


async def test_bytes_on_an_idle_connection_end_it(vendor: FakeServer) -> None:
    transport = Transport()
    await ask(transport, vendor)
    (connection,) = vendor.open
    vendor._loop.call_soon_threadsafe(connection.transport.write, b"HTTP/1.1 200 OK\r\n\r\n")
    await until(lambda: not transport._pool._idle)
    assert await ask(transport, vendor) == b"ok"
    assert vendor.accepted == 2
    await transport.aclose()


async def test_idle_connections_are_closed_when_their_time_is_over(vendor: FakeServer) -> None:
    transport = Transport(ClientOptions(keepalive_seconds=0.05))
    await ask(transport, vendor)
    await until(lambda: not vendor.open)
    assert not transport._pool._idle
    assert await ask(transport, vendor) == b"ok"
    assert vendor.accepted == 2
    await transport.aclose()


async def test_closing_ends_what_is_under_way(vendor: FakeServer) -> None:
    transport = Transport()
    gate = Gate()
    vendor.say(Answer(200, [], [b"late"], before_head=gate))
    asking = asyncio.create_task(ask(transport, vendor))
    await asyncio.to_thread(vendor.wait_seen)
    await transport.aclose()
    with pytest.raises(httpx.ReadError):
        await asking
    gate.open()
    with pytest.raises(httpx.ConnectError):
        await ask(transport, vendor)
