"""The client's side of one exchange, in ASGI: the request as it came, the answer as it leaves, its interruptions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from enum import IntEnum, StrEnum
from typing import Any

import msgspec

from providers.dialects.table import STREAM
from providers.dialects.types import Failure, FailureKind, Headers, Refused

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODILESS = (204, 304)
"""Statuses of answers without a body, and so without its length."""
PIECE_BYTES = 65536
"""No message to the server is larger: servers test their buffers between messages only."""


class Interruption(StrEnum):
    """Reasons for which an exchange is stopped from outside."""

    CLIENT_LEFT = "client_left"
    CLIENT_STUCK = "client_stuck"  # it has stopped reading
    FIRST_BYTE = "first_byte"  # the upstream has not begun to answer in time
    IDLE = "idle"  # the upstream has fallen silent
    DRAIN = "drain"  # the server is going down
    BUDGET = "budget"  # its hold has outgrown the budget


class Request(msgspec.Struct, frozen=True):
    """A request's head as it stands in the scope, with header names in lower case."""

    method: str
    raw_path: bytes
    query: bytes
    headers: Headers
    peer: str
    abort: Callable[[], None] | None = None  # closes the connection at once, where the server offers that
    continues: str | None = None  # the response that the body goes on from, put in already
    make: Callable[..., Downstream] | None = None  # makes the client's side where no connection waits


def read_request(scope: Scope) -> Request:
    """Read request line and headers of an ASGI HTTP scope. `raw_path` falls back to the decoded path."""
    raw_path = scope.get("raw_path") or scope["path"].encode("utf-8")
    client = scope.get("client") or ("", None)
    headers = tuple([(name.lower(), value) for name, value in scope["headers"]])
    abort = (scope.get("state") or {}).get("abort")
    path, query = raw_path.split(b"?", 1)[0], scope.get("query_string", b"")
    return Request(scope["method"], path, query, headers, client[0] or "", abort)


async def read_body(request: Request, receive: Receive, limit: int) -> bytes:
    """Read the whole body.

    Raises `Refused` (too large) before reading when the length says so, else on the running count; raises
    `ClientLeft` when the client goes first.
    """
    length = encoding = None
    for name, value in request.headers:
        if name == b"content-length":
            length = value if length is None else length
        elif name == b"transfer-encoding":
            encoding = value if encoding is None else encoding
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


class State(IntEnum):
    """How far an answer has come; it never goes back."""

    OPEN = 0  # nothing has left
    COMMITTED = 1  # the head of a stream has left because of a ping; nothing of an answer
    ANSWERING = 2  # an answer is leaving
    ENDED = 3  # its last byte has left, or the connection was cut
    CLOSED = 4  # the exchange is over: nothing may interrupt it


OPEN, COMMITTED, ANSWERING, ENDED, CLOSED = State  # a member asked of its class costs four times as much


