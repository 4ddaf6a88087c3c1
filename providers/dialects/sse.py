"""Server-sent events over bytes: an incremental reader and the writers.

Pure. Works on bytes and whole lines, so a character cut by the network stays whole. Lines end with LF, CRLF
or a bare CR; a CR ends its line at once and swallows an LF that comes later, so nothing waits for more.
"""

from __future__ import annotations

import msgspec

from providers.dialects.types import Failure, FailureKind, Refused

Event = tuple[bytes, bytes]
"""`(name, data)`: the `event:` line's value (b"" when there was none) and the `data:` lines joined by LF."""

BARE = b"(bare)"
"""The name of an event that is none: JSON without `data:`. Some servers end a stream so that has failed; no client
reads it.
"""


class Quiet(bytes):
    """One whole event, or several, that say nothing of a stream's totals, told so by who has made them."""

    __slots__ = ()


MAX_EVENT_BYTES = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
LF, CR = b"\n\r"
"""As numbers: asked whether it has bytes in it, Python finds out by an exception that they are none."""


class SseReader(msgspec.Struct):
    """Incremental reader: network bytes in, whole events out.

    Comments and events without `data:` give nothing, except JSON that stands there bare. Raises `Refused` (kind
    `upstream`) when an event that has not ended grows over `max_event_bytes`.
    """

    max_event_bytes: int = MAX_EVENT_BYTES
    _pending: bytearray = bytearray()  # the start of an event whose blank line has not come; one of its own
    _is_after_cr: bool = False
    _is_at_start: bool = True
    _is_between: bool = True  # two events, with nothing pending

    @property
    def is_at_boundary(self) -> bool:
        """Return whether the stream stands between two whole events.

        There a ping may be written without cutting one.
        """
        return not self._pending or self._pending == b"\n"

    @property
    def is_torn(self) -> bool:
        """Return whether the data of the event that has not ended can't be whole."""
        return not self._pending.rstrip().endswith((b"}", b"]"))

    def is_one(self, chunk: bytes, beginning: bytes) -> bool:
        """Tell whether the chunk is one whole event of two lines that begins so: it need not be read to be known."""
        return (
            self._is_between
            and chunk.startswith(beginning)
            and chunk.count(b"\n") == 3
            and chunk[-2:] == b"\n\n"
            and CR not in chunk
        )

    def is_line(self, chunk: bytes) -> bool:
        """Tell whether the chunk is one whole event of one line, which is an object."""
        return (
            self._is_between
            and chunk.startswith(b"data: {")
            and chunk.find(b"\n") == len(chunk) - 2
            and chunk.endswith(b"\n")
            and CR not in chunk
        )

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that end inside this chunk, in order."""
        is_even = self._is_between and not self._is_at_start and CR not in chunk
        if is_even and chunk.endswith(b"\n\n"):  # as most come: one, and whole
            lines = chunk.split(b"\n")
            first, count = lines[0], len(lines)
            if count == 4 and first.startswith(b"event: ") and lines[1].startswith(b"data: "):
                return [(first[7:], lines[1][6:])]
            if count == 3 and first.startswith(b"data: "):
                return [(b"", first[6:])]
        self._is_between = False
        events = self._read(chunk)
        self._is_between = not self._pending and not self._is_after_cr
        return events

    def _read(self, chunk: bytes) -> list[Event]:
        if self._is_after_cr or CR in chunk:
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
        if len(pending) > self.max_event_bytes:
            self._wait()
        return self._events(whole)

    def peek(self) -> list[Event]:
        """Return the last event at the end of the stream, when only its blank line is missing.

        Its data may have been cut anywhere; the reader of the data finds out.
        """
        return self._events(bytes(self._pending))

    def flush(self) -> list[Event]:
        """Return what `peek` returns, and forget it."""
        events = self.peek()
        self._pending.clear()
        return events

    def _events(self, whole: bytes) -> list[Event]:
        if self._is_at_start:
            self._is_at_start = False
            whole = whole.removeprefix(_BOM)
        events = []
        for block in whole.split(b"\n\n"):
            event = _usual(block)
            if event is not None:
                events.append(event)
            elif block:
                events += _parse_lines(block)
        return events

    def _wait(self) -> list[Event]:
        if len(self._pending) > self.max_event_bytes:
            raise Refused(
                Failure(
                    FailureKind.UPSTREAM, f"an event of the upstream exceeds {self.max_event_bytes} bytes"
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


def _usual(block: bytes) -> Event | None:
    """Return the event of a block of the two forms that nearly all have."""
    if block.startswith(b"event: "):
        line_end = block.find(b"\n")
        if line_end > 0 and block.startswith(b"data: ", line_end + 1) and block.find(b"\n", line_end + 1) < 0:
            return block[7:line_end], block[line_end + 7 :]
    elif block.startswith(b"data: ") and LF not in block:
        return b"", block[6:]
    return None


def _parse_lines(block: bytes) -> list[Event]:
    name = b""
    lines: list[bytes] = []
    bare: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            lines.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
        elif line and (bare or line.lstrip().startswith(b"{")):
            bare.append(line)
    events = [(name, b"\n".join(lines))] if lines else []
    return [*events, (BARE, b"\n".join(bare))] if bare else events


def event(name: bytes, data: bytes) -> bytes:
    """Return one event with a name.

    `data` holds no line ends.
    """
    return b"event: " + name + b"\ndata: " + data + b"\n\n"


def data(data: bytes) -> bytes:
    """Return one event without a name.

    `data` holds no line ends.
    """
    return b"data: " + data + b"\n\n"


def comment(text: bytes) -> bytes:
    """Return a line that every reader skips: it keeps a silent connection open."""
    return b": " + text + b"\n\n"
