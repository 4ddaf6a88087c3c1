"""What both servers' WebSockets have in common: what they tell the application, and how one is refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from gateway.servers import limits
from gateway.servers.options import Message

DENIAL = "websocket.http.response"
"""ASGI's extension for a handshake that is refused with an answer of the application's own."""
GOING, CRASHED, DONE, BUSY = 1012, 1011, 1000, 1013
"""Codes of the server's own closing: it restarts, the application failed, it has ended, try again later."""
FLOOD = 1008
"""Code for a client that sends frames of next to nothing: each costs as much as a large one."""
SLICE_BYTES, MOST_FRAMES = 16384, 1024
"""So many bytes are read at once, and out of what one look at the socket brings no more than so many frames."""
PING_SECONDS, PONG_SECONDS = 20.0, 60.0
"""How often an open connection is asked for a sign of life, and how long we wait for it."""


@dataclass(slots=True, eq=False)
class Activity:
    """Stands in the scope's state as `activity`. While `is_busy`, a server that drains waits; else it says goodbye."""

    is_busy: bool = False


@lru_cache(maxsize=8)
def text_frame(text: bytes) -> bytes:
    """Return a text as one frame on the wire, as a server writes it: made once, however many it is sent to."""
    size = len(text)
    if size < 126:
        return b"\x81%c" % size + text
    return (b"\x81~" + size.to_bytes(2) if size < 65_536 else b"\x81\x7f" + size.to_bytes(8)) + text


def closing_code(is_cancelled: bool, has_failed: bool) -> int:
    """Return the code for a connection that its application has left open."""
    if is_cancelled:
        return GOING
    return CRASHED if has_failed else DONE


def denial(start: Message, body: bytes) -> bytes:
    """Return the application's refusal of a handshake as bytes on the wire; the connection ends with it."""
    headers: Iterable[tuple[bytes, bytes]] = start.get("headers", ())
    fields = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    fields.append((b"content-length", b"%d" % len(body)))
    if all(name.lower() != b"connection" for name, _ in fields):
        fields.append((b"connection", b"close"))
    status: int = start["status"]
    head = f"HTTP/1.1 {status} {limits.reason(status)}\r\n".encode()
    return head + b"".join(b"%b: %b\r\n" % pair for pair in fields) + b"\r\n" + body
