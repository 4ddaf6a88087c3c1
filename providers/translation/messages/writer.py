"""Write an answer in the Anthropic Messages dialect, streamed or whole.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from providers.dialects import anthropic
from providers.dialects.mending import UNREADABLE
from providers.dialects.overflow import Overflow, overflow_of
from providers.dialects.types import Failure, FailureKind, Usage
from providers.translation.common.arguments import plain_arguments
from providers.translation.common.parts import CALL_KINDS, Outcome, Part, PartKind

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_REASONING = frozenset({PartKind.REASONING, PartKind.REDACTED})
_PLAIN_ID = re.compile(r"[a-zA-Z0-9_-]+\Z")
_HEX_PREFIX = "hex_"


class Thinking(StrEnum):
    """The share of the model's reasoning that the caller gets."""

    NONE = "none"  # it asked for none: a block of thinking would surprise it
    OMITTED = "omitted"  # signature only
    SHOWN = "shown"


def thinking_of(body: dict[str, Any]) -> Thinking:
    """Return what the caller's `thinking` asks for."""
    wanted = body.get("thinking")
    if not isinstance(wanted, dict) or wanted.get("type") in (None, "disabled"):
        return Thinking.NONE
    return Thinking.OMITTED if wanted.get("display") == "omitted" else Thinking.SHOWN


@dataclass(frozen=True, slots=True)
class MessageHead:
    """The fields of the message beside the answer."""

    id: str
    model: str  # as the caller named it
    estimate: Callable[[], int]  # of the input, in tokens
    restore_name: Callable[[str], str]  # the caller's own name of a tool
    thinking: Thinking = Thinking.SHOWN
    stop_sequences: Sequence[str] = ()  # that the caller gave

    def is_left_out(self, part: Part) -> bool:
        return self.thinking is Thinking.NONE and part.kind in _REASONING and not part.is_carried

    def is_silent(self, part: Part) -> bool:
        return self.thinking is Thinking.OMITTED and part.kind is PartKind.REASONING


def tool_use_id(raw_id: str) -> str:
    """Return an id as Anthropic's API allows it: letters, digits, `_`, `-`.

    `upstream_id` is the way back.
    """
    if _PLAIN_ID.match(raw_id) and not raw_id.startswith(_HEX_PREFIX):
        return raw_id
    return _HEX_PREFIX + raw_id.encode("utf-8", "surrogatepass").hex()


def upstream_id(tool_id: str) -> str:
    """Return the upstream's own id behind a `tool_use_id`."""
    if not tool_id.startswith(_HEX_PREFIX):
        return tool_id
    try:
        return bytes.fromhex(tool_id.removeprefix(_HEX_PREFIX)).decode("utf-8", "surrogatepass")
    except ValueError:
        return tool_id


def usage_object(usage: Usage, thinking_tokens: int = 0) -> dict[str, Any]:
    """Return a complete `usage`: Claude Code mis-accounts when a field of it is missing."""
    written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    seen: dict[str, Any] = {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        },
        "output_tokens": usage.output_tokens,
        "service_tier": "standard",
        "inference_geo": "not_available",
    }
    if thinking_tokens:
        seen["output_tokens_details"] = {"thinking_tokens": thinking_tokens}
    return seen


def stop_reason(outcome: Outcome) -> str:
    if outcome.has_refusal and outcome.reason == "stop":
        return "refusal"
    return _STOP_REASONS.get(outcome.reason, outcome.reason)


def in_anthropics_words(failure: Failure, estimate: Callable[[], int] = int) -> Failure:
    """Return the failure with Anthropic's own wording of a call that does not fit: Claude Code recovers by it.

    A prompt that is too long is compacted, a `max_tokens` that is too large made smaller. `estimate` is asked for the
    input's tokens where the failure does not tell them.
    """
    message = failure.message
    if failure.kind is FailureKind.INVALID_REQUEST:
        found = overflow_of(message, None, failure.code)
        if found is not None:
            message = _too_long(found, message, estimate)
    return Failure(failure.kind, message, retry_after_seconds=failure.retry_after_seconds)


def _too_long(found: Overflow, message: str, estimate: Callable[[], int]) -> str:
    if found.is_output:
        given = estimate() if found.input is None else found.input
        return (
            f"input length and `max_tokens` exceed context limit: {given} + {found.output} > {found.window}, "
            "decrease input length or `max_tokens` and try again"
        )
    if "prompt is too long" in message.lower():
        return message
    if found.input is not None and found.window is not None and found.input > found.window:
        return f"prompt is too long: {found.input} tokens > {found.window} maximum ({message})"
    return f"prompt is too long: {message}"


