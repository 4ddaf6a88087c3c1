"""Where an answer's body ends, as its headers say it (RFC 9112, 6), and how long the upstream keeps its connection."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import httptools

CHUNKED = b"chunked"
UNDERSTOOD = frozenset((CHUNKED, b"identity"))
"""Transfer codings. We ask for none else, and what has gone through one would pass as the body itself."""
NAME_LENGTHS = frozenset(map(len, ("content-length", "transfer-encoding", "keep-alive")))
MAX_IDLE_SECONDS = 3600.0


class Framing(NamedTuple):
    """The framing of one answer."""

    is_framed: bool = (
        False  # the body has a length or ends with a last chunk; else it ends with its connection
    )
    has_body: bool = False  # a body is announced, be it that none may come
    is_unseen: bool = False  # it comes in chunks, and llhttp does not see that from the way it is spelled
    idle_seconds: float | None = None  # how long the upstream keeps an idle connection, where it says so


UNFRAMED, EMPTY, MEASURED = Framing(), Framing(is_framed=True), Framing(is_framed=True, has_body=True)


def framing_of(headers: list[tuple[bytes, bytes]]) -> Framing:
    """Read what `Content-Length`, `Transfer-Encoding` and `Keep-Alive` say together. Raises `ValueError`."""
    length: bytes | None = None
    codings: list[bytes] = []
    idle: float | None = None
    for name, value in headers:
        if len(name) in NAME_LENGTHS:
            lower = name.lower()
            if lower == b"content-length":
                length = value
            elif lower == b"transfer-encoding":
                codings.append(value)
            elif lower == b"keep-alive":
                idle = _idle_seconds(value)
    if codings:
        return _coded(tuple(codings), idle)
    found = UNFRAMED if length is None else MEASURED if length.strip(b" \t0") else EMPTY
    return found if idle is None else found._replace(idle_seconds=idle)


class Chunks:
    """Takes a body out of its chunks where the connection's own parser took it for one that has none."""

    def __init__(self, on_body: Callable[[bytes], None], on_message_complete: Callable[[], None]) -> None:
        self._on_body = on_body
        self._on_end = on_message_complete
        self._is_complete = False
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")

    def feed(self, data: bytes) -> None:
        """Read more of the body. Raises `httptools.HttpParserError`."""
        self._parser.feed_data(data)

    # What the parser calls. It reads on behind the last chunk, where another answer may stand: no part of this one.

    def on_body(self, data: bytes) -> None:
        if not self._is_complete:
            self._on_body(data)

    def on_message_complete(self) -> None:
        if not self._is_complete:
            self._is_complete = True
            self._on_end()


@lru_cache(maxsize=64)
def _coded(values: tuple[bytes, ...], idle: float | None) -> Framing:
    names = [name for value in values for part in value.split(b",") if (name := part.strip(b" \t").lower())]
    if UNDERSTOOD.issuperset(names) and names and names[-1] == CHUNKED:
        return Framing(True, True, not _is_seen(values), idle)
    if all(name == b"identity" for name in names):
        return Framing(False, True, False, idle)
    raise ValueError("the answer has a transfer coding that can't be undone")


def _is_seen(values: tuple[bytes, ...]) -> bool:
    """Tell whether llhttp knows these for chunked: only then does such an answer leave its connection open."""
    parser = httptools.HttpResponseParser(object())
    lines = b"".join(b"Transfer-Encoding: %b\r\n" % value for value in values)
    parser.feed_data(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n")
    return bool(parser.should_keep_alive())


def _idle_seconds(value: bytes) -> float | None:
    """`timeout` of a `Keep-Alive` header, in seconds."""
    for part in value.split(b","):
        name, _, seconds = part.partition(b"=")
        if name.strip(b" \t").lower() == b"timeout":
            digits = seconds.strip(b' \t"')
            return min(float(digits), MAX_IDLE_SECONDS) if digits.isdigit() and len(digits) < 10 else None
    return None


def answer_parser(protocol: object) -> httptools.HttpResponseParser:
    """Make a parser that calls `protocol` as httptools says."""
    parser = httptools.HttpResponseParser(protocol)
    # Servers of local models write heads like these; nothing of what is told apart depends on them.
    parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
    return parser


def take(chunks: deque[bytes], most: int) -> bytes:
    """Take from the front what fits into so many bytes, at least one chunk.

    Of much no more than is passed on at once: it stays with a reader whose own reader stops.
    """
    data = chunks.popleft()
    pieces, size = [data], len(data)
    while chunks and size + len(chunks[0]) <= most:
        pieces.append(chunks.popleft())
        size += len(pieces[-1])
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
