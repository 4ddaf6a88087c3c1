"""What both servers refuse by themselves, with the same numbers and the same answers."""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from gateway import identity

HEAD_BYTES = 64 * 1024
"""Request line and headers together, and each of them alone: long JWTs and cookies pass."""
HEADER_COUNT = 500
LINGER_SECONDS = 2.0
LINGER_BYTES = 4 * 1024 * 1024
"""After an early refusal we go on reading (and dropping) so much, for clients that send before they read."""

REASONS = {
    400: "Bad Request",
    413: "Content Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
TYPES = {400: "invalid_request_error", 413: "request_too_large", 500: "api_error", 503: "overloaded_error"}

SHUTTING_DOWN = "The server is shutting down"
INTERNAL = "Internal server error"
BUSY = "Too many request bodies are being received, try again shortly"


_observers: list[Callable[[int], None]] = []


def on_refused(observer: Callable[[int], None]) -> None:
    """`observer` is told the status of every answer that a server gives before the application is called."""
    _observers.append(observer)


def too_large(max_body_bytes: int) -> str:
    """The text of a 413."""
    return f"Request exceeds the maximum size of {max_body_bytes} bytes"


def error_body(status: int, message: str) -> bytes:
    """An error in Anthropic's shape, for answers that are given before any surface is known."""
    return orjson.dumps({"error": {"message": message, "type": TYPES[status]}, "type": "error"})


def error_headers(status: int, body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers that go with `error_body`; the connection does not outlive it."""
    own_id = identity.request_id().encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (identity.HEADER, own_id),
        (b"request-id", own_id),
        (b"connection", b"close"),
    ]
    return [*headers, (b"retry-after", b"1")] if status == 503 else headers


def error_answer(status: int, message: str) -> bytes:
    """The whole answer as bytes on the wire, to be sent once: it counts as given."""
    for observer in _observers:
        observer(status)
    body = error_body(status, message)
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\n".encode()
    return head + b"".join(b"%b: %b\r\n" % pair for pair in error_headers(status, body)) + b"\r\n" + body


@dataclass(slots=True)
class BodyBudget:
    """The request bytes that this process holds, from their arrival to the end of their exchange."""

    max_body_bytes: int
    max_buffered_bytes: int
    held: int = 0

    def refusal(self, so_far: int, more: int) -> bytes | None:
        """The answer to give instead of taking `more` bytes of a body of which `so_far` are held, or None."""
        if so_far + more > self.max_body_bytes:
            return error_answer(413, too_large(self.max_body_bytes))
        if self.held + more > self.max_buffered_bytes:
            return error_answer(503, BUSY)
        return None
