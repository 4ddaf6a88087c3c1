"""One connection to an upstream, one exchange at a time (RFC 9112). The parsing is httptools' (llhttp).

The body waits here for its reader, and the socket is not read while too much of it waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

HIGH_WATER_BYTES = 256 * 1024
"""With more than this waiting for its reader, the socket is left alone."""
LOW_WATER_BYTES = 64 * 1024
MAX_HEAD_BYTES = 256 * 1024
"""A head may be this large, 1xx answers before it included."""

Headers = list[tuple[bytes, bytes]]


class ProtocolError(Exception):
    """What came is not HTTP, or ended before it was whole. The message holds nothing of what came."""


class Disconnected(Exception):
    """The connection ended before an answer had begun."""


class Connection(asyncio.Protocol):
    """Belongs to one event loop. `exchange`, then `read` to the end, then `is_reusable` says whether it may go on."""

    __slots__ = (
        "_chunks",
        "_head",
        "_head_bytes",
        "_is_framed",
        "_is_headless",
        "_is_interim",
        "_is_paused",
        "_keeps_alive",
        "_loop",
        "_lost",
        "_parser",
        "_problem",
        "_reader",
        "_transport",
        "_waiting_bytes",
        "headers",
        "idle_since",
        "is_complete",
        "is_lost",
        "on_lost",
        "reason",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = _parser(self)
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_paused = False
        self._head: asyncio.Future[None] | None = None  # None: no exchange is under way
        self._reader: asyncio.Future[None] | None = None
        self._problem: Exception | None = None
        self._head_bytes = 0
        self._is_framed = False  # the body has a length, or ends with a last chunk
        self._is_headless = False  # an answer to HEAD: what its headers say of a body does not come
        self._is_interim = False
        self._keeps_alive = False
        self.is_lost = False
        self.is_complete = True
        self.idle_since = 0.0
        self.status = 0
        self.reason = b""
        self.headers: Headers = []
        self.on_lost: Callable[[Connection], None] | None = None  # told once, when it is gone

    async def exchange(self, head: bytes, body: bytes, is_head: bool) -> None:
        """Sends a request; returns when `status`, `reason` and `headers` are there.

        Raises `Disconnected`, `ProtocolError`.
        """
        if self._transport is None or self.is_lost:
            raise Disconnected
        self._head = self._loop.create_future()
        self._problem, self._head_bytes = None, 0
        self._is_headless = is_head
        self.is_complete = self._is_framed = self._keeps_alive = False
        self.headers, self.reason = [], b""
        if body:
            self._transport.writelines((head, body))
        else:
            self._transport.write(head)
        await self._head

    async def read(self) -> bytes:
        """What of the body is there, at least one byte; b"" at its end. Raises `ProtocolError`."""
        while not self._chunks:
            if self._problem is not None:
                raise self._problem
            if self.is_complete:
                return b""
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        chunks = self._chunks
        data = chunks.popleft() if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self._waiting_bytes = 0
        if self._is_paused:
            self._resume()
        return data

    @property
    def is_reusable(self) -> bool:
        """The answer is whole and read, the request has left, and neither side wants to close."""
        return (
            self.is_complete
            and self._keeps_alive
            and not self.is_lost
            and self._problem is None
            and not self._chunks
            and self._transport is not None
            and not self._transport.is_closing()
            and self._transport.get_write_buffer_size() == 0
        )

    def abort(self) -> None:
        """Closes at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._head is None or self.is_complete or self._parser is None:
            self._end_with(ProtocolError("bytes that nobody asked for"))
            return
        if not self._head.done():
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end_with(ProtocolError("the upstream changed the protocol"))
        except httptools.HttpParserError:
            if not self.is_complete:
                self._end_with(ProtocolError("the answer is not HTTP"))
            self._keeps_alive = False  # what follows a whole answer is not read
        else:
            if self._head_bytes > MAX_HEAD_BYTES and not self._head.done():
                self._end_with(ProtocolError("the head of the answer is too large"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._head is not None and not self.is_complete:
            if not self._head.done():
                is_silent = self._head_bytes == 0
                self._fail(Disconnected() if is_silent else ProtocolError("the answer was cut"))
            elif self._is_framed or exc is not None:
                self._fail(ProtocolError("the answer was cut"))
            else:
                self._complete()  # such a body ends with its connection
        self._parser = None  # it refers to us, and we to it
        if self.on_lost is not None:
            self.on_lost(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ProtocolError(
                "another answer behind the first"
            )  # ends the parsing; data_received sees to the rest

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is not None and not self._head.done():  # else a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code() if self._parser is not None else 0
        if 100 <= status < 200:
            self._is_interim = True
            return
        self.status = status
        for name, value in self.headers:
            if name[0] in b"cCtT":
                lower = name.lower()
                if lower == b"content-length" or (
                    lower == b"transfer-encoding" and value.lower().endswith(b"chunked")
                ):
                    self._is_framed = True
        if self._head is not None and not self._head.done():
            self._head.set_result(None)
        if self._is_headless:
            self._complete()

    def on_body(self, data: bytes) -> None:
        self._chunks.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > HIGH_WATER_BYTES and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self._is_interim:  # 100, 102, 103: the answer itself is still to come
            self._is_interim = False
            self.headers, self.reason = [], b""
            return
        if (
            not self._is_headless and self._parser is not None
        ):  # after HEAD the parser waits for a body: this connection is not used again
            self._keeps_alive = self._parser.should_keep_alive()
        self._complete()

    def _complete(self) -> None:
        self.is_complete = True
        if self._is_paused and not self.is_lost:
            self._resume()
        self._wake()

    def _end_with(self, problem: Exception) -> None:
        self._keeps_alive = False
        self._fail(problem)
        self.abort()

    def _fail(self, problem: Exception) -> None:
        self._problem = problem
        if self._head is not None and not self._head.done():
            self._head.set_exception(problem)
        else:
            self._wake()

    def _wake(self) -> None:
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_result(None)

    def _resume(self) -> None:
        self._is_paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


def _parser(protocol: Connection) -> httptools.HttpResponseParser:
    parser = httptools.HttpResponseParser(protocol)
    # Servers of local models write heads like these; nothing of what is told apart depends on them.
    parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
    return parser
