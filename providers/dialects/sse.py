"""Server-sent events over bytes: an incremental reader and the writers. Pure.

Works on bytes and whole lines, so a character cut by the network stays whole. Lines end with LF, CRLF or
a bare CR; a CR ends its line at once and swallows an LF that comes later, so nothing waits for more.
"""

from __future__ import annotations

from providers.dialects.types import Failure, FailureKind, Refused

Event = tuple[bytes, bytes]
"""`(name, data)`: the `event:` line's value (b"" when there was none) and the `data:` lines joined by LF."""

MAX_EVENT_BYTES = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


class SseReader:
    """Network bytes in, whole events out.

    Comments and events without `data:` give nothing. Raises `Refused` (kind `upstream`) when an event
    that has not ended grows over `max_event_bytes`.
    """

    __slots__ = ("_is_after_cr", "_is_at_start", "_max_event_bytes", "_pending")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._pending = bytearray()  # the start of an event whose blank line has not come
        self._is_after_cr = False
        self._is_at_start = True
        self._max_event_bytes = max_event_bytes

    @property
    def is_at_boundary(self) -> bool:
        """True between two whole events: a ping may be written here without cutting one."""
        return not self._pending or self._pending == b"\n"

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that end inside this chunk, in order."""
        if self._is_after_cr or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        pending = self._pending
        if pending:
            searched_from = len(pending) - 1
            pending += chunk
            end = pending.rfind(b"\n\n", searched_from)
            if end < 0:
                return self._wait()
            whole = bytes(pending[:end])
            del pending[: end + 2]
        else:
            end = chunk.rfind(b"\n\n")
            if end < 0:
                pending += chunk
                return self._wait()
            whole = chunk[:end]
            if end + 2 < len(chunk):
                pending += chunk[end + 2 :]
        if len(pending) > self._max_event_bytes:
            self._wait()
        return self._events(whole)

    def flush(self) -> list[Event]:
        """At the end of the stream: the last event when only its blank line is missing.

        What it holds may have been cut anywhere; whoever reads the data finds out.
        """
        rest = bytes(self._pending)
        self._pending.clear()
        return self._events(rest)

    def _events(self, whole: bytes) -> list[Event]:
        if self._is_at_start:
            self._is_at_start = False
            whole = whole.removeprefix(_BOM)
        events = []
        for block in whole.split(b"\n\n"):
            event = _parse(block)
            if event is not None:
                events.append(event)
        return events

    def _wait(self) -> list[Event]:
        if len(self._pending) > self._max_event_bytes:
            raise Refused(
                Failure(
                    FailureKind.UPSTREAM, f"an event of the upstream exceeds {self._max_event_bytes} bytes"
                )
            )
        return []

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        if not chunk:
            return chunk
        if self._is_after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._is_after_cr = False
            if not chunk:
                return chunk
        self._is_after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _parse(block: bytes) -> Event | None:
    if block.startswith(b"event: "):
        line_end = block.find(b"\n")
        if line_end > 0 and block.startswith(b"data: ", line_end + 1) and block.find(b"\n", line_end + 1) < 0:
            return block[7:line_end], block[line_end + 7 :]
    elif block.startswith(b"data: ") and b"\n" not in block:
        return b"", block[6:]
    return _parse_lines(block)


def _parse_lines(block: bytes) -> Event | None:
    name = b""
    lines: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            lines.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return (name, b"\n".join(lines)) if lines else None


def event(name: bytes, data: bytes) -> bytes:
    """One event with a name. `data` holds no line ends."""
    return b"event: " + name + b"\ndata: " + data + b"\n\n"


def data(data: bytes) -> bytes:
    """One event without a name. `data` holds no line ends."""
    return b"data: " + data + b"\n\n"


def comment(text: bytes) -> bytes:
    """A line that every reader skips: keeps a silent connection open."""
    return b": " + text + b"\n\n"
