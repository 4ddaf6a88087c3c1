"""One connection to an upstream, one exchange at a time (RFC 9112).

The parsing is httptools' (llhttp). The body waits here for its reader, and the socket is not read while too
much of it waits.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from providers.http1.errors import Disconnected, ProtocolError, Stale, Unsent
from providers.http1.framing import Chunks, Framing, answer_parser, framing_of, take

HIGH_WATER_BYTES = 128 * 1024
"""With more than this waiting for its reader, the socket is left alone, which brings up to 256 KiB at a time."""
LOW_WATER_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
"""A reader gets no more at once, unless it comes in larger pieces."""
MAX_HEAD_BYTES = 256 * 1024
"""A head may be this large, 1xx answers before it included; so may what comes without any byte of a body: trailers."""
STALE_SECONDS = 1.0
"""A kept connection that ends this soon after a request was the upstream's to close already: longer than any round
trip, shorter than any answer that is being worked on."""
NO_BODY = (204, 304)
HUNG_UP = getattr(select, "POLLRDHUP", 0)
"""The upstream has closed its side; Linux alone tells. What it hung up on altogether is told everywhere."""

Headers = list[tuple[bytes, bytes]]


class Connection(asyncio.Protocol):
    """One connection of one event loop: `exchange`, `read` to the end, then `is_reusable` says whether it goes on."""

    __slots__ = (
        "_body_reader", "_chunks", "_head", "_is_headless", "_is_interim", "_is_kept", "_is_paused",
        "_is_unsent", "_keeps_alive", "_loop", "_parser", "_poll", "_problem", "_reader", "_sent_at",
        "_silent_bytes", "_transport", "_waiting_bytes", "framing", "headers", "idle_since", "idle_until",
        "is_complete", "is_lost", "on_lost", "reason", "status",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = answer_parser(self)
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_paused = False
        self._head: asyncio.Future[None] | None = None  # None: no exchange is under way
        self._reader: asyncio.Future[None] | None = None
        self._poll = select.poll()
        self._problem: Exception | None = None
        self._silent_bytes = 0  # since the request was sent, or since the last byte of a body
        self._sent_at = 0.0  # monotonic seconds
        self._body_reader: Chunks | None = None
        self._is_headless = False  # an answer to HEAD: what its headers say of a body does not come
        self._is_interim = False
        self._is_kept = False  # this is not its first exchange
        self._is_unsent = False  # the upstream closed while a part of the request was still here
        self._keeps_alive = False
        self.is_lost = False
        self.is_complete = True
        self.idle_since = self.idle_until = 0.0  # monotonic seconds; the pool's
        self.framing = Framing()
        self.status = 0
        self.reason = b""
        self.headers: Headers = []
        self.on_lost: Callable[[Connection], None] | None = None  # told once, when it is gone

    async def exchange(self, head: bytes, body: bytes, is_head: bool) -> None:
        """Send a request; return when `status`, `reason` and `headers` are there.

        Raises `Stale`, `Unsent`, `Disconnected`, `ProtocolError`.
        """
        transport = self._transport
        self._is_kept = self._head is not None
        if (
            transport is None
            or self.is_lost
            or transport.is_closing()
            or not (self._is_kept or self._is_open())
        ):
            raise Stale if self._is_kept else Unsent
        self._head = self._loop.create_future()
        self._problem, self._silent_bytes, self._body_reader = None, 0, None
        self._is_headless = is_head
        self.is_complete = self._is_unsent = self._keeps_alive = False
        self.headers, self.reason = [], b""
        self._sent_at = time.monotonic()
        if body:
            transport.writelines((head, body))
        else:
            transport.write(head)
        await self._head

    async def read(self) -> bytes:
        """Return what of the body is there, at least one byte; b"" at its end.

        Raises `ProtocolError`.
        """
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
        data = chunks.popleft() if len(chunks) == 1 else take(chunks, READ_BYTES)
        self._waiting_bytes -= len(data)
        if self._is_paused and self._waiting_bytes <= LOW_WATER_BYTES:
            self._resume()
        return data

    def is_quiet(self) -> bool:
        """Tell whether nothing waits in the socket: no byte that nobody asked for, no end. Less than a microsecond."""
        return not self.is_lost and not self._poll.poll(0)

    @property
    def is_reusable(self) -> bool:
        """Tell whether the answer is whole and read, the request has left, and neither side wants to close."""
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
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN | HUNG_UP)

    def data_received(self, data: bytes) -> None:
        if self._head is None or self.is_complete or self._parser is None:
            self._keeps_alive = False  # nobody asked for these: whose answer would they be?
            self.abort()
            return
        self._silent_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end_with(ProtocolError("the upstream changed the protocol"))
        except httptools.HttpParserError as exc:
            if not self.is_complete:
                known = exc.__context__
                problem = (
                    known if isinstance(known, ProtocolError) else ProtocolError("the answer is not HTTP")
                )
                self._end_with(problem)
            self._keeps_alive = False  # what follows a whole answer is not read
        else:
            if self._silent_bytes > MAX_HEAD_BYTES and not self.is_complete:
                self._end_with(ProtocolError("the head or the trailers of the answer are too large"))

    def eof_received(self) -> None:
        """Close at once where something is still to be sent: it would not be answered."""
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._is_unsent = True
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._head is not None and not self.is_complete:
            if not self._head.done():
                self._fail(ProtocolError("the answer was cut") if self._silent_bytes else self._silence())
            elif self.framing.is_framed or exc is not None:
                self._fail(ProtocolError("the answer was cut"))
            else:
                self._complete()  # such a body ends with its connection
        self._parser = self._body_reader = None  # they refer to us, and we to them
        if self.on_lost is not None:
            self.on_lost(self)

    def _silence(self) -> Disconnected:
        """Tell what an end without an answer means: docs/operations.md, "What is sent once more"."""
        is_prompt = self._is_unsent or time.monotonic() - self._sent_at < STALE_SECONDS
        return Stale() if self._is_kept and is_prompt else Disconnected()

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self.is_complete:
            # Ends the parsing; data_received sees to the rest.
            raise ProtocolError("another answer behind the first")

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
        if not 200 <= status < 600:
            raise ProtocolError("the answer has a status that does not exist")
        self.status = status
        try:
            self.framing = framing_of(self.headers)
        except ValueError as exc:
            raise ProtocolError(str(exc)) from None
        if self.framing.is_unseen and status not in NO_BODY:
            self._body_reader = Chunks(self._add, self._complete)
        if self._head is not None and not self._head.done():
            self._head.set_result(None)
        if self._is_headless:
            self._complete()

    def on_body(self, data: bytes) -> None:
        if self._is_interim:
            raise ProtocolError("an interim answer with a body")
        if self.is_complete:
            return  # behind an answer to HEAD: no part of it
        self._silent_bytes = 0
        if self._body_reader is None:
            self._add(data)
        else:
            self._body_reader.feed(data)

    def _add(self, data: bytes) -> None:
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
        if self.is_complete:
            return
        # What announces a body where none may be could still send it: it would begin the next answer.
        if self._parser is not None and not (self.status in NO_BODY and self.framing.has_body):
            self._keeps_alive = self._parser.should_keep_alive()
        self._complete()

    def _complete(self) -> None:
        self.is_complete = True
        if self._is_paused:  # what waits behind the answer has not been looked at
            self._keeps_alive = False
            if not self.is_lost:
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

    def _is_open(self) -> bool:
        """Tell whether the upstream has not hung up yet. A fresh TLS connection may hold bytes: session tickets."""
        mask = HUNG_UP | select.POLLHUP | select.POLLERR
        return not any(event & mask for _, event in self._poll.poll(0))

    def _resume(self) -> None:
        self._is_paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
