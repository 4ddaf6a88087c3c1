"""Turn the lines of a command line into the events of one Messages stream. Pure.

A run with tools of its own is several messages of the model: they become one, without the calls, which are none of
the caller's. The closing events wait for the run's own result: a run that fails at its end has not ended well.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.cli.failing import DIED, NO_JSON, TWICE, CliFailed, failure_of
from providers.dialects import sse

Json = dict[str, Any]

SHOWN_BLOCKS = frozenset(("text", "thinking", "redacted_thinking"))
USAGE = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "cache_creation",
    "output_tokens",
)
MADE_ID = "msg_command_line"


class Telling:
    """One run. `feed` takes a line and returns what leaves; `is_over`: the answer is whole."""

    def __init__(self, model: str) -> None:
        self._model = model
        self.has_begun = False
        self.is_over = False
        self._messages = 0
        self._is_open = False  # within a message
        self._has_content = False  # in the open message
        self._places: dict[int, int] = {}  # block of the open message → block of the answer
        self._blocks = 0
        self._closing: Json | None = None
        self._word: object = None
        self._said: list[str] = []  # by messages that came whole

    def feed(self, line: bytes) -> bytes:
        """Return the events that a line adds. Raises `CliFailed`."""
        if self.is_over or not line.strip():
            return b""
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise CliFailed(NO_JSON) from None
        if not isinstance(told, dict):
            raise CliFailed(NO_JSON)
        kind = told.get("type")
        if kind == "result":
            return self._result(told)
        if told.get("parent_tool_use_id") is not None:  # of an agent below it
            return b""
        if kind == "stream_event" and isinstance(told.get("event"), dict):
            return self._event(told["event"])
        if kind == "assistant":
            self._word = told.get("error") or self._word
            self._said += _texts(told.get("message"))
        return b""

    def finish(self) -> None:
        """Take the end of the output. Raises `CliFailed` when no result had come."""
        if not self.is_over:
            raise CliFailed(DIED)

    def _event(self, event: Json) -> bytes:
        kind = event.get("type")
        if kind == "message_start":
            return self._start(event)
        if kind == "content_block_start":
            return self._block(event)
        if kind in ("content_block_delta", "content_block_stop"):
            place = self._places.get(_index(event))
            return b"" if place is None else _written({**event, "index": place})
        if kind == "message_delta":
            self._closing = event
        elif kind == "message_stop":
            self._is_open = False
        elif kind == "ping" and self.has_begun:
            return _written(event)
        return b""

    def _start(self, event: Json) -> bytes:
        if self._is_open and self._has_content:
            raise CliFailed(TWICE)
        self._messages += not self._is_open
        self._is_open, self._has_content, self._places = True, False, {}
        if self.has_begun:
            return b""
        self.has_begun = True
        return _written(event)

    def _block(self, event: Json) -> bytes:
        block = event.get("content_block")
        if not self.has_begun or not isinstance(block, dict) or block.get("type") not in SHOWN_BLOCKS:
            return b""
        self._has_content = True
        place = self._places[_index(event)] = self._blocks
        self._blocks += 1
        return _written({**event, "index": place})

    def _result(self, told: Json) -> bytes:
        subtype = told.get("subtype")
        is_error = told.get("is_error") is True or (isinstance(subtype, str) and subtype.startswith("error"))
        if is_error:
            text = told.get("result")
            words = text if isinstance(text, str) else orjson.dumps(told.get("errors")).decode()
            raise CliFailed(failure_of(told.get("api_error_status"), self._word, words))
        if self._is_open:
            raise CliFailed(DIED)
        self.is_over = True
        spent = told.get("usage")
        usage: Json = spent if isinstance(spent, dict) else {}
        return self._closed(usage) if self.has_begun else self._made(told, usage)

    def _closed(self, usage: Json) -> bytes:
        closing = self._closing or _closing("end_turn", {"output_tokens": 0})
        if self._messages > 1:
            closing = {**closing, "usage": {**closing.get("usage", {}), **_counts(usage)}}
        return _written(closing) + _written({"type": "message_stop"})

    def _made(self, told: Json, usage: Json) -> bytes:
        """Return the events of an answer that came whole."""
        text = told.get("result")
        words = text if isinstance(text, str) and text else "\n\n".join(self._said)
        counts = {"input_tokens": 0, "output_tokens": 0, **_counts(usage)}
        message: Json = {
            "id": MADE_ID, "type": "message", "role": "assistant", "model": self._model, "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": {**counts, "output_tokens": 0},
        }  # fmt: skip
        reason = told.get("stop_reason")
        events: list[Json] = [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": words}},
            {"type": "content_block_stop", "index": 0},
            _closing(reason if isinstance(reason, str) else "end_turn", counts),
            {"type": "message_stop"},
        ]
        self.has_begun = True
        return b"".join(map(_written, events))


def _closing(reason: str, usage: Json) -> Json:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": usage,
    }


def _counts(usage: Json) -> Json:
    return {name: usage[name] for name in USAGE if usage.get(name) is not None}


def _index(event: Json) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else -1


def _texts(message: Any) -> list[str]:
    content = message.get("content") if isinstance(message, dict) else None
    parts = content if isinstance(content, list) else ()
    found = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return [text for text in found if isinstance(text, str)]


def _written(event: Json) -> bytes:
    return sse.event(str(event["type"]).encode(), orjson.dumps(event))
