"""The ASGI side of one exchange: bodies, writing, interruptions."""

import asyncio
import gc
import weakref

import pytest

from gateway.exchange.downstream import (
    PIECE_BYTES,
    ClientLeft,
    Downstream,
    Interruption,
    Message,
    Receive,
    Request,
    read_body,
    read_request,
)
from providers.dialects.types import FailureKind, Headers, Refused


def request(*headers: tuple[bytes, bytes]) -> Request:
    return Request("POST", b"/v1/messages", b"", headers, "127.0.0.1")


def messages(*pieces: bytes, leaves: bool = False) -> Receive:
    queue: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": leaves or at < len(pieces) - 1}
        for at, piece in enumerate(pieces)
    ]
    queue.append({"type": "http.disconnect"})

    async def receive() -> Message:
        return queue.pop(0)

    return receive


async def test_the_body_is_the_pieces_in_order() -> None:
    assert await read_body(request(), messages(b"a", b"", b"bc"), 3) == b"abc"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (((b"content-length", b"4"),), FailureKind.TOO_LARGE),
        (((b"content-length", b"-1"),), FailureKind.TOO_LARGE),
        (((b"content-length", b"3"), (b"transfer-encoding", b"chunked")), FailureKind.INVALID_REQUEST),
        (((b"transfer-encoding", b"gzip, chunked"),), FailureKind.INVALID_REQUEST),
    ],
)
async def test_a_length_that_says_no_is_refused_before_reading(headers: Headers, kind: FailureKind) -> None:
    async def never() -> Message:
        raise AssertionError("the body was read")

    with pytest.raises(Refused) as refused:
        await read_body(request(*headers), never, 3)
    assert refused.value.failure.kind is kind


async def test_a_chunked_body_is_refused_on_the_running_count() -> None:
    with pytest.raises(Refused) as refused:
        await read_body(request(), messages(b"ab", b"cd", b"never read"), 3)
    assert refused.value.failure.kind is FailureKind.TOO_LARGE


async def test_a_client_that_leaves_in_its_body_is_told_apart() -> None:
    with pytest.raises(ClientLeft):
        await read_body(request(), messages(b"a", leaves=True), 3)


def test_a_scope_without_raw_path_falls_back_to_the_path() -> None:
    scope = {"method": "GET", "path": "/v1/models/é", "headers": [(b"X-A", b"1")], "client": None}
    seen = read_request(scope)
    assert seen.raw_path == "/v1/models/é".encode()
    assert seen.headers == ((b"x-a", b"1"),)


class Recorded:
    """A server that keeps what it was sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.left: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    async def receive(self) -> Message:
        return await self.left

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    def downstream(self) -> Downstream:
        return Downstream(self.receive, self.send, 0.0, None)


async def test_large_data_leaves_in_pieces() -> None:
    server = Recorded()
    downstream = server.downstream()
    data = bytes(range(256)) * 1024
    await downstream.relay(200, (), is_stream=False)
    await downstream.write(data, 1.0)
    bodies = [message["body"] for message in server.messages[1:]]
    assert b"".join(bodies) == data
    assert max(map(len, bodies)) == PIECE_BYTES


async def test_a_ping_before_the_head_commits_to_a_stream() -> None:
    server = Recorded()
    downstream = server.downstream()
    downstream.keepalive = lambda: b": ping\n\n"
    await downstream.ping(5.0)
    assert [message["type"] for message in server.messages] == ["http.response.start", "http.response.body"]
    assert server.messages[0]["status"] == 200
    assert (b"content-type", b"text/event-stream; charset=utf-8") in server.messages[0]["headers"]
    assert not downstream.has_content
    assert downstream.pinged_at == 5.0


async def test_a_client_that_leaves_interrupts_the_task_that_waits() -> None:
    server = Recorded()
    seen: list[Interruption | None] = []

    async def carry() -> None:
        downstream = server.downstream()
        downstream.was_read(0.0)
        downstream.watch()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(downstream.acknowledge())
        downstream.close()

    task = asyncio.create_task(carry())
    await asyncio.sleep(0)
    server.left.set_result({"type": "http.disconnect"})
    await task
    assert seen == [Interruption.CLIENT_LEFT]
    assert task.cancelling() == 0


async def test_until_the_body_is_in_nobody_else_receives() -> None:
    server = Recorded()
    downstream = server.downstream()
    downstream.watch()
    server.left.set_result({"type": "http.disconnect"})
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert downstream.interruption is None
    downstream.was_read(0.1)
    downstream.watch()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(5)
    assert downstream.acknowledge() is Interruption.CLIENT_LEFT


async def test_a_closed_exchange_and_its_watcher_are_free_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        server = Recorded()
        downstream = server.downstream()
        downstream.was_read(0.0)
        downstream.watch()
        await asyncio.sleep(0)
        downstream.close()
        left = weakref.ref(server)
        del server, downstream
        await asyncio.sleep(0.01)
        assert left() is None
    finally:
        gc.enable()


async def test_a_closed_exchange_is_not_interrupted_any_more() -> None:
    downstream = Recorded().downstream()
    downstream.close()
    downstream.interrupt(Interruption.IDLE)
    await asyncio.sleep(0)
    assert downstream.interruption is None


async def test_cutting_without_the_servers_help_raises() -> None:
    downstream = Recorded().downstream()
    with pytest.raises(ConnectionAbortedError):
        downstream.cut()


async def test_no_ping_leaves_once_the_exchange_is_over() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    downstream = Downstream(messages(), send, 0.0, None)
    downstream.allow_pings(lambda: b": ping\n\n")
    downstream.close()
    await downstream.ping(5.0)
    assert sent == []
