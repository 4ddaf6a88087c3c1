"""One connection over real sockets: what an answer may look like, where it ends, and what is not one."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from providers.client import Transport
from providers.http1.connection import HIGH_WATER_BYTES
from tests.fakes.server import CUT, RESET, Answer, FakeServer, Gate


@pytest.fixture
def vendor() -> Iterator[FakeServer]:
    with FakeServer(lambda seen: Answer(200, [], [b"ok"])) as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport()
    yield transport
    await transport.aclose()


async def ask(transport: Transport, vendor: FakeServer, method: str = "POST") -> tuple[httpx.Response, bytes]:
    content = b"x" if method == "POST" else None
    response = await transport.handle_async_request(httpx.Request(method, vendor.url, content=content))
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return response, b"".join([chunk async for chunk in response.stream])
    finally:
        await response.stream.aclose()


def said(raw: bytes, **more: object) -> Answer:
    return Answer(raw_head=raw, framing="none", **more)  # type: ignore[arg-type]


WHOLE = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok"),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", 200, b"ok"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nDigest: z\r\n\r\n", 200, b"ok"),
    (
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        200,
        b"ok",
    ),
]


@pytest.mark.parametrize(("raw", "status", "body"), WHOLE)
@pytest.mark.parametrize("is_split", [False, True])
async def test_forms_of_an_answer_and_the_connection_goes_on(
    vendor: FakeServer, transport: Transport, raw: bytes, status: int, body: bytes, is_split: bool
) -> None:
    parts = [raw[at : at + 1] for at in range(len(raw))] if is_split else [raw]
    vendor.say(Answer(raw_head=b"", parts=parts, framing="none"))
    response, seen = await ask(transport, vendor)
    assert (response.status_code, seen) == (status, body)
    assert "link" not in response.headers and "digest" not in response.headers
    assert (await ask(transport, vendor))[1] == b"ok"
    assert vendor.accepted == 1


async def test_header_bytes_come_and_leave_as_they_are(vendor: FakeServer, transport: Transport) -> None:
    vendor.say(
        said(
            b"HTTP/1.1 200 S\xfcper\r\nX-Empty:\r\nX-Latin: \xfc\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 0\r\n\r\n"
        )
    )
    sent = [(b"X-Latin", b"\xfc"), (b"X-Utf", "ü".encode()), (b"X-Empty", b"")]
    response = await transport.handle_async_request(httpx.Request("GET", vendor.url, headers=sent))
    assert response.headers.raw == [
        (b"X-Empty", b""),
        (b"X-Latin", b"\xfc"),
        (b"X-Two", b"1"),
        (b"X-Two", b"2"),
        (b"Content-Length", b"0"),
    ]
    assert response.extensions["reason_phrase"] == b"S\xfcper"
    assert [pair for pair in vendor.seen[0].headers if pair[0].startswith(b"X-")] == sent


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ],
)
async def test_a_connection_that_must_not_be_used_again(
    vendor: FakeServer, transport: Transport, raw: bytes
) -> None:
    vendor.say(said(raw))
    assert (await ask(transport, vendor))[1] == b"ok"
    assert (await ask(transport, vendor))[1] == b"ok"
    assert vendor.accepted == 2


async def test_an_answer_to_head_has_no_body(vendor: FakeServer, transport: Transport) -> None:
    vendor.say(Answer(200, [("x-seen", "1")], [b"not sent"]))
    response, body = await ask(transport, vendor, "HEAD")
    assert (response.headers["content-length"], body) == ("8", b"")
    assert (await ask(transport, vendor))[1] == b"ok"


async def test_a_body_without_a_length_ends_with_its_connection(
    vendor: FakeServer, transport: Transport
) -> None:
    vendor.say(Answer(200, [], [b"a", b"b"], framing="close"))
    assert (await ask(transport, vendor))[1] == b"ab"
    vendor.say(Answer(200, [], [b"a", 0.01, RESET], framing="close"))
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(transport, vendor)


@pytest.mark.parametrize(
    "answer",
    [
        said(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n??"),
        said(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        said(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        said(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        said(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 400_000),
        said(b"HTTP/1.1 200 OK\r\nX-Half", close=True),
        Answer(200, [], [b"half", CUT], length=9),
    ],
)
async def test_what_is_not_an_answer_says_so_and_closes(
    vendor: FakeServer, transport: Transport, answer: Answer
) -> None:
    vendor.say(answer)
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(transport, vendor)
    assert (await ask(transport, vendor))[1] == b"ok"
    assert vendor.accepted == 2


async def test_what_came_before_a_cut_is_read_first(vendor: FakeServer, transport: Transport) -> None:
    vendor.say(Answer(200, [], [b"first", CUT], framing="chunked"))
    response = await transport.handle_async_request(httpx.Request("GET", vendor.url))
    await asyncio.to_thread(vendor.wait_seen)
    assert isinstance(response.stream, httpx.AsyncByteStream)
    stream = response.stream.__aiter__()
    assert await anext(stream) == b"first"
    with pytest.raises(httpx.RemoteProtocolError):
        await anext(stream)
    await response.stream.aclose()


async def test_a_reader_that_stops_stops_the_upstream(transport: Transport) -> None:
    piece, count = b"y" * 65536, 800
    with FakeServer(lambda seen: Answer(200, [], [piece] * count), send_buffer=65536) as vendor:
        response = await transport.handle_async_request(httpx.Request("GET", vendor.url))
        assert isinstance(response.stream, httpx.AsyncByteStream)
        stream = response.stream.__aiter__()
        seen = len(await anext(stream))
        sent, still = -1, 0
        while still < 20:  # until the upstream has not got on for a while
            await asyncio.sleep(0.01)
            still = still + 1 if vendor.seen[0].bytes_sent == sent else 0
            sent = vendor.seen[0].bytes_sent
        assert sent < 16 * 2**20 < count * len(piece)
        largest = 0
        async for chunk in stream:
            seen += len(chunk)
            largest = max(largest, len(chunk))
        assert seen == count * len(piece)
        assert largest <= HIGH_WATER_BYTES + 512 * 1024  # what one read of the socket may add
        await response.stream.aclose()


async def test_who_gives_up_waiting_closes_the_connection(vendor: FakeServer, transport: Transport) -> None:
    gate = Gate()
    vendor.say(Answer(200, [], [b"late"], before_head=gate))
    asking = asyncio.create_task(ask(transport, vendor))
    await asyncio.to_thread(vendor.wait_seen)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    began = time.monotonic()
    assert await asyncio.to_thread(vendor.seen[0].wait_gone) - began < 1.0
    gate.open()


async def test_an_answer_that_comes_before_the_request_has_left(transport: Transport) -> None:
    """A vendor that refuses a large body without reading it, as 413 does."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0, limit=2**16)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(20):
        response = await transport.handle_async_request(
            httpx.Request("POST", url, content=b"x" * (64 * 2**20))
        )
        assert isinstance(response.stream, httpx.AsyncByteStream)
        assert response.status_code == 413
        assert b"".join([chunk async for chunk in response.stream]) == b"big"
        await response.stream.aclose()  # not to be used again: half a request is still in its buffer
    server.close()
