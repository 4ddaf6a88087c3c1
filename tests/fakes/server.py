"""A small HTTP/1.1 server that does exactly what a test says, byte for byte, on a real socket.

It runs in a thread with its own event loop, so that blocking tests can drive it. It keeps every
request as it came over the socket, and plays answers part by part: bytes, pauses, gates that the test
opens, a reset, an end without the closing chunk.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

RawHeaders = list[tuple[bytes, bytes]]


class Reset:
    """Part of an answer: the connection is reset (RST)."""


class Cut:
    """Part of an answer: the connection is closed (FIN) where it stands, without a closing chunk."""


RESET = Reset()
CUT = Cut()


class Gate:
    """Part of an answer: it goes on when the test calls `open()`."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reached = threading.Event()

    def open(self) -> None:
        self._event.set()

    @property
    def is_open(self) -> bool:
        return self._event.is_set()


Part = bytes | float | int | Gate | Reset | Cut


@dataclass
class Answer:
    """What the server says to one request.

    framing: "length" (content-length of all bytes in `parts`, or `length` when given, which may lie),
    "chunked" (each bytes part is one chunk), "close" (until the connection ends), "none" (no framing
    header of ours: `headers` has it, bytes go out as they are). `raw_head` replaces the whole head.
    """

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    parts: Iterable[Part] = ()
    framing: str = "length"
    length: int | None = None
    reason: str = "OK"
    delay: float = 0.0  # seconds before the head
    before_head: Gate | None = None
    raw_head: bytes | None = None
    close: bool = False  # close after this answer


@dataclass
class Seen:
    """One request as it was received. Times are `time.monotonic()`."""

    method: str
    target: bytes
    version: bytes
    headers: RawHeaders
    connection: int
    at: float
    body: bytes = b""
    raw_head: bytes = b""
    bytes_sent: int = 0  # handed to the kernel or waiting in our buffer
    finished_at: float | None = None
    gone_at: float | None = None  # the caller closed before the answer was whole
    _gone: threading.Event = field(default_factory=threading.Event, repr=False)
    _finished: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]

    @property
    def query(self) -> bytes:
        return self.target.partition(b"?")[2]

    def all(self, name: str) -> list[bytes]:
        """Every value of the header, in order."""
        wanted = name.lower().encode()
        return [value for key, value in self.headers if key.lower() == wanted]

    def get(self, name: str) -> bytes | None:
        values = self.all(name)
        return values[0] if values else None

    def wait_gone(self, timeout: float = 5.0) -> float:
        """When the caller went away in the middle of the answer. Fails if it did not."""
        assert self._gone.wait(timeout), f"the caller was still there after {timeout} s"
        assert self.gone_at is not None
        return self.gone_at

    def wait_finished(self, timeout: float = 5.0) -> None:
        assert self._finished.wait(timeout), f"the answer was not finished after {timeout} s"


def parse_head(raw: bytes) -> tuple[bytes, bytes, bytes, RawHeaders]:
    first, *lines = raw.split(b"\r\n")
    method, target, version = first.split(b" ", 2)
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name, value.strip(b" \t")))
    return method, target, version, headers


def _find(headers: RawHeaders, name: bytes) -> bytes:
    return next((value for key, value in headers if key.lower() == name), b"")


