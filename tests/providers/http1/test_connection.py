"""One connection over real sockets: what an answer may look like, where it ends, and what is not one."""

import asyncio
import time

import httpx
import pytest

from providers.client import Transport
from providers.http1.connection import READ_BYTES
from tests.fakes.server import CUT, RESET, Answer, FakeServer, Gate
from tests.providers.http1.asking import ask, said

WHOLE = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok"),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, b""),
    (b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, b""),
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
        said(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000),
        said(b"HTTP/1.1 199 X\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        said(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: " + b"x" * 400_000),
        *[
            said(b"HTTP/1.1 %b X\r\nContent-Length: 2\r\n\r\nok" % status)
            for status in (
                b"000",
                b"001",
                b"099",
                b"600",
                b"700",
                b"999",
                b"2000",
                b"20",
                b"-20",
                b"2x0",
                b"",
            )
        ],
        said(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
        said(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
        said(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
        said(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
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


async def test_a_copy_that_is_still_good_has_no_body_and_no_length(
    vendor: FakeServer, transport: Transport
) -> None:
    """The length is that of the copy; who sends a body all the same does not begin the next answer with it."""
    head = b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 5\r\n\r\n"
    for parts in ([], [b"hello"], [0.02, b"hello"]):
        vendor.say(said(head, parts=parts))
        response, body = await ask(transport, vendor, "GET")
        assert (response.status_code, response.headers.raw, body) == (304, [(b"ETag", b"x")], b"")
        assert (await ask(transport, vendor))[1] == b"ok"


async def test_bytes_behind_a_whole_answer_do_not_spoil_it(vendor: FakeServer, transport: Transport) -> None:
    """They come before the answer was read, in a packet of their own."""
    gate = Gate()
    vendor.say(said(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", parts=[gate, b"evil"]))
    response = await transport.handle_async_request(httpx.Request("GET", vendor.url))
    assert isinstance(response.stream, httpx.AsyncByteStream)
    gate.open()
    async with asyncio.timeout(5):
        while vendor.open:
            await asyncio.sleep(0.002)
    assert b"".join([chunk async for chunk in response.stream]) == b"ok"
    await response.stream.aclose()


async def test_a_body_behind_an_answer_to_head_is_not_its_body(
    vendor: FakeServer, transport: Transport
) -> None:
    vendor.say(Answer(raw_head=b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", framing="none"))
    assert (await ask(transport, vendor, "HEAD"))[1] == b""
    assert (await ask(transport, vendor))[1] == b"ok"


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
        assert largest <= 256 * 1024  # what one read of the socket brings
        await response.stream.aclose()


async def test_of_many_chunks_no_more_is_handed_over_than_is_passed_on(transport: Transport) -> None:
    """It stays in memory with a reader whose own reader has stopped."""
    pieces = [b"%06d" % number * 1000 for number in range(300)]
    with FakeServer(lambda seen: Answer(200, [], pieces, "chunked")) as vendor:
        response = await transport.handle_async_request(httpx.Request("GET", vendor.url))
        assert isinstance(response.stream, httpx.AsyncByteStream)
        got = []
        async for chunk in response.stream:
            got.append(chunk)
            await asyncio.sleep(0.01)  # more comes meanwhile
        assert b"".join(got) == b"".join(pieces)
        assert 6000 < max(map(len, got)) <= READ_BYTES
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
    """Refuse a large body without reading it, as a vendor does with 413."""

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