def ending(head: MessageHead, outcome: Outcome) -> dict[str, Any]:
    """Return `stop_reason` and what belongs to it, as `message_delta` and a whole message hold it."""
    stop, met = stop_reason(outcome), outcome.stop_sequence
    if stop == "end_turn" and met in head.stop_sequences:
        return {"stop_reason": "stop_sequence", "stop_sequence": met, "stop_details": None}
    return {"stop_reason": stop, "stop_sequence": None, "stop_details": None}


NO_END = {"stop_reason": None, "stop_sequence": None, "stop_details": None}


def message_object(
    head: MessageHead, content: list[Any], end: dict[str, Any], usage: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
        **end,
        "usage": usage,
    }


def whole_message(head: MessageHead, parts: list[Part], outcome: Outcome) -> bytes:
    """Return the answer to a call that was not streamed."""
    content = [_block(head, part) for part in parts if not head.is_left_out(part)]
    usage = usage_object(outcome.usage, outcome.reasoning_tokens)
    return orjson.dumps(message_object(head, content, ending(head, outcome), usage))


def _block(head: MessageHead, part: Part) -> dict[str, Any]:
    block = _started(head, part)
    if part.kind in CALL_KINDS:
        block["input"] = tool_input(part.text)
    elif part.kind is PartKind.REASONING:
        block["thinking"] = "" if head.is_silent(part) else part.text
        block["signature"] = part.sealed or ""
    elif part.kind is not PartKind.REDACTED:
        block["text"] = part.text
    return block


def tool_input(arguments: str) -> Any:
    """Return arguments as an object; what is no JSON object is kept under `_raw`, so that nothing is lost."""
    try:
        parsed = orjson.loads(plain_arguments(arguments))
    except UNREADABLE:
        return {"_raw": arguments}
    return parsed if isinstance(parsed, dict) else {"_raw": arguments}


def _started(head: MessageHead, part: Part) -> dict[str, Any]:
    """Return a block as it stands in `content_block_start`."""
    if part.kind in CALL_KINDS:
        name = head.restore_name(part.name)
        tool_id = tool_use_id(part.id)
        return {"type": "tool_use", "id": tool_id, "name": name, "input": {}, "caller": {"type": "direct"}}
    if part.kind is PartKind.REASONING:
        return {"type": "thinking", "thinking": "", "signature": ""}
    if part.kind is PartKind.REDACTED:
        return {"type": "redacted_thinking", "data": part.sealed or ""}
    return {"type": "text", "text": ""}


_DELTAS = {
    PartKind.TEXT: b'"text_delta","text":',
    PartKind.REFUSAL: b'"text_delta","text":',
    PartKind.REASONING: b'"thinking_delta","thinking":',
    PartKind.TOOL: b'"input_json_delta","partial_json":',
    PartKind.CUSTOM: b'"input_json_delta","partial_json":',
}


class MessagesWriter:
    """A sink that writes Anthropic's events: always both lines, blocks one after the other."""

    __slots__ = ("_delta_start", "_head", "_index", "_out")

    def __init__(self, head: MessageHead) -> None:
        self._head = head
        self._out = bytearray()
        self._index = -1
        self._delta_start = b""

    def begin(self) -> None:
        usage = usage_object(Usage(input_tokens=self._head.estimate()))
        message = message_object(self._head, [], NO_END, usage)
        self._event("message_start", {"type": "message_start", "message": message})

    def open(self, part: Part) -> None:
        if self._head.is_left_out(part):
            self._delta_start = b""
            return
        self._index += 1
        block = _started(self._head, part)
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        self._event("content_block_start", start)
        self._delta_start = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":'
            % self._index
        ) + _DELTAS.get(part.kind, b"")
        if self._head.is_silent(part):
            self._delta_start = b""

    def delta(self, part: Part, text: str) -> None:
        if self._delta_start:
            self._out += self._delta_start + orjson.dumps(text) + b"}}\n\n"

    def close(self, part: Part) -> None:
        if self._head.is_left_out(part):
            return
        if part.kind is PartKind.REASONING and part.sealed:
            delta = {"type": "signature_delta", "signature": part.sealed}
            self._event(
                "content_block_delta", {"type": "content_block_delta", "index": self._index, "delta": delta}
            )
        self._event("content_block_stop", {"type": "content_block_stop", "index": self._index})

    def end(self, outcome: Outcome) -> None:
        delta = ending(self._head, outcome)
        usage = usage_object(outcome.usage, outcome.reasoning_tokens)
        self._event("message_delta", {"type": "message_delta", "delta": delta, "usage": usage})
        self._event("message_stop", {"type": "message_stop"})

    def fail(self, failure: Failure) -> None:
        told = in_anthropics_words(failure, self._head.estimate)
        self._out += anthropic.error_event(told)

    def ping(self) -> bytes:
        return anthropic.PING

    def take(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def _event(self, name: str, payload: dict[str, Any]) -> None:
        self._out += b"event: " + name.encode() + b"\ndata: " + orjson.dumps(payload) + b"\n\n"
