"""An upstream on a real socket that closes at a moment of the test's choice, and counts what it took."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

ANSWER_BODY = (
    b'{"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5", "stop_reason": "end_turn", '
    b'"content": [{"type": "text", "text": "fine"}], "usage": {"input_tokens": 1, "output_tokens": 1}}'
)
ANSWER_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
    ANSWER_BODY
)


class Moment(IntEnum):
    """Of one exchange, in order. A connection closes when it gets there."""

    ACCEPTED = 0  # nothing read
    STARTED = 1  # the beginning of the request read
    TAKEN = 2  # the whole request read
    STATUS = 3  # half of the answer's head sent
    HEAD = 4
    BODY = 5  # half of the body sent
    ANSWERED = 6


@dataclass(frozen=True)
class Closing:
    """`after_seconds` at that moment; with a reset instead of an orderly end. An idle one that gets a request stays,
    unless it is careless: then it has read what came meanwhile, and closes all the same."""

    moment: Moment
    is_reset: bool = False
    after_seconds: float = 0.0
    is_careless: bool = False


Plan = Callable[[int, int], Closing | None]
"""By the numbers of the connection and of its exchange, from 1; None = it is kept."""


class _Connection(asyncio.Protocol):
    def __init__(self, server: ClosingServer) -> None:
        self.server = server
        self.exchange = 1
        self.buffer = bytearray()
        self.timer: asyncio.TimerHandle | None = None
        self.is_deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.accepted += 1
        self.number = self.server.accepted
        self._reach(Moment.ACCEPTED)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self.is_deaf or self.transport.is_closing():
            return
        if self.timer is not None:
            self.timer.cancel()
        is_new = not self.buffer
        self.buffer += data
        if is_new and self._reach(Moment.STARTED):
            return
        head, found, body = bytes(self.buffer).partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self.buffer.clear()
            self.server.taken[_name(head + body)] += 1
            self._answer()

    def _answer(self) -> None:
        half = len(ANSWER_HEAD) // 2
        sent = b""
        for moment, part in (
            (Moment.TAKEN, b""),
            (Moment.STATUS, ANSWER_HEAD[:half]),
            (Moment.HEAD, ANSWER_HEAD[half:]),
            (Moment.BODY, ANSWER_BODY[:20]),
            (Moment.ANSWERED, ANSWER_BODY[20:]),
        ):
            sent += part
            closing = self._planned(moment)
            if closing is not None or moment is Moment.ANSWERED:
                self.transport.write(sent)
            if closing is not None:
                self._close(closing)
                break
        self.exchange += 1

    def _planned(self, moment: Moment) -> Closing | None:
        closing = self.server.plan(self.number, self.exchange)
        return closing if closing is not None and closing.moment is moment else None

    def _reach(self, moment: Moment) -> bool:
        closing = self._planned(moment)
        if closing is not None:
            self._close(closing)
        return closing is not None

    def _close(self, closing: Closing) -> None:
        if closing.after_seconds:
            loop = asyncio.get_running_loop()
            self.timer = loop.call_later(closing.after_seconds, self._end, closing)
            self.is_deaf = closing.is_careless or closing.moment is not Moment.ANSWERED
        else:
            self._end(closing)

    def _end(self, closing: Closing) -> None:
        if closing.is_reset:
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
        else:
            self.transport.close()


def _length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return int(found[1]) if found else 0


def _name(request: bytes) -> str:
    found = re.search(rb"call-(\w+)", request)
    return found[1].decode() if found else ""


class ClosingServer:
    """`taken`: how often each request was read whole, by the name that stands in it as `call-NAME`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.accepted = 0
        self.taken: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        making = self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(making, self._loop).result(5)
        self.port = server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


def soon(least: float = 0.001, most: float = 0.003, is_careless: bool = False) -> Plan:
    """Each connection closes that many seconds after each answer, at random."""
    chance = random.Random(13)

    def plan(connection: int, exchange: int) -> Closing:
        return Closing(Moment.ANSWERED, after_seconds=chance.uniform(least, most), is_careless=is_careless)

    return plan
