"""OpenAI Responses as it stands on the wire: fields, usage, errors, events. Pure."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import orjson

from providers.dialects.openai_errors import TOO_LONG, error_body, failure_from_object, words
from providers.dialects.openai_fields import (
    OpenAiCall,
    UsageReader,
    count_or_none,
    member,
    text_or_none,
    without_lone_surrogates,
)
from providers.dialects.types import NO_VALUE, CallFields, Failure, FailureKind, Usage, long_values

__all__ = [
    "KEEPALIVE",
    "TERMINAL",
    "Event",
    "StreamTotals",
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
]

KEEPALIVE = b": ping\n\n"
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


class Event(msgspec.Struct):
    """One stream event: what translation needs of it."""

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
usage_from, reasoning_tokens, read_totals = _usage.usage, _usage.reasoning, _usage.totals


def read_call(body: bytes) -> CallFields:
    """The fields the road needs, from a request body. Never raises."""
    try:
        call = _call_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return CallFields(is_readable=False)
    return call.fields(
        count_or_none(call.max_output_tokens),
        long=long_values(call.instructions, call.tools, call.text, call.input),
    )


def decode_event(data: bytes) -> Event:
    """One event. Raises `msgspec.DecodeError` when it is none."""
    try:
        return _event_decoder.decode(data)
    except msgspec.DecodeError:
        return _event_decoder.decode(without_lone_surrogates(data))


def usage_object(usage: Usage, reasoning: int = 0) -> dict[str, Any]:
    """Our usage as a complete Responses `usage` object: Codex needs both details objects."""
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
    """Watches a stream go by: usage, model, error, and whether it has come to its end.

    Parses only the first and the terminal events. Never raises: what it can't read, it passes by.
    """

    __slots__ = ("events_seen", "failure", "is_finished", "model", "response", "usage")

    def __init__(self) -> None:
        self.events_seen = 0
        self.response: dict[str, Any] = {}  # as the stream first told it
        self.usage = Usage()
        self.model: str | None = None
        self.failure: Failure | None = None
        self.is_finished = False  # a terminal event was seen

    def see(self, name: bytes, data: bytes) -> None:
        self.events_seen += 1
        if not _matters(name, data):
            return
        try:
            event = decode_event(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if isinstance(event.response, dict):
            self.response = self.response or event.response
            self.model = text_or_none(event.response.get("model")) or self.model
            self.usage = usage_from(event.response.get("usage")) or self.usage
        if event.type in TERMINAL:
            self.is_finished = True
            self.failure = failure_of(event)


_TERMINAL = re.compile(rb'"type"\s*:\s*"(?:response\.(?:created|completed|incomplete|failed)|error)"')
_WATCHED = frozenset(name.encode() for name in TERMINAL | {"response.created"})


def _matters(name: bytes, data: bytes) -> bool:
    return name in _WATCHED if name else _TERMINAL.search(data) is not None


def failure_of(event: Event) -> Failure | None:
    """What a terminal event says went wrong; None for a success."""
    if event.type == "response.failed":
        error = member(event.response, "error")
        return failure_from_object(error or "The upstream's response failed")
    if event.type == "error":
        bare = {"message": event.message, "code": event.code, "param": event.param}
        return failure_from_object(event.error or bare)
    return None


def cut_off(totals: StreamTotals, failure: Failure) -> bytes:
    """The end of a stream that passed by and broke off: `response.failed` for the response it was about."""
    if totals.is_finished:
        return b""
    response, number, begun = totals.response, totals.events_seen, b""
    if not response:  # clients take no event before `response.created`
        response = {"id": "resp_failed", "object": "response", "created_at": 0, "model": "", "output": []}
        created = {"type": "response.created", "sequence_number": number}
        begun = event_bytes(
            "response.created", {**created, "response": {**response, "status": "in_progress"}}
        )
        number += 1
    return begun + failed_event(failure, response, number)


def event_bytes(type_name: str, payload: dict[str, Any]) -> bytes:
    """One event with both lines. `payload` already holds `type` and `sequence_number`."""
    return b"event: " + type_name.encode() + b"\ndata: " + orjson.dumps(payload) + b"\n\n"


def response_error(failure: Failure) -> dict[str, Any]:
    """`response.error`: `{"code", "message"}`."""
    code = failure.code or _CODES.get(failure.kind, "server_error")
    if failure.kind is FailureKind.INVALID_REQUEST and words(failure)[1] == TOO_LONG:
        code = TOO_LONG
    return {"code": code, "message": failure.message}


def failed_event(failure: Failure, response: dict[str, Any], sequence_number: int) -> bytes:
    """`response.failed`, the only error form that Codex acts on (a bare `error` event is ignored).

    `response` is the response object as far as it is known; its status and error are set here.
    """
    failed = {**response, "status": "failed", "error": response_error(failure)}
    payload = {"type": "response.failed", "sequence_number": sequence_number, "response": failed}
    return event_bytes("response.failed", payload)