class Downstream:
    """The answering side of one exchange: what has left, what is awaited, and how it is interrupted.

    The relay's task writes; the watchdog may write a ping between two of its writes. Fields are for others to read;
    only methods change them. Times are monotonic seconds.
    """

    __slots__ = (
        "_abort", "_headers", "_is_read", "_of_success", "_receive", "_send", "_task", "_watcher", "first_byte_at",
        "first_byte_seconds", "has_content", "idle_seconds", "interruption", "is_head_held", "is_relaying",
        "is_stream", "keepalive", "pinged_at", "read_seconds", "started_at", "state", "touched_at",
        "waited_seconds", "waiting_since", "writing_since",
    )  # fmt: skip

    def __init__(
        self,
        receive: Receive,
        send: Send,
        now: float,
        abort: Callable[[], None] | None,
        headers: Headers = (),
    ) -> None:
        """`headers` go out with every answer: ids."""
        self._receive = receive
        self._send = send
        self._abort = abort
        self._headers = headers
        self._of_success: Headers = ()
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self._is_read = False  # the client's body is in
        self.state = OPEN
        self.interruption: Interruption | None = None
        self.started_at = now
        self.touched_at = self.pinged_at = now  # when a byte last came or left, and a ping
        self.waiting_since: float | None = None  # since when an upstream's head is awaited
        self.waited_seconds = 0.0  # for upstreams' heads, all together
        self.writing_since: float | None = None  # since when the client has taken nothing
        self.read_seconds = 0.0  # that the client's body took
        self.first_byte_at: float | None = None
        self.first_byte_seconds: float | None = None  # the provider's own timeouts; None = as configured
        self.idle_seconds: float | None = None
        self.is_stream = False  # an error can still be told once the answer has begun
        self.is_head_held = False  # no ping may send the head: it has to say more than 200
        self.is_relaying = False  # an upstream's body is being passed on
        self.has_content = False  # something else than pings has left
        self.keepalive: Callable[[], bytes] | None = None  # set while pings are allowed

    def was_read(self, seconds: float) -> None:
        """Note that the client's body is in, and how long it took."""
        self.read_seconds, self._is_read = seconds, True

    def add_headers(self, headers: Headers, of_success: Headers = ()) -> None:
        """Put more headers on the answer, whoever gives it; those `of_success` on a 200 alone."""
        self._headers += headers
        self._of_success += of_success

    def set_header(self, name: bytes, value: bytes) -> None:
        """Put a header on the answer, in place of what it said before."""
        self._headers = (*(pair for pair in self._headers if pair[0] != name), (name, value))

    def await_upstream(
        self, now: float, first_byte_seconds: float | None, idle_seconds: float | None
    ) -> None:
        """Count from now how long an upstream's head takes. The provider's own timeouts hold, where not None."""
        self.waiting_since = now
        self.first_byte_seconds, self.idle_seconds = first_byte_seconds, idle_seconds

    def hold_head(self) -> None:
        """Let no ping send the answer's head: there is something that only the head can say."""
        self.is_head_held = True

    def allow_pings(self, keepalive: Callable[[], bytes]) -> None:
        """Let the watchdog send what `keepalive` makes: the client has asked for a stream."""
        self.keepalive = keepalive
        self.is_stream = True

    def stop_waiting(self, now: float) -> None:
        """Note that the upstream's head has come, or never will."""
        if self.waiting_since is not None:
            self.waited_seconds += now - self.waiting_since
            self.waiting_since = None

    @property
    def is_open(self) -> bool:
        """Tell whether nothing has left yet, so that any answer may be given."""
        return self.state is OPEN

    @property
    def has_ended(self) -> bool:
        """Tell whether the answer has left to its end."""
        return self.state is ENDED

    async def relay(self, status: int, headers: Headers, is_stream: bool) -> None:
        """Begin to pass an upstream's body on; the head leaves unless a ping has sent one."""
        self.is_stream = is_stream
        if self.state is OPEN:
            await self._start(status, headers)
        self.state = ANSWERING
        self.is_relaying = True

    def touch(self, now: float) -> None:
        """Note that bytes came from the upstream for which none leave."""
        self.touched_at = now

    async def write(self, data: bytes, now: float) -> None:
        """Send bytes on; wait while the client does not take them."""
        self.touched_at = self.writing_since = now
        self.has_content = True
        if self.first_byte_at is None:
            self.first_byte_at = now
        if len(data) <= PIECE_BYTES:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        else:
            for start in range(0, len(data), PIECE_BYTES):
                piece = data[start : start + PIECE_BYTES]
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        self.writing_since = None

    async def ping(self, now: float) -> None:
        """Send a sign of life between two events; before the upstream's head it commits us to a 200."""
        data = self.keepalive() if self.keepalive is not None and self.state is not CLOSED else b""
        if not data or (self.is_head_held and self.state is OPEN):
            return
        self.pinged_at = now
        if self.state is OPEN:
            self.state = COMMITTED
            await self._start(200, STREAM)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the answer's proper end, with its last bytes."""
        self.state = ENDED
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def answer(self, status: int, headers: Headers, body: bytes, now: float) -> None:
        """Send a whole answer at once."""
        self.state = ANSWERING
        if status not in BODILESS:
            headers = (*headers, (b"content-length", str(len(body)).encode()))
        await self._start(status, headers)
        if self.first_byte_at is None:
            self.first_byte_at = now
        if len(body) > PIECE_BYTES:
            await self.write(body, now)
            body = b""
        await self.end(body)

    async def _start(self, status: int, headers: Headers) -> None:
        own = self._headers + self._of_success if status == 200 else self._headers
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *own]})

    def cut(self) -> None:
        """Close the connection without a proper end, so that the client sees that the answer is not whole."""
        self.state = ENDED
        if self._abort is not None:
            self._abort()
        else:
            raise ConnectionAbortedError("the answer was cut")

    def interrupt(self, why: Interruption) -> None:
        """Stop the relay's task where it waits. The first reason stays."""
        if self.state is CLOSED or self.interruption is not None or self._task is None:
            return
        self.interruption = why
        self._task.cancel()

    def acknowledge(self) -> Interruption | None:
        """Return our own interruption in the relay's `except CancelledError`; None: the server cancelled."""
        if self.interruption is not None and self._task is not None:
            self._task.uncancel()
        return self.interruption

    def watch(self) -> None:
        """Start to listen for the client's leaving, once. Until its body is in, that is for the body's reader."""
        if self._watcher is None and self._is_read and self.state is not CLOSED:
            self._watcher = asyncio.get_running_loop().create_task(self._until_disconnect())

    async def _until_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.interrupt(Interruption.CLIENT_LEFT)

    def close(self) -> None:
        """Let nothing interrupt or listen any more: the exchange is over."""
        self.state = CLOSED
        watcher, self._watcher = self._watcher, None  # it refers to us
        if watcher is not None:
            watcher.cancel()