class _Connection(asyncio.Protocol):
    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.buffer = bytearray()
        self.wake = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        self.gone = asyncio.Event()
        self.current: Seen | None = None

    # asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.accepted += 1
        self.number = self.server.accepted
        self.server.open.add(self)
        if self.server.send_buffer:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.server.send_buffer)
            transport.set_write_buffer_limits(high=self.server.send_buffer)
        self.task = asyncio.get_running_loop().create_task(self._run())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.wake.set()

    def eof_received(self) -> bool:
        self._left()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.open.discard(self)
        self._left()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def _left(self) -> None:
        self.gone.set()
        self.wake.set()
        self.writable.set()
        seen = self.current
        if seen is not None and seen.gone_at is None and seen.finished_at is None:
            seen.gone_at = time.monotonic()
            seen._gone.set()

    # reading
    async def _more(self) -> None:
        if self.gone.is_set():
            raise ConnectionError
        self.wake.clear()
        await self.wake.wait()
        if self.gone.is_set() and not self.buffer:
            raise ConnectionError

    async def _until(self, mark: bytes) -> bytes:
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            await self._more()
        found = bytes(self.buffer[:at])
        del self.buffer[: at + len(mark)]
        return found

    async def _exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            await self._more()
        found = bytes(self.buffer[:size])
        del self.buffer[:size]
        return found

    async def _body(self, headers: RawHeaders) -> bytes:
        if _find(headers, b"expect").lower() == b"100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"chunked" in _find(headers, b"transfer-encoding").lower():
            whole = bytearray()
            while size := int((await self._until(b"\r\n")).partition(b";")[0], 16):
                whole += await self._exactly(size)
                await self._until(b"\r\n")
            while await self._until(b"\r\n"):
                pass
            return bytes(whole)
        return await self._exactly(int(_find(headers, b"content-length") or 0))

    async def _run(self) -> None:
        try:
            while True:
                head = await self._until(b"\r\n\r\n")
                method, target, version, headers = parse_head(head)
                seen = Seen(
                    method.decode(), target, version, headers, self.number, time.monotonic(), raw_head=head
                )
                seen.body = await self._body(headers)
                self.current = seen
                answer = self.server._note(seen)
                await self._play(seen, answer)
                if answer.close or answer.framing == "close" or self.transport.is_closing():
                    break
        except ConnectionError:
            pass
        finally:
            self.transport.close()

    # answering
    async def _play(self, seen: Seen, answer: Answer) -> None:
        if answer.before_head:
            await self._gate(answer.before_head)
        if answer.delay:
            await self._pause(answer.delay)
        parts = list(answer.parts) if answer.framing == "length" else answer.parts
        self._write(seen, self._head(answer, parts))
        for part in parts:
            if isinstance(part, bytes):
                self._write(seen, self._frame(answer, part) if seen.method != "HEAD" else b"")
                await self.writable.wait()
            elif isinstance(part, Gate):
                await self._gate(part)
            elif isinstance(part, Reset):
                linger = struct.pack("ii", 1, 0)
                self.transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
                self.transport.abort()
                return
            elif isinstance(part, Cut):
                self.transport.close()
                return
            else:
                await self._pause(part)
            if self.gone.is_set():
                raise ConnectionError
        if answer.framing == "chunked" and seen.method != "HEAD":
            self._write(seen, b"0\r\n\r\n")
        seen.finished_at = time.monotonic()
        seen._finished.set()

    def _head(self, answer: Answer, parts: Iterable[Part]) -> bytes:
        if answer.raw_head is not None:
            return answer.raw_head
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if answer.framing == "length" and answer.status not in (204, 304):
            assert isinstance(parts, list)
            size = sum(len(part) for part in parts if isinstance(part, bytes))
            lines.append(f"content-length: {size if answer.length is None else answer.length}")
        elif answer.framing == "chunked":
            lines.append("transfer-encoding: chunked")
        elif answer.framing == "close":
            lines.append("connection: close")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    @staticmethod
    def _frame(answer: Answer, part: bytes) -> bytes:
        if answer.framing == "chunked":
            return b"%x\r\n%b\r\n" % (len(part), part) if part else b""
        return part

    def _write(self, seen: Seen, data: bytes) -> None:
        if data and not self.transport.is_closing():
            self.transport.write(data)
            seen.bytes_sent += len(data)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.gone.wait(), seconds)
            raise ConnectionError

    async def _gate(self, gate: Gate) -> None:
        gate.reached.set()
        while not gate.is_open:
            await self._pause(0.002)


Handler = Callable[[Seen], Answer]


def _not_found(seen: Seen) -> Answer:
    return Answer(404, [("content-type", "text/plain")], [b"nothing here"], reason="Not Found")


class FakeServer:
    """`with FakeServer(handler) as server: …`. Scripted answers (`say`) go before the handler's."""

    def __init__(self, handler: Handler = _not_found, send_buffer: int | None = None) -> None:
        self.handler = handler
        self.send_buffer = send_buffer  # bytes; small = the kernel hides less of a paused reader
        self.seen: list[Seen] = []
        self.accepted = 0  # connections since the start
        self.open: set[_Connection] = set()
        self._script: deque[Answer | Handler] = deque()
        self._arrived = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    # driven by the test
    def start(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(5)
        return self

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, *answers: Answer | Handler) -> None:
        """The next requests, whatever they are, get these answers, in this order."""
        self._script.extend(answers)

    def reset(self) -> None:
        """Forget requests and script; open connections stay."""
        self._script.clear()
        with self._arrived:
            self.seen = []

    def wait_seen(self, count: int = 1, timeout: float = 5.0) -> list[Seen]:
        """The requests so far, once there are `count` of them."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= count, timeout), (
                f"{len(self.seen)} of {count} requests after {timeout} s"
            )
            return list(self.seen)

    @property
    def last(self) -> Seen:
        return self.wait_seen()[-1]

    # on the loop
    async def _listen(self) -> int:
        self._server = await self.loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=512)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _shut(self) -> None:
        self._server.close()
        tasks = [connection.task for connection in self.open]
        for connection in list(self.open):
            connection.transport.abort()
            connection.task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _note(self, seen: Seen) -> Answer:
        with self._arrived:
            self.seen.append(seen)
            self._arrived.notify_all()
        try:
            answer = self._script.popleft() if self._script else self.handler
            return answer if isinstance(answer, Answer) else answer(seen)
        except Exception as error:  # noqa: BLE001 - the test must see it, not a hanging caller
            return Answer(500, [("content-type", "text/plain")], [f"fake server: {error!r}".encode()])
