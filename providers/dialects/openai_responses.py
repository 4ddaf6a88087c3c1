"""OpenAI Responses as it stands on the wire: fields, usage, errors, events.

Pure.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

import msgspec
import orjson
from msgspec.structs import replace

from providers.dialects.error_shapes import event_error
from providers.dialects.made import left_by
from providers.dialects.mending import UNREADABLE, pieces, tolerant
from providers.dialects.openai_errors import error_body, failure_from_object, words
from providers.dialects.openai_fields import (
    OpenAiCall,
    UsageReader,
    count_or_none,
    long_values,
    loose_index,
    member,
    priced,
    text_or_none,
)
from providers.dialects.openai_response import Resource
from providers.dialects.overflow import TOO_LONG
from providers.dialects.responses_usage import LARGE, frame_of, guessed, searches_of, tokens_in
from providers.dialects.sse import BARE
from providers.dialects.types import NO_VALUE, UNREAD, CallFields, Failure, FailureKind, Made, Usage

__all__ = [
    "INPUT_TOKENS",
    "KEEPALIVE",
    "TERMINAL",
    "Event",
    "StreamTotals",
    "counted",
    "cut_off",
    "decode_event",
    "error_body",
    "event_bytes",
    "failed_event",
    "failure_of",
    "read_call",
    "read_totals",
    "reasoning_tokens",
    "response_error",
    "usage_from",
    "usage_object",
    "usage_told",
]

KEEPALIVE = b": ping\n\n"
INPUT_TOKENS = b"/v1/responses/input_tokens"
TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})

# The words that `response.error.code` knows and Codex distinguishes; others are retried by it.
_CODES: dict[FailureKind, str] = {
    FailureKind.INVALID_REQUEST: "invalid_prompt",
    FailureKind.AUTHENTICATION: "invalid_api_key",
    FailureKind.BILLING: "insufficient_quota",
    FailureKind.RATE_LIMIT: "rate_limit_exceeded",
    FailureKind.OVERLOADED: "server_is_overloaded",
}


class _Call(OpenAiCall):
    max_output_tokens: Any = None
    instructions: msgspec.Raw = NO_VALUE
    tools: msgspec.Raw = NO_VALUE
    text: msgspec.Raw = NO_VALUE
    input: msgspec.Raw = NO_VALUE
    background: Any = None


class Event(msgspec.Struct):
    """One stream event, with the fields that translation needs."""

    type: str = ""
    response: Any = None
    item: Any = None
    part: Any = None
    delta: Any = None
    text: Any = None
    arguments: Any = None
    input: Any = None
    refusal: Any = None
    annotation: Any = None
    item_id: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    error: Any = None
    code: Any = None
    message: Any = None
    param: Any = None


_call_decoder = msgspec.json.Decoder(_Call)
_event_decoder = msgspec.json.Decoder(Event)

_usage = UsageReader("input_tokens", "output_tokens")
usage_from, usage_told, reasoning_tokens = _usage.usage, _usage.told, _usage.reasoning


def read_totals(body: bytes) -> tuple[str | None, Usage]:
    """Return `(model, usage)` of a whole answer; `(None, UNREAD)` when the body can't be read."""
    model, usage = _usage.totals(body)
    if body.find(b"web_search_call") >= 0 and usage != UNREAD:
        with contextlib.suppress(*UNREADABLE):
            usage = replace(usage, web_searches=searches_of(tolerant(orjson.loads, body)))
    return model, usage


def read_call(body: bytes) -> CallFields:
    """Return the fields that the relay needs, from a request body.

    Never raises.
    """
    is_mended = False
    try:
        call = _call_decoder.decode(body)
    except UNREADABLE:
        is_mended = True
        try:
            call = tolerant(_call_decoder.decode, body)
        except UNREADABLE:
            return CallFields(is_readable=False)
    fields = call.fields(
        count_or_none(call.max_output_tokens),
        long=() if is_mended else long_values(call.instructions, call.tools, call.text, call.input),
    )
    return replace(fields, is_background=True) if call.background is True else fields


def decode_event(data: bytes) -> Event:
    """Decode one event; an odd field of it is read as what it means, or is absent. An error without a type is one too.

    Raises one of `UNREADABLE` when it is no JSON.
    """
    try:
        event = _event_decoder.decode(data)
    except UNREADABLE:
        return _loose_event(tolerant(orjson.loads, data))
    return event if event.type else _loose_event(tolerant(orjson.loads, data))


def _loose_event(value: object) -> Event:
    error = event_error(value)
    if not isinstance(value, dict):
        return Event() if error is None else Event("error", error=error)
    named: dict[str, Any] = {name: value.get(name) for name in Event.__struct_fields__}
    named["type"] = text_or_none(named["type"]) or ("" if error is None else "error")
    if named["type"] == "error":
        named["error"] = error
    named["item_id"] = text_or_none(named["item_id"])
    for name in ("output_index", "content_index", "summary_index"):
        named[name] = loose_index(named[name])
    return Event(**named)


