"""Read `<tool_call>{"name": …, "arguments": {…}}</tool_call>` out of text that comes in any split. Pure.

A call counts where its name is known and its arguments are an object. Everything else is text and stays, letter for
letter. Text is held back only while it may be the beginning of a call.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

OPEN, CLOSE = "<tool_call>", "</tool_call>"
MAX_HELD = 4 * 1024 * 1024
"""A call that is longer, in letters, is text."""
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call, as the model wrote it."""

    name: str
    arguments: dict[str, Any]


Piece = str | ToolCall


class CallParser:
    """One text. `feed` returns what is certain, `flush` the remainder."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._held = ""
        self._blanks = ""  # before any text, or after a call: they go if a call follows
        self._is_apart = True
        self.has_calls = False

    @property
    def is_holding(self) -> bool:
        return bool(self._held or self._blanks)

    def feed(self, text: str) -> list[Piece]:
        """Return the pieces that are certain by now."""
        self._held += text
        return self._read(is_end=False)

    def flush(self) -> list[Piece]:
        """Return what is left, at the end of the text: a call that was not closed is text."""
        pieces = self._read(is_end=True)
        if self._blanks and not self.has_calls:
            pieces.append(self._blanks)
        self._blanks = ""
        return pieces

    def _read(self, is_end: bool) -> list[Piece]:
        pieces: list[Piece] = []
        while self._held:
            start = self._held.find(OPEN)
            if start < 0:
                kept = 0 if is_end else _beginning(self._held)
                self._say(pieces, len(self._held) - kept)
                break
            if start > 0:
                self._say(pieces, start)
                continue
            end, call = self._call()
            if call is not None:
                pieces.append(call)
                self.has_calls = self._is_apart = True
                self._blanks, self._held = "", self._held[end:]
            elif end > 0 or is_end or len(self._held) > MAX_HELD:
                self._say(pieces, len(OPEN))
            else:
                break
        return pieces

    def _say(self, pieces: list[Piece], length: int) -> None:
        text, self._held = self._held[:length], self._held[length:]
        if not text:
            return
        if self._is_apart and not text.strip():
            self._blanks += text
            return
        text, self._blanks, self._is_apart = self._blanks + text, "", False
        if pieces and isinstance(pieces[-1], str):
            pieces[-1] += text
        else:
            pieces.append(text)

    def _call(self) -> tuple[int, ToolCall | None]:
        """Return where the call ends that begins here; (0, None): more must come; (1, None): it is none."""
        inner = self._held[len(OPEN) :]
        start = len(inner) - len(inner.lstrip())
        if start == len(inner):
            return 0, None
        if inner[start] != "{":
            return 1, None
        at = inner.find(CLOSE, start)
        while at >= 0:
            try:
                value, end = _DECODER.raw_decode(inner[:at], start)
            except (json.JSONDecodeError, RecursionError) as exc:
                if not _is_in_text(exc):
                    return 1, None
                at = inner.find(CLOSE, at + 1)  # the tag stands within a string
                continue
            call = self._known(value) if not inner[end:at].strip() else None
            return (len(OPEN) + at + len(CLOSE), call) if call is not None else (1, None)
        return 0, None

    def _known(self, value: Any) -> ToolCall | None:
        if not isinstance(value, dict):
            return None
        name, arguments = value.get("name"), value.get("arguments")
        if not isinstance(name, str) or name not in self._names or not isinstance(arguments, dict):
            return None
        return ToolCall(name, arguments)


def _is_in_text(error: Exception) -> bool:
    return isinstance(error, json.JSONDecodeError) and error.msg.startswith("Unterminated string")


def _beginning(text: str) -> int:
    """Return how many of the last letters may be the beginning of a call."""
    for length in range(min(len(OPEN) - 1, len(text)), 0, -1):
        if OPEN.startswith(text[-length:]):
            return length
    return 0
