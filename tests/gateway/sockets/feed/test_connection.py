"""One connection: its filters, what its client may say, how it ends."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from gateway.kernel.asking import BadParameter
from gateway.sockets.feed import connection
from gateway.sockets.feed.connection import Connections, read_query
from gateway.sockets.feed.viewer import Viewer, pieces
from gateway.usage.requests import filters

SECONDS = 30.0
CALL = uuid.UUID("0199f3a2-0000-7000-8000-000000000001")


class Room:
    """Stands where the feed is: who has joined, and whether there is room."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.is_full = is_full
        self.viewers: list[Viewer] = []

    def join(self, viewer: Viewer) -> bool:
        self.viewers += [] if self.is_full else [viewer]
        return not self.is_full

    def leave(self, viewer: Viewer) -> None:
        if viewer in self.viewers:
            self.viewers.remove(viewer)


def offer(viewer: Viewer, number: int) -> None:
    viewer.offer(pieces([b"%d" % number]), 0)
    flush(viewer)


def flush(viewer: Viewer) -> None:
    viewer.flush(asyncio.get_running_loop().time() + 3600)


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def opened(room: Room, query: str = "") -> AsyncIterator[WebsocketCommunicator]:
    client = WebsocketCommunicator(Connections(room), f"/ws/feed{query}")  # type: ignore[arg-type]
    is_open, _ = await client.connect(SECONDS)
    assert is_open
    yield client
    await client.disconnect(timeout=SECONDS)
    assert room.viewers == []


async def frame(client: WebsocketCommunicator) -> Any:
    return json.loads(await client.receive_from(SECONDS))


async def code(client: WebsocketCommunicator) -> int:
    told = await client.receive_output(SECONDS)
    assert told["type"] == "websocket.close"
    return int(told["code"])


async def test_calls_are_sent_as_they_come() -> None:
    room = Room()
    async with opened(room, "?status=ok&person=") as client:
        await until(lambda: room.viewers[0].put)
        offer(room.viewers[0], 1)
        assert await frame(client) == {"type": "calls", "data": [1], "skipped": 0}
        room.viewers[0].ping()
        assert await frame(client) == {"type": "ping"}


async def test_a_server_that_can_send_at_once_is_asked_to() -> None:
    sent_on: list[bytes] = []
    room = Room()
    client = WebsocketCommunicator(Connections(room), "/ws/feed")  # type: ignore[arg-type]
    client.scope["state"] = {"put": lambda text: sent_on.append(text) is None}
    assert (await client.connect(SECONDS))[0]
    await until(lambda: room.viewers[0].put)
    offer(room.viewers[0], 1)
    assert sent_on == [b'{"type":"calls","data":[1],"skipped":0}']
    await client.disconnect(timeout=SECONDS)


async def test_without_such_a_server_one_text_is_sent_after_the_other() -> None:
    gate, sent = asyncio.Event(), list[Any]()

    async def send(message: Any) -> None:
        await gate.wait()
        sent.append(message)

    async with connection.Putting(send) as putting:
        assert putting(b"1") and not putting(b"2")
        gate.set()
        await until(lambda: sent)
        await until(lambda: putting(b"3"))
        await until(lambda: len(sent) == 2)
    assert [message["text"] for message in sent] == ["1", "3"]


async def test_a_client_may_pause() -> None:
    room = Room()
    async with opened(room) as client:
        viewer = room.viewers[0]
        await client.send_to(text_data='{"type": "pause"}')
        await until(lambda: viewer.is_paused)
        offer(viewer, 1)
        await client.send_to(text_data=' {"type":"resume"}')
        await until(lambda: not viewer.is_paused)
        flush(viewer)
        assert await frame(client) == {"type": "calls", "data": [], "skipped": 1}


@pytest.mark.parametrize(
    "said",
    ["pause", "[]", '{"type": "stop"}', '{"type": "pause", "x": 1}', '{"type": 1}', '"pause"',
     '{"type": "pause"' + " " * 4096 + "}", '{"type": "' + "\u20ac" * 2000 + '"}'],
)  # fmt: skip
async def test_anything_else_is_no_language_of_ours(said: str) -> None:
    async with opened(Room()) as client:
        await client.send_to(text_data=said)
        assert await code(client) == 1008


async def test_bytes_are_none_either() -> None:
    async with opened(Room()) as client:
        await client.send_to(bytes_data=b'{"type": "pause"}')
        assert await code(client) == 1008


async def test_who_may_not_look_any_more_is_shut_out() -> None:
    room = Room()
    async with opened(room) as client:
        room.viewers[0].lost.set()
        assert await code(client) == 4403


async def test_there_is_no_room_for_more() -> None:
    async with opened(Room(is_full=True)) as client:
        assert await code(client) == 1013


async def test_a_reader_who_has_stopped_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.01)
    dropped = asyncio.Event()

    async def send(_: Any) -> None:
        await asyncio.Event().wait()

    await connection.close({"state": {"abort": dropped.set}}, send, 4403)
    assert dropped.is_set()


async def test_a_filter_that_nobody_knows_is_named_before_the_upgrade() -> None:
    client = WebsocketCommunicator(Connections(Room()), "/ws/feed?colour=red")  # type: ignore[arg-type]
    client.scope["extensions"] = {"websocket.http.response": {}}
    await client.send_input({"type": "websocket.connect"})
    start, body = await client.receive_output(SECONDS), await client.receive_output(SECONDS)
    assert start["status"] == 400 and b"colour: unknown parameter" in body["body"]


@pytest.mark.parametrize(
    "query", [b"after=1", b"status=quick", b"from=soon", b"limit=1", b"q=%00", b"since=1", b"since=yesterday"]
)
def test_filters_are_those_of_the_list(query: bytes) -> None:
    with pytest.raises(BadParameter):
        read_query(query)
    assert read_query(b"model=claude-x&q=&since=") == (filters.read({"model": "claude-x"}), None)
    assert read_query(f"since={CALL}".encode()) == (filters.read({}), CALL)
