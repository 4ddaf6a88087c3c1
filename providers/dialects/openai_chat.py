"""OpenAI Chat Completions as it stands on the wire: fields, usage, errors, chunks.

Pure.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import orjson

from providers.dialects.error_shapes import event_error
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.openai_errors import error_body, error_object
from providers.dialects.openai_fields import (
    OpenAiCall,
    UsageReader,
    count_or_none,
    long_values,
    loose_index,
    member,
    usage_object,
)
from providers.dialects.types import NO_VALUE, CallFields, Failure

__all__ = [
    "DONE",
    "KEEPALIVE",
    "Chunk",
    "asks_for_stream",
    "decode_chunk",
    "error_body",
    "read_call",
    "read_totals",
    "reasoning_tokens",
    "stream_error",
    "usage_from",
    "usage_object",
    "usage_told",
]

KEEPALIVE = b": ping\n\n"
DONE = b"data: [DONE]\n\n"


class _Call(OpenAiCall):
    max_tokens: Any = None
    max_completion_tokens: Any = None
    n: Any = None
    tools: msgspec.Raw = NO_VALUE
    response_format: msgspec.Raw = NO_VALUE
    messages: msgspec.Raw = NO_VALUE
    input: msgspec.Raw = NO_VALUE  # of a Responses body


class Function(msgspec.Struct):
    name: Any = None
    arguments: Any = None


class Custom(msgspec.Struct):
    name: Any = None
    input: Any = None


class ToolCall(msgspec.Struct):
    """One entry of `tool_calls`, whole or a fragment."""

    index: int | None = None
    id: Any = None
    type: Any = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Any = None  # Gemini's: the signature of the thought behind the call
    provider_specific_fields: Any = None  # the same through LiteLLM
    thought_signature: Any = None  # and through others


class Delta(msgspec.Struct):
    """A message or a piece of one.

    `reasoning_content`, `reasoning` and `reasoning_details` are common extensions.
    """

    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    annotations: Any = None


class Choice(msgspec.Struct):
    index: int = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: Any = None
    stop_reason: Any = None  # of vLLM and its kin: the stop sequence that was met
    usage: Any = None  # of Kimi: in the last chunk's choice
    error: Any = None  # of OpenRouter: what ended the choice


class Chunk(msgspec.Struct):
    """A stream chunk or a whole completion, with the fields that translation needs."""

    id: Any = None
    model: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    service_tier: Any = None
    x_groq: Any = None

    @property
    def told_usage(self) -> object:
        """Return the `usage` object, wherever this upstream tells it."""
        if self.usage:
            return self.usage
        if self.x_groq is not None and (told := member(self.x_groq, "usage")):
            return told
        return self.choices[0].usage if self.choices else None


def loose_chunk(value: object) -> Chunk:
    """Return what can be understood of a chunk whose fields are not of their types."""
    if not isinstance(value, dict):
        return Chunk(error=event_error(value))
    choices = [_loose_choice(choice) for choice in _dicts(value.get("choices"))]
    named = {name: value.get(name) for name in ("id", "model", "usage", "error", "service_tier", "x_groq")}
    named["error"] = named["error"] or (None if choices else event_error(value))
    return Chunk(choices=choices, **named)


def _loose_choice(value: dict[str, Any]) -> Choice:
    return Choice(
        loose_index(value.get("index")) or 0,
        _loose_delta(value.get("delta")),
        _loose_delta(value.get("message")),
        value.get("finish_reason"),
        value.get("stop_reason"),
        value.get("usage"),
    )


def _loose_delta(value: object) -> Delta | None:
    if not isinstance(value, dict):
        return None
    known = {name: value[name] for name in Delta.__struct_fields__ if name in value}
    calls = value.get("tool_calls")
    known["tool_calls"] = [_loose_call(call) for call in _dicts(calls)]
    known["function_call"] = _loose_function(value.get("function_call"))
    return Delta(**known)


def _loose_call(value: dict[str, Any]) -> ToolCall:
    known = {name: value[name] for name in ToolCall.__struct_fields__ if name in value}
    known["index"] = loose_index(value.get("index"))
    known["function"] = _loose_function(value.get("function"))
    custom = value.get("custom")
    known["custom"] = Custom(custom.get("name"), custom.get("input")) if isinstance(custom, dict) else None
    return ToolCall(**known)


def _loose_function(value: object) -> Function | None:
    return Function(value.get("name"), value.get("arguments")) if isinstance(value, dict) else None


def _dicts(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; of an object in its place the object itself, or those that it numbers."""
    if isinstance(value, dict):
        is_numbered = bool(value) and all(name.isdigit() for name in value)
        value = list(value.values()) if is_numbered else [value] if value else []
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


_call_decoder = msgspec.json.Decoder(_Call)
_chunk_decoder = msgspec.json.Decoder(Chunk)


_usage = UsageReader("prompt_tokens", "completion_tokens")
usage_from, usage_told, reasoning_tokens = _usage.usage, _usage.told, _usage.reasoning
read_totals = _usage.totals


def asks_for_stream(query: bytes) -> bool:
    """Return whether the query asks for a stream: `?stream=true` or `=1`, whatever the body says.

    Another value asks for nothing.
    """
    return query != b"" and any(pair in (b"stream=true", b"stream=1") for pair in query.split(b"&"))


_CHAT_TOOL = re.compile(rb'\A.{0,400}?"function"\s*:', re.DOTALL)
LEAST_TOOLS = 4
"""Bytes of a list of tools that is empty, or null."""


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
    max_tokens = count_or_none(call.max_completion_tokens)
    return call.fields(
        count_or_none(call.max_tokens) if max_tokens is None else max_tokens,
        choices=max(1, count_or_none(call.n) or 1),
        long=() if is_mended else long_values(call.tools, call.response_format, call.messages),
        is_foreign=(len(call.input) > 0 and len(call.messages) == 0)
        or (len(call.tools) > LEAST_TOOLS and _CHAT_TOOL.search(call.tools) is None),
    )


def decode_chunk(data: bytes) -> Chunk:
    """Decode one chunk or whole completion; an odd field of it is read as what it means, or is absent.

    Raises one of `UNREADABLE` when it is no JSON. What is no object (`null`) is an empty chunk.
    """
    try:
        chunk = _chunk_decoder.decode(data)
    except UNREADABLE:
        return loose_chunk(tolerant(orjson.loads, data))
    if not chunk.choices and chunk.usage is None and not chunk.error:
        chunk.error = event_error(tolerant(orjson.loads, data))
    return chunk


def stream_error(failure: Failure) -> bytes:
    """Return an error in the middle of a stream.

    Nothing follows it: no finish reason, no `[DONE]`.
    """
    return b"data: " + orjson.dumps({"error": error_object(failure)}) + b"\n\n"
