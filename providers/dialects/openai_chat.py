"""OpenAI Chat Completions as it stands on the wire: fields, usage, errors, chunks. Pure."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import orjson

from providers.dialects.openai_errors import error_body, error_object, failure_from_object
from providers.dialects.openai_fields import (
    OpenAiCall,
    UsageReader,
    count_or_none,
    text_or_none,
    without_lone_surrogates,
)
from providers.dialects.types import NO_VALUE, CallFields, Failure, Usage, long_values

__all__ = [
    "DONE",
    "KEEPALIVE",
    "Chunk",
    "StreamTotals",
    "asks_for_stream",
    "decode_chunk",
    "error_body",
    "read_call",
    "read_totals",
    "reasoning_tokens",
    "stream_error",
    "usage_from",
    "usage_object",
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


class Delta(msgspec.Struct):
    """A message or a piece of one. `reasoning_content` and `reasoning` are common extensions."""

    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    annotations: Any = None


class Choice(msgspec.Struct):
    index: int = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: Any = None
    stop_reason: Any = None  # of vLLM and its kin: the stop sequence that was met


class Chunk(msgspec.Struct):
    """A stream chunk or a whole completion: what translation needs of it."""

    id: Any = None
    model: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None


_call_decoder = msgspec.json.Decoder(_Call)
_chunk_decoder = msgspec.json.Decoder(Chunk)


_usage = UsageReader("prompt_tokens", "completion_tokens")
usage_from, reasoning_tokens, read_totals = _usage.usage, _usage.reasoning, _usage.totals


def asks_for_stream(query: bytes) -> bool:
    """`?stream=true` or `=1` asks for a stream whatever the body says; another value asks for nothing."""
    return any(pair in (b"stream=true", b"stream=1") for pair in query.split(b"&"))


def read_call(body: bytes) -> CallFields:
    """The fields the road needs, from a request body. Never raises."""
    try:
        call = _call_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return CallFields(is_readable=False)
    max_tokens = count_or_none(call.max_completion_tokens)
    return call.fields(
        count_or_none(call.max_tokens) if max_tokens is None else max_tokens,
        choices=max(1, count_or_none(call.n) or 1),
        long=long_values(call.tools, call.response_format, call.messages),
    )


def decode_chunk(data: bytes) -> Chunk:
    """One chunk or whole completion. Raises `msgspec.DecodeError` when it is none."""
    try:
        return _chunk_decoder.decode(data)
    except msgspec.DecodeError:
        return _chunk_decoder.decode(without_lone_surrogates(data))


def usage_object(usage: Usage, reasoning: int = 0) -> dict[str, Any]:
    """Our usage as a complete Chat `usage` object."""
    written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    prompt = usage.input_tokens + usage.cache_read_tokens + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": written,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


class StreamTotals:
    """Watches a stream go by: usage, model, error, and whether it has come to its end.

    Parses only events that can carry one of these. Never raises: what it can't read, it passes by.
    """

    __slots__ = ("failure", "is_finished", "model", "usage")

    def __init__(self) -> None:
        self.usage = Usage()
        self.model: str | None = None
        self.failure: Failure | None = None
        self.is_finished = False  # a finish reason, `[DONE]` or an error was seen

    def see(self, name: bytes, data: bytes) -> None:
        if data.startswith(b"[DONE]"):
            self.is_finished = True
            return
        if self.model is not None and not may_matter(data):
            return
        try:
            chunk = decode_chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        self.model = self.model or text_or_none(chunk.model)
        self.usage = usage_from(chunk.usage) or self.usage
        if chunk.error:
            self.failure, self.is_finished = failure_from_object(chunk.error), True
        elif any(choice.finish_reason for choice in chunk.choices or ()):
            self.is_finished = True


_MATTERS = re.compile(rb'"(?:usage|finish_reason)"\s*:\s*[^n\s]|"error"')


def may_matter(data: bytes) -> bool:
    """Whether a chunk may carry usage, a finish reason or an error (text may say so too)."""
    return _MATTERS.search(data) is not None


def stream_error(failure: Failure) -> bytes:
    """An error in the middle of a stream. Nothing follows it: no finish reason, no `[DONE]`."""
    return b"data: " + orjson.dumps({"error": error_object(failure)}) + b"\n\n"
