"""One exchange's ASGI side: the request as it came, the answer as it leaves, and who may interrupt it.

Nothing here knows what is being relayed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from enum import StrEnum
from typing import Any

import msgspec

from providers.dialects.types import Failure, FailureKind, Headers, Refused, header

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PIECE_BYTES = 65536
"""No message to the server is larger: servers test their buffers between messages only."""

EARLY_HEADERS: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)


class Interruption(StrEnum):
    """Why an exchange was stopped from outside."""

    CLIENT_LEFT = "client_left"
    CLIENT_STUCK = "client_stuck"  # it has stopped reading
    FIRST_BYTE = "first_byte"  # the upstream has not begun to answer in time
    IDLE = "idle"  # the upstream has fallen silent
    DRAIN = "drain"  # the server is going down


class Request(msgspec.Struct, frozen=True):
    """What stands in the scope, with header names in lower case."""

    method: str
    raw_path: bytes
    query: bytes
    headers: Headers
    peer: str
    abort: Callable[[], None] | None = None  # closes the connection at once, where the server offers that


def read_request(scope: Scope) -> Request:
    """The request line and headers of an ASGI HTTP scope. `raw_path` falls back to the decoded path."""
    raw_path = scope.get("raw_path") or scope["path"].encode("utf-8")
    client = scope.get("client") or ("", None)
    return Request(
        method=scope["method"],
        raw_path=raw_path.split(b"?", 1)[0],
        query=scope.get("query_string", b""),
        headers=tuple([(name.lower(), value) for name, value in scope["headers"]]),
        peer=client[0] or "",
        abort=(scope.get("state") or {}).get("abort"),
    )


async def read_body(request: Request, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises `Refused` (too large) before reading when the length says so, else on the running count;
    raises `ClientLeft` when the client goes first."""
    length = header(request.headers, b"content-length")
    encoding = header(request.headers, b"transfer-encoding")
    if encoding is not None and (length is not None or encoding.strip().lower() != b"chunked"):
        raise Refused(Failure(FailureKind.INVALID_REQUEST, "ambiguous length of the request body"))
    if length is not None and (not length.isdigit() or int(length) > limit):
        raise too_large(limit)
    pieces: list[bytes] = []
    total = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece = message.get("body", b"")
        total += len(piece)
        if total > limit:
            raise too_large(limit)
        pieces.append(piece)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def too_large(limit: int) -> Refused:
    return Refused(Failure(FailureKind.TOO_LARGE, f"Request body is larger than {limit} bytes"))


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


class Wire:
    """The answering side of one exchange, and its pulse: what the sweeper looks at, and how it interrupts.

    The relay's task writes; the sweeper may write a ping between two of its writes.
    """

    __slots__ = (
        "_abort",
        "_receive",
        "_send",
        "_task",
        "_watcher",
        "answer_headers",
        "bytes_sent",
        "early_headers",
        "ended",
        "first_byte_at",
        "first_byte_seconds",
        "has_content",
        "idle_seconds",
        "interruption",
        "is_closing",
        "is_relaying",
        "is_stream",
        "keepalive",
        "pinged_at",
        "started",
        "started_at",
        "touched_at",
        "waiting_since",
        "writing_since",
    )

    def __init__(self, receive: Receive, send: Send, now: float, abort: Callable[[], None] | None) -> None:
        self._receive = receive
        self._send = send
        self._abort = abort
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self.answer_headers: Headers = ()  # added to every answer: ids
        self.started = False
        self.ended = False
        self.is_closing = False  # the relay is finishing: no interruption any more
        self.interruption: Interruption | None = None
        self.started_at = now
        self.touched_at = now  # the last time a byte came from the upstream or left for the client
        self.waiting_since: float | None = None  # since when an upstream's head is awaited
        self.writing_since: float | None = None
        self.first_byte_seconds: float | None = None  # the provider's own timeouts; None = as configured
        self.idle_seconds: float | None = None
        self.first_byte_at: float | None = None
        self.is_stream = False  # an error can still be told once the answer has begun
        self.is_relaying = False  # an upstream's body is being passed on
        self.keepalive: Callable[[], bytes] | None = None  # set while pings are allowed
        self.early_headers = EARLY_HEADERS  # of the 200 that goes out when a ping comes first
        self.pinged_at = now
        self.has_content = False  # something else than pings has left
        self.bytes_sent = 0

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [*headers, *self.answer_headers]}
        )

    async def write(self, data: bytes, now: float) -> None:
        """Sends bytes on; waits while the client does not take them."""
        self.touched_at = self.writing_since = now
        self.has_content = True
        if self.first_byte_at is None:
            self.first_byte_at = now
        self.bytes_sent += len(data)
        if len(data) <= PIECE_BYTES:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        else:
            for start in range(0, len(data), PIECE_BYTES):
                piece = data[start : start + PIECE_BYTES]
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        self.writing_since = None

    async def ping(self, now: float) -> None:
        """A sign of life between two events; before the upstream's head it commits us to a 200."""
        data = self.keepalive() if self.keepalive is not None and not self.is_closing else b""
        if not data:
            return
        self.pinged_at = now
        if not self.started:
            await self.start(200, self.early_headers)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        self.ended = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def answer(self, status: int, headers: Headers, body: bytes, now: float) -> None:
        """A whole answer at once."""
        length = (b"content-length", str(len(body)).encode())
        await self.start(status, (*headers, length))
        if self.first_byte_at is None:
            self.first_byte_at = now
        self.bytes_sent += len(body)
        if len(body) > PIECE_BYTES:
            await self.write(body, now)
            body = b""
        await self.end(body)

    def cut(self) -> None:
        """Closes the connection without a proper end, so that the client sees that the answer is not whole."""
        self.ended = True
        if self._abort is not None:
            self._abort()
        else:
            raise ConnectionAbortedError("the answer was cut")

    def interrupt(self, why: Interruption) -> None:
        """Stops the relay's task where it waits. The first reason stays."""
        if self.is_closing or self.interruption is not None or self._task is None:
            return
        self.interruption = why
        self._task.cancel()

    def acknowledge(self) -> Interruption | None:
        """In the relay's `except CancelledError`: our own interruption, or None when the server cancelled us."""
        if self.interruption is not None and self._task is not None:
            self._task.uncancel()
        return self.interruption

    def watch(self) -> None:
        """Starts to listen for the client's leaving, once."""
        if self._watcher is None and not self.is_closing:
            self._watcher = asyncio.get_running_loop().create_task(self._until_disconnect())

    async def _until_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.interrupt(Interruption.CLIENT_LEFT)

    def close(self) -> None:
        """The exchange is over: nothing may interrupt or be listened for any more."""
        self.is_closing = True
        watcher, self._watcher = self._watcher, None  # it refers to us
        if watcher is not None:
            watcher.cancel()
