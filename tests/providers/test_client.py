"""The outbound transport over real sockets: bytes leave as the driver built them, and arrive as sent."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from providers.client import ClientOptions, Transport
from tests.fakes.server import CUT, RESET, Answer, FakeServer


@pytest.fixture
def vendor() -> Iterator[FakeServer]:
    with FakeServer(lambda seen: Answer(200, [("content-type", "text/plain")], [b"ok"])) as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport(ClientOptions(connect_timeout_seconds=2.0))
    yield transport
    await transport.aclose()


async def body_of(response: httpx.Response) -> bytes:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return b"".join([chunk async for chunk in response.stream])
    finally:
        await response.stream.aclose()


async def test_headers_leave_as_given_repeated_and_without_additions(
    vendor: FakeServer, transport: Transport
) -> None:
    headers = [("X-One", "1"), ("anthropic-beta", "a"), ("anthropic-beta", "b")]
    await body_of(
        await transport.handle_async_request(httpx.Request("POST", vendor.url, headers=headers, content=b"x"))
    )
    seen = vendor.seen[0]
    assert seen.all("anthropic-beta") == [b"a", b"b"]
    names = {name.lower() for name, _ in seen.headers}
    assert names == {b"host", b"x-one", b"anthropic-beta", b"content-length"}
    assert seen.body == b"x"


async def test_a_request_target_leaves_byte_for_byte(vendor: FakeServer, transport: Transport) -> None:
    target = b"/v1/models/a%3Ab%2Fc|d?limit=1000&q='x'&&r=%zz"
    request = httpx.Request("GET", vendor.url, extensions={"target": target})
    await body_of(await transport.handle_async_request(request))
    assert vendor.seen[0].target == target


async def test_a_request_with_addresses_is_connected_to_one_of_them_and_to_nothing_else(
    vendor: FakeServer, transport: Transport
) -> None:
    def asked(*addresses: str) -> httpx.Request:
        return httpx.Request(
            "GET", f"http://nobody.invalid:{vendor.port}", extensions={"addresses": addresses}
        )

    assert await body_of(await transport.handle_async_request(asked("127.0.0.1"))) == b"ok"
    assert vendor.seen[0].get("host") == b"nobody.invalid:%d" % vendor.port
    for addresses in (("127.0.0.99",), ("localhost",)):  # nobody listens there; no address
        with pytest.raises(httpx.ConnectError):
            await transport.handle_async_request(asked(*addresses))


async def test_answers_come_as_they_are_no_redirect_no_cookie_no_decoding(
    vendor: FakeServer, transport: Transport
) -> None:
    headers = [
        ("location", "/else"),
        ("set-cookie", "a=b"),
        ("vary", "x"),
        ("vary", "y"),
        ("content-encoding", "gzip"),
    ]
    vendor.say(Answer(302, headers, [b"not gzip at all"]))
    response = await transport.handle_async_request(httpx.Request("GET", vendor.url))
    assert response.status_code == 302
    assert response.headers.get_list("vary") == ["x", "y"]
    assert await body_of(response) == b"not gzip at all"
    await body_of(await transport.handle_async_request(httpx.Request("GET", vendor.url)))
    assert [seen.target for seen in vendor.seen] == [b"/", b"/"]
    assert vendor.seen[1].get("cookie") is None


async def test_a_read_answer_gives_its_connection_back_and_an_unread_one_closes_it(
    vendor: FakeServer, transport: Transport
) -> None:
    for _ in range(3):
        await body_of(await transport.handle_async_request(httpx.Request("GET", vendor.url)))
    assert vendor.accepted == 1
    vendor.say(Answer(200, [], [b"a", 30.0, b"b"], framing="chunked"))
    response = await transport.handle_async_request(httpx.Request("GET", vendor.url))
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for _ in response.stream:
        break
    await response.stream.aclose()
    await asyncio.to_thread(vendor.seen[-1].wait_gone)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(raw_head=b"", parts=[RESET], framing="none"), httpx.ReadError),
        (Answer(raw_head=b"", parts=[CUT], framing="none"), httpx.ReadError),
        (Answer(raw_head=b"SMTP ready\r\n\r\n", framing="none", close=True), httpx.RemoteProtocolError),
        (Answer(200, [], [b"a", CUT], length=9), httpx.RemoteProtocolError),
        (Answer(200, [], [b"a", CUT], framing="chunked"), httpx.RemoteProtocolError),
    ],
)
async def test_what_goes_wrong_is_an_httpx_error_without_a_url(
    vendor: FakeServer, transport: Transport, answer: Answer, error: type[httpx.TransportError]
) -> None:
    vendor.say(answer)
    with pytest.raises(error) as raised:
        await body_of(await transport.handle_async_request(httpx.Request("POST", vendor.url, content=b"x")))
    assert vendor.url not in str(raised.value)


async def test_nobody_listening_is_a_connect_error(transport: Transport) -> None:
    with FakeServer() as gone:
        url = gone.url
    with pytest.raises(httpx.ConnectError):
        await transport.handle_async_request(httpx.Request("GET", url))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://127.0.0.1:0x/"])
async def test_a_url_that_cannot_be_called(transport: Transport, url: str) -> None:
    with pytest.raises((httpx.UnsupportedProtocol, httpx.InvalidURL)):
        await transport.handle_async_request(httpx.Request("GET", url))
