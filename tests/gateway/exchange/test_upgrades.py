"""Handshakes: recognised, read as the head of calls, and refused in due form."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.exchange.downstream import read_request
from gateway.exchange.upgrades import DENIAL, Denial, asks_for_websocket, is_connected, read_handshake
from providers.dialects.types import WireAnswer


@pytest.mark.parametrize(
    ("method", "value", "asks"),
    [("GET", b"WebSocket", True), ("GET", b"h2c", False), ("POST", b"websocket", False)],
)
def test_a_handshake_that_came_as_a_request(method: str, value: bytes, asks: bool) -> None:
    scope = {"method": method, "path": "/", "headers": [(b"upgrade", value)]}
    assert asks_for_websocket(read_request(scope)) is asks


def test_a_handshake_is_the_head_of_the_calls_that_its_messages_make() -> None:
    headers = [
        (b"Authorization", b"Bearer x"), (b"Sec-WebSocket-Key", b"k"), (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"), (b"Content-Length", b"0"), (b"session_id", b"s"), (b"Content-Encoding", b"zstd"),
    ]  # fmt: skip
    read = read_handshake(
        {
            "path": "/v1/responses",
            "raw_path": b"/v1/responses?a=b",
            "query_string": b"a=b",
            "headers": headers,
        }
    )
    assert (read.method, read.raw_path, read.query) == ("POST", b"/v1/responses", b"a=b")
    assert read.headers == (
        (b"authorization", b"Bearer x"), (b"session_id", b"s"),
        (b"content-type", b"application/json"), (b"accept", b"text/event-stream"),
    )  # fmt: skip


@pytest.mark.parametrize(("first", "is_wanted"), [("connect", True), ("disconnect", False)])
async def test_a_handshake_may_be_given_up(first: str, is_wanted: bool) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": f"websocket.{first}"}

    assert await is_connected(receive) is is_wanted


@pytest.mark.parametrize("can_answer", [True, False])
async def test_a_refusal_is_an_answer_or_else_a_close(can_answer: bool) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await Denial({"extensions": {DENIAL: {}} if can_answer else None}, send).answer(
        WireAnswer(404, ((b"a", b"b"),), b"x")
    )
    if can_answer:
        assert sent == [
            {"type": f"{DENIAL}.start", "status": 404, "headers": [(b"a", b"b")]},
            {"type": f"{DENIAL}.body", "body": b"x", "more_body": False},
        ]
    else:
        assert sent == [{"type": "websocket.close", "code": 1008}]
