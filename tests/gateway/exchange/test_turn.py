from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gateway.exchange.turn import Turn

STREAM = [(b"content-type", b"text/event-stream; charset=utf-8")]


class Wire:
    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.left = asyncio.Event()
        self.turn = Turn(b'{"a":1}', self.send, self.left)

    async def send(self, text: str) -> None:
        self.frames.append(json.loads(text))

    async def answer(self, *pieces: bytes, status: int = 200, headers: Any = STREAM) -> list[Any]:
        await self.turn.send({"type": "http.response.start", "status": status, "headers": headers})
        for piece in pieces:
            await self.turn.send({"type": "http.response.body", "body": piece, "more_body": True})
        await self.turn.send({"type": "http.response.body", "body": b"", "more_body": False})
        return self.frames


def event(name: str, **fields: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()


async def test_the_body_comes_once_then_the_leaving() -> None:
    wire = Wire()
    assert (await wire.turn.receive())["body"] == b'{"a":1}'
    waiting = asyncio.ensure_future(wire.turn.receive())
    await asyncio.sleep(0)
    assert not waiting.done()
    wire.left.set()
    assert (await waiting)["type"] == "http.disconnect"


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_every_event_is_a_frame_however_it_is_cut(size: int) -> None:
    wire = Wire()
    data = event("response.created") + b": ping\n\n" + event("response.completed", response={"id": "r"})
    data += b"data: [DONE]\n\n"
    frames = await wire.answer(*[data[at : at + size] for at in range(0, len(data), size)])
    assert [frame["type"] for frame in frames] == ["response.created", "response.completed"]
    assert json.loads(wire.turn.response or b"") == {"id": "r"}
    assert wire.turn.is_over and not wire.turn.has_failed


async def test_events_without_names_are_known_by_their_type() -> None:
    wire = Wire()
    await wire.answer(b'data: {"type":"response.completed","response":{"id":"r"}}')
    assert wire.turn.response is not None


async def test_a_failed_response_is_none_to_go_on_from() -> None:
    wire = Wire()
    await wire.answer(event("response.created"), event("response.failed", response={"id": "r"}))
    assert wire.turn.has_failed and wire.turn.response is None


async def test_a_refusal_is_an_error_frame() -> None:
    wire = Wire()
    body = b'{"error": {"message": "no", "type": "t", "param": null, "code": "c"}}'
    (frame,) = await wire.answer(
        body[:9], body[9:], status=404, headers=[(b"content-type", b"application/json")]
    )
    assert (frame["type"], frame["status"], frame["error"]["code"]) == ("error", 404, "c")
    assert wire.turn.response is None


async def test_an_answer_that_came_whole_is_its_last_event() -> None:
    wire = Wire()
    (frame,) = await wire.answer(b'{"id": "r"}', headers=[(b"content-type", b"application/json")])
    assert (frame["type"], frame["response"]) == ("response.completed", {"id": "r"})
    assert wire.turn.response == b'{"id": "r"}'
