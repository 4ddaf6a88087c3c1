"""Read calls back out of Chat answers, whole ones and streams. Pure.

Events without anything to change keep every byte.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import MakeId
from providers.xml.parser import CallParser, Piece, ToolCall

Json = dict[str, Any]

CALLED = "tool_calls"
ENDED = frozenset(("stop", "tool_calls", None))
"""Reasons to end that become `tool_calls` after a call."""
_EVENT_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_DATA = re.compile(rb"(?m)^data: ?([^\r\n]*)")
LONGEST_END = 4
"""Bytes of an event's end: what is held has none, so its last bytes alone are searched again."""
MAX_HELD_BYTES = 16 * 1024 * 1024


def whole(data: bytes, names: Collection[str], ids: MakeId) -> bytes:
    """Return an answer with its calls as calls; the same object when there are none."""
    document = _object(data)
    has_changed = False
    for choice in _listed(document.get("choices")):
        message = choice.get("message")
        if not isinstance(message, dict) or not isinstance(content := message.get("content"), str):
            continue
        parser = CallParser(names)
        pieces = [*parser.feed(content), *parser.flush()]
        if not parser.has_calls:
            continue
        has_changed = True
        text = "".join(piece for piece in pieces if isinstance(piece, str))
        calls = [_made(piece, ids) for piece in pieces if isinstance(piece, ToolCall)]
        message.update(content=text or None, tool_calls=calls)
        if choice.get("finish_reason") in ENDED:
            choice["finish_reason"] = CALLED
    return orjson.dumps(document) if has_changed else data


def _made(call: ToolCall, ids: MakeId) -> Json:
    function = {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}
    return {"id": ids("call_"), "type": "function", "function": function}


class XmlEvents:
    """One stream: network bytes in, whole events out."""

    def __init__(self, names: Collection[str], ids: MakeId) -> None:
        self._names = names
        self._ids = ids
        self._held = b""
        self._parsers: dict[int, CallParser] = {}
        self._calls: dict[int, int] = {}
        self._last: Json = {}

    @property
    def is_holding(self) -> bool:
        """Tell whether a part of an event waits."""
        return bool(self._held)

    def feed(self, chunk: bytes) -> bytes:
        """Return the events that end in this chunk."""
        data = self._held + chunk
        out, start = [], 0
        for found in _EVENT_END.finditer(data, max(0, len(self._held) - LONGEST_END)):
            out.append(self._event(data[start : found.end()]))
            start = found.end()
        self._held = data[start:]
        if len(self._held) > MAX_HELD_BYTES:
            out.append(self._held)
            self._held = b""
        return b"".join(out)

    def flush(self) -> bytes:
        """Return what is left at the end of the stream."""
        held, self._held = self._held, b""
        return (self._event(held) if held else b"") + self._remainder()

    def _event(self, event: bytes) -> bytes:
        found = _DATA.findall(event)
        if len(found) != 1:
            return event
        if found[0].strip() == b"[DONE]":
            return self._remainder() + event
        chunk = _object(found[0])
        choices = _listed(chunk.get("choices"))
        if not choices:
            return event
        self._last = {name: value for name, value in chunk.items() if name not in ("choices", "usage")}
        if not sum(map(self._choice, choices)):  # every one is to be read
            return event
        return b"".join(self._chunks(chunk, choices))

    def _choice(self, choice: Json) -> bool:
        """Read one choice's text; False: it leaves as it came. Its pieces wait beside it until they are written."""
        delta = choice.get("delta")
        content = delta.get("content") if isinstance(delta, dict) else None
        index = _index(choice)
        parser = self._parsers.get(index)
        if parser is None:
            parser = self._parsers[index] = CallParser(self._names)
        text = content if isinstance(content, str) else ""
        pieces = parser.feed(text) if text else []
        if choice.get("finish_reason") is not None:
            pieces += parser.flush()
        is_same = pieces == ([text] if text else [])
        is_renamed = parser.has_calls and choice.get("finish_reason") in ENDED - {None, CALLED}
        if is_same and not is_renamed:
            return False
        choice["_pieces"] = pieces
        return True

    def _chunks(self, chunk: Json, choices: list[Json]) -> list[bytes]:
        """Return the chunks that one becomes: what it says beside text, text and calls, then how it ends."""
        out: list[bytes] = []
        ends: list[Json] = []
        for choice in choices:
            pieces: list[Piece] | None = choice.pop("_pieces", None)
            if pieces is None:
                ends.append(choice)
                continue
            index, delta = _index(choice), dict(choice.get("delta") or {})
            delta.pop("content", None)
            if delta:
                out.append(self._written(index, delta))
            out += [self._piece(index, piece) for piece in pieces]
            reason = choice.get("finish_reason")
            if reason is not None:
                if self._parsers[index].has_calls and reason in ENDED:
                    choice["finish_reason"] = CALLED
                ends.append({**choice, "delta": {}})
        if ends or chunk.get("usage") is not None:
            out.append(_line({**chunk, "choices": ends}))
        return out

    def _piece(self, index: int, piece: Piece) -> bytes:
        if isinstance(piece, str):
            return self._written(index, {"content": piece})
        number = self._calls[index] = self._calls.get(index, -1) + 1
        return self._written(index, {"tool_calls": [{"index": number, **_made(piece, self._ids)}]})

    def _remainder(self) -> bytes:
        """Return what parsers hold of choices that have not been ended."""
        pieces = [(index, piece) for index, parser in self._parsers.items() for piece in parser.flush()]
        return b"".join(self._piece(index, piece) for index, piece in pieces)

    def _written(self, index: int, delta: Json) -> bytes:
        return _line({**self._last, "choices": [{"index": index, "delta": delta, "finish_reason": None}]})


def _line(chunk: Json) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _index(choice: Json) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) else 0


def _object(data: bytes) -> Json:
    try:
        document = tolerant(orjson.loads, data)
    except UNREADABLE:
        return {}
    return document if isinstance(document, dict) else {}


def _listed(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
