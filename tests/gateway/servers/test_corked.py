"""What leaves together, and that nothing waits for what may not come."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from gateway.servers.corked import Corked

HEAD, BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"body"


class Counted(asyncio.Transport):
    """A real transport under it, and how often it was asked to write."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self.real = transport
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self.real.write(data)

    def writelines(self, pieces) -> None:
        self.writes.append(b"".join(pieces))
        self.real.writelines(pieces)

    def is_closing(self) -> bool:
        return self.real.is_closing()

    def close(self) -> None:
        self.real.close()


@pytest.fixture
async def wire() -> AsyncIterator[tuple[Counted, Corked, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    counted = Counted(transport)
    yield counted, Corked(counted, loop), theirs
    transport.abort()
    theirs.close()


async def read(sock: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(sock, 1000)


async def test_a_head_and_the_first_of_its_body_leave_at_once_and_the_rest_as_it_comes(wire) -> None:
    counted, corked, theirs = wire
    corked.write(HEAD)
    assert counted.writes == []
    corked.write(BODY)
    corked.write(b"more")
    assert counted.writes == [HEAD + BODY, b"more"]
    await asyncio.sleep(0)
    assert await read(theirs) == HEAD + BODY + b"more"
    assert len(counted.writes) == 2


async def test_a_head_whose_body_is_still_to_come_leaves_in_the_next_turn(wire) -> None:
    counted, corked, theirs = wire
    corked.write(HEAD)
    assert await read(theirs) == HEAD
    corked.write(BODY)
    assert await read(theirs) == BODY
    assert counted.writes == [HEAD, BODY]


async def test_a_close_loses_nothing_and_a_connection_that_is_gone_gets_nothing(wire) -> None:
    counted, corked, theirs = wire
    corked.write(HEAD)
    corked.close()
    assert (await read(theirs), corked.is_closing()) == (HEAD, True)
    assert await read(theirs) == b""
    late = Corked(counted, asyncio.get_running_loop())
    late.write(HEAD)
    await asyncio.sleep(0)
    assert counted.writes == [HEAD]
