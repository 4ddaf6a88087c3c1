"""OpenAI Responses over a WebSocket, as it stands on the wire: what a client sends, and the frames that answer.

Pure. A client's message is a JSON object with a `type`; `response.create` has the fields of a Responses body beside
it. The answer's events are those of the stream, one frame each, without the lines of server-sent events.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from providers.dialects.envelopes import read_object, write_object
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.openai_steering import STEER, Steer
from providers.dialects.openai_steering import read as read_steer
from providers.dialects.types import Failure, FailureKind, Headers, Refused

CREATE = "response.create"
PROCESSED = "response.processed"
"""Codex says with it that it has read an answer; nothing answers it."""
LIFETIME_SECONDS = 3600.0
"""The vendor's bound on one connection."""
LIMIT_REACHED = "websocket_connection_limit_reached"
NOT_FOUND_CODE = "previous_response_not_found"
LONGEST_LANE = 256
_TRANSPORT_FIELDS = (
    "type",
    "event_id",
    "generate",
    "stream",
    "stream_id",
    "background",
    "background_options",
)
"""Fields of a message that are not the call's: how it travels is settled."""
_TOLD_HEADERS = frozenset(
    (b"retry-after", b"retry-after-ms", b"x-should-retry", b"x-request-id", b"x-gateway-request-id")
)


class Create(msgspec.Struct, frozen=True):
    """One `response.create`: a Responses body that asks for a stream, and what the connection must know of it."""

    body: bytes
    previous_response_id: str | None = None
    is_stored: bool = True  # `store` is not false
    is_generated: bool = True  # `generate` is not false: else only an id is wanted, to be continued
    stream_id: str | None = None  # the lane: calls of one are answered one after the other


class _Asked(msgspec.Struct):
    type: Any = None
    generate: Any = None
    store: Any = None
    previous_response_id: Any = None
    stream_id: Any = None


_decoder = msgspec.json.Decoder(_Asked)


def read_message(text: str | bytes) -> Create | Steer | None:
    """Return what a message asks for; None for one that wants no answer. Raises `Refused`."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        asked = tolerant(_decoder.decode, data)
    except UNREADABLE as exc:
        raise _refused("the message must be a JSON object with a type", None) from exc
    if asked.type == PROCESSED:
        return None
    if asked.type == STEER:
        return read_steer(data)
    if asked.type != CREATE:
        words = f"type: must be {CREATE!r} or {STEER!r}; other messages are not understood here"
        raise _refused(words, "type")
    lane = asked.stream_id
    if lane is not None and not (
        isinstance(lane, str) and 0 < len(lane) <= LONGEST_LANE and lane.isprintable()
    ):
        raise _refused(f"stream_id: must be a text of 1 to {LONGEST_LANE} characters", "stream_id")
    fields = {
        name: bytes(value) for name, value in read_object(data).items() if name not in _TRANSPORT_FIELDS
    }
    previous = asked.previous_response_id
    return Create(
        write_object({**fields, "stream": b"true"}),
        previous if isinstance(previous, str) else None,
        asked.store is not False,
        asked.generate is not False,
        lane,
    )


def type_of(data: bytes) -> bytes:
    """Return the type of an event that has no `event:` line; b"" when it can't be read."""
    try:
        kind = tolerant(_decoder.decode, data).type
    except UNREADABLE:
        return b""
    return kind.encode() if isinstance(kind, str) else b""


class _Named(msgspec.Struct):
    id: Any = None


class _Begun(msgspec.Struct):
    response: _Named = msgspec.field(default_factory=_Named)


_begun_decoder = msgspec.json.Decoder(_Begun)


def response_id_of(data: bytes) -> str | None:
    """Return the id of the response that an event tells of."""
    try:
        name = tolerant(_begun_decoder.decode, data).response.id
    except UNREADABLE:
        return None
    return name if isinstance(name, str) else None


def _refused(message: str, param: str | None) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=param))


def error_frame(status: int, headers: Headers, body: bytes) -> str:
    """Return a refusal, as it would be over HTTP, as a frame.

    A `previous_response_id` that is not found is a 400 here, as at the vendor's.
    """
    try:
        told = tolerant(orjson.loads, body)
    except UNREADABLE:
        told = None
    error = told.get("error") if isinstance(told, dict) else None
    if not isinstance(error, dict):
        error = {"message": body.decode("utf-8", "replace") or f"The answer was {status}"}
    whole = {"type": "server_error", "code": None, "message": "", "param": None, **error}
    if whole["code"] == NOT_FOUND_CODE:
        status = 400
    frame: dict[str, Any] = {"type": "error", "status": status, "error": whole}
    kept = {name.decode(): value.decode("latin-1") for name, value in headers if name in _TOLD_HEADERS}
    if kept:
        frame["headers"] = kept
    return orjson.dumps(frame).decode()


def lifetime_frame() -> str:
    """Return what a connection is told that has lived as long as one may."""
    error = {
        "type": "invalid_request_error",
        "code": LIMIT_REACHED,
        "message": "This connection has reached its limit of 60 minutes: open a new one to go on.",
        "param": None,
    }
    return orjson.dumps({"type": "error", "status": 400, "error": error}).decode()


def whole_frame(response: bytes) -> bytes:
    """Return the closing event of an answer that came whole instead of as a stream."""
    return b'{"type":"response.completed","sequence_number":0,"response":%b}' % response
