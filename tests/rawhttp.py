"""An HTTP/1.1 client made of a socket: sends the bytes it is told, shows what came, when it came."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Headers = list[tuple[str, str]]


@dataclass
class Response:
    status: int
    reason: str
    headers: list[tuple[str, str]]  # names lower case, in the order received
    body: bytes = b""
    is_cut: bool = False  # the connection ended before the body's announced end

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Return (status, type, message) of an Anthropic-shaped error; fail on any other shape."""
        body = self.json()
        assert body["type"] == "error", body
        return self.status, body["error"]["type"], body["error"]["message"]


class RawClient:
    """One connection, to a port of this machine or to a Unix socket. `timeout` bounds every single wait."""

    def __init__(self, port: int | Path, timeout: float = 10.0, receive_buffer: int | None = None) -> None:
        family = socket.AF_INET if isinstance(port, int) else socket.AF_UNIX
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", port) if isinstance(port, int) else str(port))
        self.buffer = b""
        self._left: int | None = None  # bytes of a length-framed body still to come
        self._is_chunked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    # out
    def send(self, data: bytes) -> Self:
        self.sock.sendall(data)
        return self

    def ask(self, method: str, target: str | bytes, headers: Headers = (), body: bytes | None = None) -> Self:
        """Send a request with `host` and, when there is a body, `content-length`."""
        raw = target if isinstance(target, bytes) else target.encode()
        lines = [method.encode() + b" " + raw + b" HTTP/1.1", b"host: gateway.test"]
        lines += [name.encode("latin-1") + b": " + value.encode("latin-1") for name, value in headers]
        if body is not None:
            lines.append(b"content-length: %d" % len(body))
        return self.send(b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""))

    def leave(self) -> float:
        """Close as a client that goes away; return when (monotonic)."""
        at = time.monotonic()
        self.sock.close()
        return at

    def reset(self) -> float:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return self.leave()

    # in
    def _more(self) -> bool:
        """Read more; return False at the end of the connection."""
        with contextlib.suppress(ConnectionResetError):
            data = self.sock.recv(262144)
            self.buffer += data
            return bool(data)
        return False

    def line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            if not self._more():
                raise EOFError(self.buffer)
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def head(self) -> Response:
        """Read the next answer's head; 100 Continue is skipped.

        EOFError when the connection ended instead.
        """
        status_line = self.line()
        _, status, reason = (status_line.decode("latin-1") + " ").split(" ", 2)
        headers: list[tuple[str, str]] = []
        while line := self.line():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))
        if status == "100":
            return self.head()
        response = Response(int(status), reason.strip(), headers)
        self._is_chunked = "chunked" in (response.get("transfer-encoding") or "")
        length = response.get("content-length")
        self._left = None if length is None else int(length)
        if response.status in (204, 304):
            self._left = 0
        return response

    def chunk(self) -> bytes:
        """Read the next piece of the body; b"" at its end. EOFError when it was cut."""
        if self._is_chunked:
            size = int(self.line().partition(b";")[0], 16)
            while len(self.buffer) < size + 2:
                if not self._more():
                    raise EOFError(self.buffer)
            data, self.buffer = self.buffer[:size], self.buffer[size + 2 :]
            return data
        if self._left == 0:
            return b""
        if not self.buffer and not self._more():
            if self._left is None:
                return b""
            raise EOFError
        size = len(self.buffer) if self._left is None else min(self._left, len(self.buffer))
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        if self._left is not None:
            self._left -= size
        return data

    def until(self, mark: bytes) -> bytes:
        """Read the body up to the piece that brings `mark`."""
        got = b""
        while mark not in got:
            piece = self.chunk()
            assert piece, f"the body ended before {mark!r}: {got[-300:]!r}"
            got += piece
        return got

    def rest(self) -> tuple[bytes, bool]:
        """Read what is left of the body; return it, and whether it was cut."""
        pieces = []
        try:
            while piece := self.chunk():
                pieces.append(piece)
        except EOFError:
            return b"".join(pieces), True
        return b"".join(pieces), False

    def response(self, method: str = "GET") -> Response:
        answer = self.head()
        if method != "HEAD":
            answer.body, answer.is_cut = self.rest()
        return answer

    def is_closed(self) -> bool:
        """Wait for the peer's end of the connection."""
        while self._more():
            pass
        return True


def ask(
    port: int, method: str, target: str | bytes, headers: Headers = (), body: bytes | None = None
) -> Response:
    """Make one request on a connection of its own."""
    with RawClient(port) as client:
        return client.ask(method, target, headers, body).response(method)


def events(body: bytes) -> list[str]:
    """Return the `event:` names of an SSE body, in order."""
    return [line[7:].decode() for line in body.split(b"\n") if line.startswith(b"event: ")]
