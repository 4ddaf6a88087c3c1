"""Write an answer in the Chat Completions dialect, streamed or whole.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from providers.dialects import openai_chat
from providers.dialects.types import Failure
from providers.translation.common.parts import CALL_KINDS, Outcome, Part, PartKind


@dataclass(frozen=True, slots=True)
class ChatHead:
    """The fields of the completion beside the answer."""

    id: str
    created: int  # Unix seconds
    model: str  # as the caller named it
    has_usage: bool  # the caller asked for usage in the stream
    restore_name: Callable[[str], str]  # the caller's own name of a tool


def whole_completion(head: ChatHead, parts: list[Part], outcome: Outcome) -> bytes:
    """Return the answer to a call that was not streamed.

    Reasoning has no place in this dialect.
    """
    texts = [part.text for part in parts if part.kind is PartKind.TEXT]
    refusals = [part.text for part in parts if part.kind is PartKind.REFUSAL]
    calls = [_tool_call(head, part) for part in parts if part.kind in CALL_KINDS]
    notes = [chat_annotation(note) for part in parts for note in part.annotations]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not (calls or refusals) else None,
        "refusal": "".join(refusals) or None,
        "annotations": notes,
    }
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": outcome.reason}
    completion = {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [choice],
        "usage": openai_chat.usage_object(outcome.usage, outcome.reasoning_tokens),
    }
    return orjson.dumps(completion)


def _tool_call(head: ChatHead, part: Part) -> dict[str, Any]:
    name = head.restore_name(part.name)
    if part.kind is PartKind.CUSTOM:
        return {"id": part.id, "type": "custom", "custom": {"name": name, "input": part.text}}
    return {"id": part.id, "type": "function", "function": {"name": name, "arguments": part.text or "{}"}}


def chat_annotation(note: Any) -> Any:
    """Return a Responses annotation in Chat's form: the fields of a citation one level deeper."""
    if isinstance(note, dict) and note.get("type") == "url_citation" and "url_citation" not in note:
        return {"type": "url_citation", "url_citation": {k: v for k, v in note.items() if k != "type"}}
    return note


class ChatWriter:
    """A sink that writes Chat chunks.

    Tool calls are counted on their own, from 0.
    """

    def __init__(self, head: ChatHead) -> None:
        self._head = head
        self._out = bytearray()
        self._call_index = -1
        start = {
            "id": head.id,
            "object": "chat.completion.chunk",
            "created": head.created,
            "model": head.model,
        }
        self._start = b"data: " + orjson.dumps(start)[:-1] + b',"choices":[{"index":0,"delta":'
        self._finish = b',"logprobs":null,"finish_reason":null}]' + (
            b',"usage":null}' if head.has_usage else b"}"
        )
        self._usage_start = b"data: " + orjson.dumps(start)[:-1] + b',"choices":[],"usage":'

    def begin(self) -> None:
        self._delta({"role": "assistant", "content": "", "refusal": None})

    def open(self, part: Part) -> None:
        if part.kind not in CALL_KINDS:
            return
        self._call_index += 1
        name = self._head.restore_name(part.name)
        call: dict[str, Any] = {"index": self._call_index, "id": part.id}
        if part.kind is PartKind.CUSTOM:
            call.update(type="custom", custom={"name": name, "input": ""})
        else:
            call.update(type="function", function={"name": name, "arguments": ""})
        self._delta({"tool_calls": [call]})

    def delta(self, part: Part, text: str) -> None:
        kind = part.kind
        if kind is PartKind.TEXT:
            self._out += self._start + b'{"content":' + orjson.dumps(text) + b"}" + self._finish + b"\n\n"
        elif kind is PartKind.TOOL:
            self._delta({"tool_calls": [{"index": self._call_index, "function": {"arguments": text}}]})
        elif kind is PartKind.CUSTOM:
            self._delta({"tool_calls": [{"index": self._call_index, "custom": {"input": text}}]})
        elif kind is PartKind.REFUSAL:
            self._delta({"refusal": text})

    def close(self, part: Part) -> None:
        if part.kind is PartKind.TOOL and not part.fragments:
            self.delta(part, "{}")
        if part.annotations:
            self._delta({"annotations": [chat_annotation(note) for note in part.annotations]})

    def end(self, outcome: Outcome) -> None:
        reason = b',"logprobs":null,"finish_reason":' + orjson.dumps(outcome.reason) + b"}]"
        self._out += (
            self._start + b"{}" + reason + (b',"usage":null}' if self._head.has_usage else b"}") + b"\n\n"
        )
        if self._head.has_usage:
            usage = openai_chat.usage_object(outcome.usage, outcome.reasoning_tokens)
            self._out += self._usage_start + orjson.dumps(usage) + b"}\n\n"
        self._out += openai_chat.DONE

    def fail(self, failure: Failure) -> None:
        self._out += openai_chat.stream_error(failure)

    def ping(self) -> bytes:
        return openai_chat.KEEPALIVE

    def take(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def _delta(self, delta: dict[str, Any]) -> None:
        self._out += self._start + orjson.dumps(delta) + self._finish + b"\n\n"
