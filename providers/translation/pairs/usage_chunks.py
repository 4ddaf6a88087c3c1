"""Keep from a client the chunk that tells usage, where it did not ask for one.

Pure.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from providers.dialects.mending import UNREADABLE, tolerant

MAX_HELD_BYTES = 64 * 1024
"""Size above which an event is no usage chunk: it passes. What waits is searched anew with every piece of it."""

_USAGE = re.compile(rb'"usage"\s*:\s*\{')  # once asked, every other chunk says `"usage": null`
_EVENT_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")


class UsageChunkFilter:
    """A filter that takes the usage chunk out of a stream.

    All other bytes pass as they are; only a part of an event waits.
    """

    __slots__ = ("_late_line_feed", "_pending", "is_between")

    def __init__(self) -> None:
        self._pending = b""
        self.is_between = True  # two events, and nothing is held or awaited
        # What becomes of an LF that still belongs to the last event's CR.
        self._late_line_feed: bytes | None = None

    @property
    def is_holding(self) -> bool:
        return bool(self._pending)

    def feed(self, chunk: bytes) -> bytes:
        passing = self._passing(chunk)
        self.is_between = not self._pending and self._late_line_feed is None
        return passing

    def _passing(self, chunk: bytes) -> bytes:
        out: list[bytes] = []
        if self._late_line_feed is not None and chunk:
            if chunk.startswith(b"\n"):
                out.append(self._late_line_feed)
                chunk = chunk[1:]
            self._late_line_feed = None
        if not self._pending and not out and chunk.endswith(b"\n\n") and _USAGE.search(chunk) is None:
            return chunk
        data = self._pending + chunk
        start = 0
        for found in _EVENT_END.finditer(data):
            event = data[start : found.end()]
            start = found.end()
            is_hidden = _is_usage_chunk(event)
            if not is_hidden:
                out.append(event)
            if start == len(data) and event.endswith(b"\r"):
                self._late_line_feed = b"" if is_hidden else b"\n"
        self._pending = data[start:]
        if len(self._pending) > MAX_HELD_BYTES:
            out.append(self.flush())
        return b"".join(out)

    def flush(self) -> bytes:
        """Return what is left at the end of the stream."""
        held, self._pending = self._pending, b""
        return b"" if _is_usage_chunk(held) else held


def _is_usage_chunk(event: bytes) -> bool:
    """Return whether a chunk tells usage and nothing else.

    It has no choice, or with some servers one that is empty.
    """
    if _USAGE.search(event) is None:
        return False
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    try:
        chunk = tolerant(_told_decoder.decode, b"\n".join(lines))
    except UNREADABLE:
        return False
    return isinstance(chunk.usage, dict) and all(map(_is_empty, chunk.choices or ()))


class _Told(msgspec.Struct):
    choices: list[dict[str, Any]] | None = None
    usage: Any = None


_told_decoder = msgspec.json.Decoder(_Told)


def _is_empty(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta")
    return not choice.get("finish_reason") and isinstance(delta, dict) and not any(delta.values())
