"""Connections that are kept for the next exchange, over real sockets."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator

import httpx
import pytest
import uvloop

from providers.client import ClientOptions, Transport
from providers.http1.dialing import Dialer
from providers.http1.pool import FRESH_SECONDS, ConnectionPool, IdleLimits
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
    vendor.loop.call_soon_threadsafe(connection.transport.close)
    await until(lambda: transport.pool.idle_count == 0)
    assert await ask(transport, vendor) == b"ok"
    assert vendor.accepted == 2
    await transport.aclose()


async def test_bytes_on_an_idle_connection_end_it(vendor: FakeServer) -> None:
    transport = Transport()
    await ask(transport, vendor)
    (connection,) = vendor.open
    vendor.loop.call_soon_threadsafe(connection.transport.write, b"HTTP/1.1 200 OK\r\n\r\n")
    await until(lambda: transport.pool.idle_count == 0)
    assert await ask(transport, vendor) == b"ok"
    assert vendor.accepted == 2
    await transport.aclose()


async def test_idle_connections_are_closed_when_their_time_is_over(vendor: FakeServer) -> None:
    transport = Transport(ClientOptions(keepalive_seconds=0.05))
    await ask(transport, vendor)
    await until(lambda: not vendor.open)
    assert transport.pool.idle_count == 0
    assert await ask(transport, vendor) == b"ok"
    assert vendor.accepted == 2
    await transport.aclose()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def timed(clock: Clock) -> Transport:
    """Make a transport whose pool goes by this clock."""
    return Transport(pool=ConnectionPool(Dialer(), IdleLimits(30.0, 256, 512), clock))


LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("what", [EVIL, b"\r\n", b"x", None], ids=["answer", "line", "byte", "end"])
def test_a_kept_connection_is_looked_at_before_it_is_used(
    vendor: FakeServer, loop: Callable[[], asyncio.AbstractEventLoop], what: bytes | None
) -> None:
    """Whatever came after its last answer, even if the event loop has not seen it yet."""

    async def scene() -> None:
        clock = Clock()
        transport = timed(clock)
        await ask(transport, vendor)
        clock.now += 2 * FRESH_SECONDS
        (connection,) = vendor.open
        with socket.socket(fileno=os.dup(connection.transport.get_extra_info("socket").fileno())) as side:
            if what is None:
                side.shutdown(socket.SHUT_WR)
            else:
                side.send(what)  # and our loop does not run in between
        assert await ask(transport, vendor) == b"ok"
        assert vendor.accepted == 2
        await transport.aclose()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scene())


async def test_a_fresh_connection_that_has_ended_costs_no_call(vendor: FakeServer) -> None:
    """It is not looked at; what ends without a byte of an answer is asked again."""
    transport = timed(Clock())
    await ask(transport, vendor)
    (connection,) = vendor.open
    with socket.socket(fileno=os.dup(connection.transport.get_extra_info("socket").fileno())) as side:
        side.shutdown(socket.SHUT_WR)
    assert await ask(transport, vendor) == b"ok"
    assert vendor.accepted == 2
    await transport.aclose()


@pytest.mark.parametrize(
    ("told", "kept_for"),
    [
        ("", 30.0),
        ("timeout=5", 4.0),
        ("max=7, Timeout = 5", 4.0),
        ('timeout="5"', 4.0),
        ("timeout=1", 0.5),
        ("timeout=600", 30.0),
        ("timeout=99999999999999999999", 30.0),
        ("timeout=soon", 30.0),
        ("timeout=-1", 30.0),
        ("5", 30.0),
    ],
)
async def test_an_idle_connection_is_used_no_longer_than_the_upstream_keeps_it(
    vendor: FakeServer, told: str, kept_for: float
) -> None:
    clock = Clock()
    transport = timed(clock)
    headers = [("Keep-Alive", told)] if told else []
    vendor.handler = lambda seen: Answer(200, headers, [b"ok"])
    await ask(transport, vendor)
    for _ in range(3):
        clock.now += kept_for - 0.01
        assert await ask(transport, vendor) == b"ok"
    assert vendor.accepted == 1
    clock.now += kept_for + 0.01
    assert await ask(transport, vendor) == b"ok"
    assert vendor.accepted == 2
    await transport.aclose()


async def test_an_upstream_that_keeps_nothing(vendor: FakeServer) -> None:
    transport = Transport()
    vendor.handler = lambda seen: Answer(200, [("Keep-Alive", "timeout=0")], [b"ok"])
    for count in (1, 2):
        await ask(transport, vendor)
        assert (vendor.accepted, transport.pool.idle_count) == (count, 0)
    await transport.aclose()


async def test_so_many_lie_idle_and_no_more(vendor: FakeServer) -> None:
    transport = Transport(ClientOptions(idle_per_origin=3, idle_in_total=4))
    with FakeServer(lambda seen: Answer(200, [], [b"ok"])) as other:
        await together(transport, vendor, 5)
        await until(lambda: len(vendor.open) == 3)
        await together(transport, other, 3)
        await until(lambda: len(vendor.open) + len(other.open) == 4)
        assert len(other.open) == 3, "the oldest go first, whosever they are"
        assert transport.pool.idle_count == 4
        before = vendor.accepted + other.accepted
        await ask(transport, vendor)
        await ask(transport, other)
        assert vendor.accepted + other.accepted == before
        await transport.aclose()
        await until(lambda: not vendor.open and not other.open)


async def together(transport: Transport, server: FakeServer, count: int) -> None:
    """So many exchanges at once."""
    gate = Gate()
    server.say(*[Answer(200, [], [b"ok"], before_head=gate)] * count)
    seen = len(server.seen)
    asking = [asyncio.create_task(ask(transport, server)) for _ in range(count)]
    await asyncio.to_thread(server.wait_seen, seen + count)
    gate.open()
    await asyncio.gather(*asking)


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
