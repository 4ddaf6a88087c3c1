"""Make the answers of a rehearsed fault: what a vendor would send, in the dialect that it was asked in."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import httpx

from gateway.rehearsals.models import Fault
from gateway.relay import errors
from providers.dialects import eventstream
from providers.dialects.types import Failure, FailureKind, WireRequest

RETRY_AFTER_SECONDS = 20.0
ID = "req_rehearsal"
TEXT = "This is the beginning of an answer that will not come to its"
SILENT = "peer closed connection without sending complete message body (incomplete chunked read)"
REFUSALS = {
    Fault.LIMIT: (
        429,
        Failure(
            FailureKind.RATE_LIMIT,
            "This request would exceed your account's rate limit. Please try again later.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        ),
    ),
    Fault.OVERLOADED: (529, Failure(FailureKind.OVERLOADED, "Overloaded")),
    Fault.BROKEN: (500, Failure(FailureKind.INTERNAL, "Internal server error")),
}
BEDROCK_EVENTS = "application/vnd.amazon.eventstream"


class Body(httpx.AsyncByteStream):
    """Pieces of an answer; then silence until the rehearsal ends, or at once, the connection breaks."""

    def __init__(self, pieces: tuple[bytes, ...], until: asyncio.Event | None = None) -> None:
        self._pieces = pieces
        self._until = until

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._until is not None:
            await self._until.wait()
        raise httpx.RemoteProtocolError(SILENT)


class Whole(httpx.AsyncByteStream):
    """A body that comes at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


def answer(fault: str, dialect: str, request: WireRequest, ended: asyncio.Event) -> httpx.Response:
    """Return the head of the answer to a request of a dialect, with what there is of its body."""
    if fault in REFUSALS:
        status, failure = REFUSALS[Fault(fault)]
        told = errors.render(status, failure, dialect, ID)
        return httpx.Response(told.status, headers=list(told.headers), stream=Whole(told.body))
    is_stream = asks_for_stream(request)
    headers = [(b"content-type", _media_type(dialect, is_stream=is_stream)), (b"request-id", ID.encode())]
    if fault == Fault.STALL:
        return httpx.Response(200, headers=headers, stream=Body((), ended))
    return httpx.Response(200, headers=headers, stream=Body(_begun(dialect, is_stream=is_stream)))


def dialect_of(request: WireRequest, dialect: str) -> str:
    """Return the dialect that an answer to this request has: InvokeModel's frames it asks for by its path."""
    return "bedrock" if b"/model/" in request.path and b"/invoke" in request.path else dialect


def asks_for_stream(request: WireRequest) -> bool:
    """Tell whether a request asks for a stream: by its path at the clouds, else in its body."""
    if b"stream" in request.path.lower():
        return True
    try:
        asked = json.loads(request.body)
    except ValueError:
        return False
    return isinstance(asked, dict) and asked.get("stream") is True


def _media_type(dialect: str, *, is_stream: bool) -> bytes:
    if not is_stream:
        return b"application/json"
    return BEDROCK_EVENTS.encode() if dialect == "bedrock" else b"text/event-stream; charset=utf-8"


def _begun(dialect: str, *, is_stream: bool) -> tuple[bytes, ...]:
    """Return the beginning of an answer with some content in it."""
    if not is_stream:
        return (
            b'{"id": "rehearsal", "type": "message", "content": [{"type": "text", "text": "' + TEXT.encode(),
        )
    if dialect == "openai_chat":
        delta = {"role": "assistant", "content": TEXT}
        chunk = {
            "id": "chatcmpl-rehearsal",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "rehearsal",
        }
        return (_event("", {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}),)
    if dialect == "openai_responses":
        return _response_events()
    events = _message_events()
    if dialect == "bedrock":
        return tuple(_frame(event) for event in events)
    return tuple(_event(str(event["type"]), event) for event in events)


def _message_events() -> list[dict[str, object]]:
    message: dict[str, object] = {
        "id": "msg_rehearsal", "type": "message", "role": "assistant", "model": "rehearsal", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 0, "output_tokens": 0},
    }  # fmt: skip
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
    ]


def _response_events() -> tuple[bytes, ...]:
    response = {
        "id": "resp_rehearsal", "object": "response", "created_at": 1, "status": "in_progress", "model": "rehearsal",
        "output": [],
    }  # fmt: skip
    item = {
        "id": "msg_rehearsal",
        "type": "message",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    part = {"type": "output_text", "text": "", "annotations": []}
    place = {"item_id": "msg_rehearsal", "output_index": 0, "content_index": 0}
    events: list[dict[str, object]] = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        {"type": "response.output_text.delta", **place, "delta": TEXT},
    ]
    numbered = ({**event, "sequence_number": number} for number, event in enumerate(events))
    return tuple(_event(str(event["type"]), event) for event in numbered)


def _event(name: str, data: dict[str, object]) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _frame(event: dict[str, object]) -> bytes:
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    names = (
        (b":message-type", b"event"),
        (b":event-type", b"chunk"),
        (b":content-type", b"application/json"),
    )
    return eventstream.encode(eventstream.encode_headers(names), payload)