def counted(input_tokens: int) -> bytes:
    """Return the answer to a count."""
    return orjson.dumps({"object": "response.input_tokens", "input_tokens": input_tokens})


def usage_object(usage: Usage, reasoning: int = 0) -> dict[str, Any]:
    """Return our usage as a complete Responses `usage` object: Codex needs both details objects."""
    written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    total_input = usage.input_tokens + usage.cache_read_tokens + written
    return {
        "input_tokens": total_input,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": written,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": total_input + usage.output_tokens,
    }


class StreamTotals:
    """Totals of a stream that passes by: usage, model, error, and whether it has come to its end.

    Parses only the first and the terminal events. Never raises: what it can't read, it passes by.
    """

    __slots__ = (
        "events_seen", "failure", "frame", "is_finished", "made", "model", "repeated", "response", "usage",
    )  # fmt: skip

    def __init__(self) -> None:
        self.made: list[Made] | None = None  # what the answer has made, where somebody wants to know
        self.events_seen = 0
        self.response: dict[str, Any] = {}  # as the stream first told it
        self.usage = UNREAD  # as long as nobody has told it
        self.model: str | None = None
        self.failure: Failure | None = None
        self.is_finished = False  # a terminal event was seen
        self.frame = 0  # bytes of an event around a piece of text; 0: not known
        self.repeated = 0  # bytes of events that tell again what was told in pieces

    def see(self, name: bytes, data: bytes) -> None:
        self.events_seen += 1
        if (name not in _WATCHED) if name else (_TERMINAL.search(data) is None):
            if not self.frame or len(data) > LARGE:
                self._measure(name, data)
            return
        try:
            event = decode_event(data)
        except UNREADABLE:
            for value in pieces(data)[0]:
                self.see(name, value)
            return
        if isinstance(event.response, dict):
            self.response = self.response or event.response
            self.model = text_or_none(event.response.get("model")) or self.model
            told = _usage.told(event.response.get("usage"))
            if told is not None:
                told = replace(told, web_searches=searches_of(event.response))
                self.usage = priced(told, event.response.get("service_tier"))
            elif event.type in TERMINAL and self.usage is UNREAD:
                self.usage = guessed(event.response)
            if self.made is not None and (event.type in TERMINAL or event.response.get("background")):
                self.made += left_by(event.response)
        if event.type in TERMINAL:
            self.is_finished = name != BARE
            self.failure = failure_of(event)

    def _measure(self, name: bytes, data: bytes) -> None:
        self.repeated += len(data) if name.endswith(b".done") else 0
        self.frame = self.frame or frame_of(name, data)

    def written(self, size: int, more_events: int) -> int:
        """Return the tokens that the model has written into events of so many bytes; 0 when it can't be told."""
        return tokens_in(size - self.repeated, self.frame, self.events_seen + more_events)


_TERMINAL = re.compile(rb'"type"\s*:\s*"(?:response\.(?:created|completed|incomplete|failed)|error)"')
_WATCHED = frozenset(name.encode() for name in TERMINAL | {"response.created"}) | {BARE}


def failure_of(event: Event) -> Failure | None:
    """Return the failure that a terminal event tells; None for a success."""
    if event.type == "response.failed":
        error = member(event.response, "error")
        return failure_from_object(error or "The upstream's response failed")
    if event.type == "error":
        bare = {"message": event.message, "code": event.code, "param": event.param}
        return failure_from_object(event.error or bare)
    return None


def cut_off(totals: StreamTotals, failure: Failure) -> bytes:
    """Return the end of a stream that passed by and broke off: `response.failed` for its response.

    b"" when the stream had ended already.
    """
    if totals.is_finished:
        return b""
    response, number, begun = totals.response, totals.events_seen, b""
    if not response:  # clients take no event before `response.created`
        response = Resource("resp_failed", 0, totals.model or "").object("in_progress", [])
        created = {"type": "response.created", "sequence_number": number}
        begun = event_bytes("response.created", {**created, "response": response})
        number += 1
    return begun + failed_event(failure, response, number)


def event_bytes(type_name: str, payload: dict[str, Any]) -> bytes:
    """Return one event with both lines.

    `payload` already holds `type` and `sequence_number`.
    """
    return b"event: " + type_name.encode() + b"\ndata: " + orjson.dumps(payload) + b"\n\n"


def response_error(failure: Failure) -> dict[str, Any]:
    """Return `response.error`: `{"code", "message"}`."""
    code = failure.code or _CODES.get(failure.kind, "server_error")
    if failure.kind is FailureKind.INVALID_REQUEST and words(failure)[1] == TOO_LONG:
        code = TOO_LONG
    return {"code": code, "message": failure.message}


def failed_event(failure: Failure, response: dict[str, Any], sequence_number: int) -> bytes:
    """Return `response.failed`, the only error form that Codex acts on (a bare `error` event is ignored).

    `response` is the response object as far as it is known; its status and error are set here.
    """
    failed = {**response, "status": "failed", "error": response_error(failure)}
    payload = {"type": "response.failed", "sequence_number": sequence_number, "response": failed}
    return event_bytes("response.failed", payload)
