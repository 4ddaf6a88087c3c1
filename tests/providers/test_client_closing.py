"""Upstreams that close at every moment of an exchange: what was delivered is not repeated, what was not is not lost.

On both event loops: the servers run on uvloop, Django's own on asyncio's.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest
import uvloop

from providers.client import ClientOptions, Transport
from providers.http1 import connection as http1
from tests.fakes.closing import Closing, ClosingServer, Moment, soon

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
CALLS = int(os.environ.get("GATEWAY_TEST_CLOSING_CALLS", "1000"))
"""10,000 in `make test-long`."""
AT_ONCE = 16
LARGE = b"x" * 2**20  # not read at once
NO_CONNECTION = (httpx.ConnectError, httpx.ReadError)
MOMENTS = [
    pytest.param(moment, is_reset, id=f"{moment.name.lower()}-{'reset' if is_reset else 'end'}")
    for moment in Moment
    for is_reset in (False, True)
    if not (
        is_reset and moment >= Moment.STATUS
    )  # a reset throws away what was on its way: nothing can be told
]

Run = Callable[[Awaitable[None]], None]


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield lambda scene: runner.run(asyncio.wait_for(scene, 60))


async def ask(transport: Transport, url: str, call: str, body: bytes = b"x") -> int:
    request = httpx.Request("POST", url, headers=[("x-name", f"call-{call}")], content=body)
    response = await transport.handle_async_request(request)
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        async for _ in response.stream:
            pass
    finally:
        await response.stream.aclose()
    return response.status_code


def closing_at(exchange: int, closing: Closing) -> Callable[[int, int], Closing | None]:
    """The first connection closes in its exchange of that number; all others are kept."""
    return lambda connection, number: closing if (connection, number) == (1, exchange) else None


@pytest.mark.parametrize(("moment", "is_reset"), MOMENTS)
def test_a_fresh_connection_is_never_repeated(run: Run, moment: Moment, is_reset: bool) -> None:
    body = LARGE if moment is Moment.STARTED else b"x"

    async def scene() -> None:
        transport = Transport()
        if moment is Moment.ANSWERED:
            assert await ask(transport, server.url, "1") == 200
        else:
            has_answered = moment >= Moment.STATUS
            with pytest.raises(httpx.RemoteProtocolError if has_answered else NO_CONNECTION):
                await ask(transport, server.url, "1", body)
        assert server.accepted == 1
        assert server.taken["1"] == (moment >= Moment.TAKEN)
        assert await ask(transport, server.url, "2") == 200
        await transport.aclose()

    with ClosingServer(closing_at(1, Closing(moment, is_reset))) as server:
        run(scene())


@pytest.mark.parametrize(("moment", "is_reset"), MOMENTS[2:])
def test_a_kept_connection_that_ends_without_a_byte_is_replaced(
    run: Run, moment: Moment, is_reset: bool
) -> None:
    body = LARGE if moment is Moment.STARTED else b"x"

    async def scene() -> None:
        transport = Transport()
        assert await ask(transport, server.url, "1") == 200
        if moment in (Moment.STATUS, Moment.HEAD, Moment.BODY):
            with pytest.raises(httpx.RemoteProtocolError):
                await ask(transport, server.url, "2")
            assert (server.accepted, server.taken["2"]) == (1, 1)
        else:
            assert await ask(transport, server.url, "2", body) == 200
            assert server.taken["2"] == 1 + (moment is Moment.TAKEN)  # it can't be known that it was read
        assert await ask(transport, server.url, "3") == 200
        assert server.taken["3"] == 1
        await transport.aclose()

    with ClosingServer(closing_at(2, Closing(moment, is_reset))) as server:
        run(scene())


@pytest.mark.parametrize("is_reset", [False, True], ids=["end", "reset"])
def test_what_the_upstream_has_long_had_is_not_sent_again(
    run: Run, is_reset: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1, "STALE_SECONDS", 0.02)

    async def scene() -> None:
        transport = Transport()
        assert await ask(transport, server.url, "1") == 200
        with pytest.raises(httpx.ReadError):
            await ask(transport, server.url, "2")
        assert (server.accepted, server.taken["2"]) == (1, 1)
        await transport.aclose()

    with ClosingServer(closing_at(2, Closing(Moment.TAKEN, is_reset, after_seconds=0.1))) as server:
        run(scene())


def test_once_more_and_no_more(run: Run) -> None:
    """The fresh connection closes too: then it is told."""

    def plan(connection: int, exchange: int) -> Closing | None:
        return None if (connection, exchange) == (1, 1) else Closing(Moment.TAKEN)

    async def scene() -> None:
        transport = Transport()
        assert await ask(transport, server.url, "1") == 200
        with pytest.raises(httpx.ReadError):
            await ask(transport, server.url, "2")
        assert server.accepted == 2
        await transport.aclose()

    with ClosingServer(plan) as server:
        run(scene())


def test_the_second_way_is_a_fresh_connection_however_many_are_kept(run: Run) -> None:
    def plan(connection: int, exchange: int) -> Closing | None:
        return Closing(Moment.STARTED) if connection <= 3 and exchange == 2 else None

    async def scene() -> None:
        transport = Transport()
        first = [ask(transport, server.url, f"first{number}") for number in range(3)]
        assert await asyncio.gather(*first) == [200] * 3
        assert server.accepted == 3
        assert await ask(transport, server.url, "second") == 200
        assert (server.accepted, server.taken["second"]) == (4, 1)
        await transport.aclose()

    with ClosingServer(plan) as server:
        run(scene())


@pytest.mark.long
@pytest.mark.parametrize("is_careless", [False, True], ids=["looks first", "careless"])
def test_connections_that_close_soon_after_their_answers(run: Run, is_careless: bool) -> None:
    """Calls with pauses about as long as the connections live: none fails, none is repeated."""
    numbers = iter(range(CALLS))
    chance = random.Random(55)

    async def caller(transport: Transport, url: str) -> None:
        for number in numbers:
            assert await ask(transport, url, str(number)) == 200
            await asyncio.sleep(chance.uniform(0, 0.004))

    async def scene() -> None:
        transport = Transport(ClientOptions(idle_per_origin=AT_ONCE))
        await asyncio.gather(*(caller(transport, server.url) for _ in range(AT_ONCE)))
        await transport.aclose()

    with ClosingServer(soon(is_careless=is_careless)) as server:
        run(scene())
    assert len(server.taken) == CALLS
    assert set(server.taken.values()) == {1}
    assert server.accepted > CALLS / 20, "hardly any connection closed: the test shows nothing"
