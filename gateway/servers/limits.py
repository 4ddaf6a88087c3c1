"""Refusals that both servers make by themselves, with the same numbers and the same answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson
from uuid_utils import uuid7

from gateway.servers.heads import Head

ID_HEADERS = (b"x-gateway-request-id", b"request-id")
"""Both names of a request's id, as on every answer of the application."""

HEAD_BYTES = 64 * 1024
"""Request line and headers together, and each of them alone: long JWTs and cookies pass."""
HEADER_COUNT = 500
HEAD_SECONDS = 20.0
"""From the first byte of a head to its last."""
LINGER_SECONDS = 2.0
LINGER_BYTES = 4 * 1024 * 1024
"""After an early refusal we go on reading (and dropping) so much, for clients that send before they read."""
SMALL_BODY_BYTES = 128 * 1024
"""A body announced no larger, and so far no larger, has until the next sweep before anybody answers for it."""
STRANGERS_SHARE = 8
"""Of all bodies that a process may hold, those of callers whom nobody knows get one part in so many."""
OWNERS_SHARE = 2
"""The same for one owner among the known, and for one address among strangers."""

TYPES = {
    400: "invalid_request_error",
    408: "timeout_error",
    413: "request_too_large",
    500: "api_error",
    503: "overloaded_error",
}

SHUTTING_DOWN = "The server is shutting down"
INTERNAL = "Internal server error"
BUSY = "Too many request bodies are being received, try again shortly"
SLOW_HEAD = "The request's head did not come in time"
SLOW_BODY = "The request's body comes too slowly"
MALFORMED = "Malformed HTTP request"


_observers: list[Callable[[int], None]] = []


def on_refused(observer: Callable[[int], None]) -> None:
    """`observer` is told the status of every answer that a server gives before the application is called."""
    _observers.append(observer)


def forget_refused(observer: Callable[[int], None]) -> None:
    """Tell it nothing more."""
    _observers.remove(observer)


def is_head_too_large(target: bytes, headers: list[tuple[bytes, bytes]], received: int) -> bool:
    """Of a head that came with `received` bytes at most, others behind it included."""
    if len(headers) > HEADER_COUNT:
        return True
    if received <= HEAD_BYTES:
        return False
    return len(target) + sum(len(name) + len(value) + 4 for name, value in headers) > HEAD_BYTES


def too_large(max_body_bytes: int) -> str:
    """Return the text of a 413."""
    return f"Request exceeds the maximum size of {max_body_bytes} bytes"


def error_body(status: int, message: str) -> bytes:
    """Write an error in Anthropic's shape, for answers that are given before any surface is known."""
    kind = TYPES.get(status, "invalid_request_error")
    return orjson.dumps({"error": {"message": message, "type": kind}, "type": "error"})


def error_headers(status: int, body: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers that go with `error_body`; the connection does not outlive it."""
    own_id = str(uuid7()).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *((name, own_id) for name in ID_HEADERS),
        (b"connection", b"close"),
    ]
    return [*headers, (b"retry-after", b"1")] if status == 503 else headers


def reason(status: int) -> str:
    """Return the words of a status line."""
    if status == 413:
        return "Content Too Large"  # its older name stands in Python's table
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def error_answer(status: int, message: str) -> bytes:
    """Return the whole answer as bytes on the wire, to be sent once: it counts as given."""
    for observer in _observers:
        observer(status)
    body = error_body(status, message)
    head = f"HTTP/1.1 {status} {reason(status)}\r\n".encode()
    return head + b"".join(b"%b: %b\r\n" % pair for pair in error_headers(status, body)) + b"\r\n" + body


def linger_bytes(announced: int | None, max_body_bytes: int) -> int:
    """Return how much to drop after a refusal: all of an announced body of an allowed size, else LINGER_BYTES."""
    return max(LINGER_BYTES, announced or 0) if (announced or 0) <= max_body_bytes else LINGER_BYTES


@dataclass(slots=True)
class Share:
    """Bytes that one owner's bodies hold together. A stranger's `name` is the address."""

    name: str
    is_known: bool
    held: int = 0
    bodies: int = 0


WhoseBody = Callable[[Head], str]
"""The name under which this caller's bodies are counted, "" for somebody whom nobody knows. Looks at memory only."""


@dataclass(slots=True)
class BodyBudget:
    """The request bytes that this process holds, from their arrival to the end of their exchange.

    A body that is whole at once, or small and soon, is nobody's: it is not held back. For all others somebody answers.
    """

    max_body_bytes: int
    max_buffered_bytes: int
    held: int = 0
    strangers: int = 0
    whose_body: WhoseBody | None = None  # None = everybody is known
    shares: dict[tuple[bool, str], Share] = field(default_factory=dict)

    def share(self, head: Head) -> Share | None:
        """Open the share of whoever sends this body, to be closed after it; None when nobody keeps shares."""
        if self.whose_body is None:
            return None
        owner = self.whose_body(head)
        key = (bool(owner), owner or head.peer)
        share = self.shares.setdefault(key, Share(key[1], key[0]))
        share.bodies += 1
        return share

    def refusal(self, so_far: int, more: int, share: Share | None = None) -> bytes | None:
        """Return the answer to give instead of taking `more` bytes of a body of which `so_far` are held, or None."""
        if so_far + more > self.max_body_bytes:
            return error_answer(413, too_large(self.max_body_bytes))
        if self.held + more > self.max_buffered_bytes:
            return error_answer(503, BUSY)
        if share is not None and not self._has_room(share, more):
            return error_answer(503, BUSY)
        return None

    def _has_room(self, share: Share, more: int) -> bool:
        whole = self.max_buffered_bytes
        if not share.is_known:
            whole //= STRANGERS_SHARE
            if self.strangers + more > whole:
                return False
        return share.held + more <= max(whole // OWNERS_SHARE, self.max_body_bytes)

    def take(self, size: int, share: Share | None) -> None:
        """Count bytes that are held from now on."""
        self.held += size
        if share is not None:
            self.assign(size, share)

    def assign(self, size: int, share: Share) -> None:
        """Count bytes that are held already under this share."""
        share.held += size
        if not share.is_known:
            self.strangers += size

    def give_back(self, size: int, share: Share | None) -> None:
        """Give back all that was taken for a body, and close its share."""
        self.held -= size
        if share is None:
            return
        self.assign(-size, share)
        share.bodies -= 1
        if not share.bodies:
            self.shares.pop((share.is_known, share.name), None)
