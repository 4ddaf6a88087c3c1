"""Where an answer's body ends by its chunks or its length, and which of both are none."""

import httpx
import pytest

from providers.client import Transport
from tests.fakes.server import FakeServer
from tests.providers.http1.asking import ask, said

CHUNKED = [
    b"chunked",
    b"chunked ",
    b"chunked  ",
    b"chunked\t",
    b"\t chunked \t",
    b"CHUNKED",
    b"Chunked ",
    b"chunked,",
    b", chunked , ",
    b"identity, chunked",
    b"identity,chunked\t",
    b"identity\r\nTransfer-Encoding: chunked ",
    b"chunked\r\nTransfer-Encoding: ,",
]
"""Ways to say that a body comes in chunks."""
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
CHUNKS = b"4\r\nhalf\r\n5\r\n more\r\n0\r\n\r\n"


@pytest.mark.parametrize("coding", CHUNKED)
@pytest.mark.parametrize("is_split", [False, True])
async def test_chunks_end_with_the_last_and_are_cut_before_it(
    vendor: FakeServer, transport: Transport, coding: bytes, is_split: bool
) -> None:
    head = HEAD + coding + b"\r\n\r\n"
    parts = [bytes([byte]) for byte in CHUNKS] if is_split else [CHUNKS]
    vendor.say(said(head, parts=parts))
    assert (await ask(transport, vendor))[1] == b"half more"
    for at in (0, 1, 5, 9, 12, len(CHUNKS) - 5, len(CHUNKS) - 3, len(CHUNKS) - 2, len(CHUNKS) - 1):
        vendor.say(said(head, parts=[CHUNKS[:at]], close=True))
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(transport, vendor)


@pytest.mark.parametrize("coding", CHUNKED)
async def test_an_answer_behind_the_last_chunk_is_no_part_of_the_body(
    vendor: FakeServer, transport: Transport, coding: bytes
) -> None:
    whole = HEAD + coding + b"\r\n\r\n" + CHUNKS
    for second in (
        whole,
        b"HTTP/1.1 200 OK\r\n\r\nmore",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\nmore",
    ):
        vendor.say(said(whole + second))
        assert (await ask(transport, vendor))[1] == b"half more"


@pytest.mark.parametrize(
    "coding",
    [
        b"gzip",
        b"chunked, gzip",
        b"chunked, identity",
        b"xchunked",
        b"chunked;q=1",
        b'"chunked"',
        b"chunked x",
    ],
)
async def test_a_coding_whose_end_cannot_be_told_is_no_answer(
    vendor: FakeServer, transport: Transport, coding: bytes
) -> None:
    vendor.say(said(HEAD + coding + b"\r\n\r\n" + CHUNKS, close=True))
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(transport, vendor)


@pytest.mark.parametrize(
    "chunks",
    [
        b"-1\r\no",
        b"0x2\r\nok\r\n",
        b"f" * 17 + b"\r\no",
        b"\r\nok",
        b"2\r\nok0\r\n\r\n",
        b"2\r\nokX\r\n",
        b" 2\r\nok\r\n",
    ],
)
async def test_chunks_that_are_none(vendor: FakeServer, transport: Transport, chunks: bytes) -> None:
    for coding in (b"chunked", b"chunked\t"):
        vendor.say(said(HEAD + coding + b"\r\n\r\n" + chunks))
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(transport, vendor)


@pytest.mark.parametrize(
    "length", [b"2, 2", b"+2", b"-2", b"2 2", b"0x2", b"", b"9" * 30, b"\xb2", b"2\r\nContent-Length: 2"]
)
async def test_lengths_that_are_none(vendor: FakeServer, transport: Transport, length: bytes) -> None:
    vendor.say(said(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\nok", close=True))
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(transport, vendor)
