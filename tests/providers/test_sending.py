"""One request is built, sent and classified, whoever asks."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest

from providers.client import head_of
from providers.dialects.types import WireRequest
from providers.drivers.base import Outcome
from providers.drivers.table import DriverSet
from providers.sending import Sender, read_whole
from providers.upstream import Credential, CredentialKind, Upstream

KEY = Credential(CredentialKind.API_KEY, "sk-ant-api03-of-this-test")
UPSTREAM = Upstream("p", "anthropic", "https://p.test/base", "a", KEY)
REQUEST = WireRequest("GET", b"/v1/models", b"limit=1", (), b"")


class Body(httpx.AsyncByteStream):
    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk

    async def aclose(self) -> None:
        self.is_closed = True


class Vendor(httpx.AsyncBaseTransport):
    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.response


def vendor(status: int, *chunks: bytes, **headers: str) -> tuple[Vendor, Sender]:
    made = Vendor(httpx.Response(status, headers=headers, stream=Body(*chunks)))
    return made, Sender(DriverSet(made))


async def test_the_head_comes_with_the_body_still_to_be_read() -> None:
    made, sender = vendor(200, b"a", b"b")
    response = await sender.send(UPSTREAM, REQUEST, 2.5)
    [sent] = made.requests
    assert sent.extensions["target"] == b"/base/v1/models?limit=1"
    assert (sent.headers["x-api-key"], sent.extensions["timeout"]) == (KEY.secret, {"connect": 2.5})
    assert isinstance(response.stream, Body) and not response.stream.is_closed
    assert await read_whole(response, 2) == b"ab"


async def test_without_a_timeout_of_its_own_the_configured_one_holds() -> None:
    made, sender = vendor(200)
    await sender.send(UPSTREAM, REQUEST)
    assert "timeout" not in made.requests[0].extensions


async def test_a_whole_answer_is_classified_and_its_connection_given_back() -> None:
    made, sender = vendor(503, b"{}")
    fetched = await sender.fetch(UPSTREAM, REQUEST, 100)
    assert (fetched.answer.status, fetched.verdict.outcome) == (503, Outcome.RETRY_OTHER)
    assert isinstance(made.response.stream, Body) and made.response.stream.is_closed


async def test_a_compressed_answer_is_decoded_and_an_errors_secrets_are_masked() -> None:
    _, sender = vendor(200, gzip.compress(b'{"data":[]}'), **{"content-encoding": "gzip"})
    assert (await sender.fetch(UPSTREAM, REQUEST, 100)).answer.body == b'{"data":[]}'
    _, sender = vendor(401, b'{"error":{"message":"no such key: %b"}}' % KEY.secret.encode())
    fetched = await sender.fetch(UPSTREAM, REQUEST, 100)
    assert KEY.secret.encode() not in fetched.answer.body and KEY.secret not in fetched.verdict.reason


@pytest.mark.parametrize("body", [b"x" * 101, gzip.compress(b"x" * 101, mtime=0)], ids=["plain", "gzip"])
async def test_an_answer_has_a_limit_compressed_or_not(body: bytes) -> None:
    coding = {"content-encoding": "gzip"} if body[0] != ord("x") else {}
    made, sender = vendor(200, body, **coding)
    with pytest.raises(httpx.RemoteProtocolError):
        await sender.fetch(UPSTREAM, REQUEST, 100)
    assert isinstance(made.response.stream, Body) and made.response.stream.is_closed


async def test_reading_stops_beyond_the_limit() -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await read_whole(httpx.Response(200, stream=Body(b"1234", b"567890", b"1")), 10)


def test_names_of_headers_are_lower_case() -> None:
    assert head_of(httpx.Response(200, headers={"X-A": "B"}), b"c").headers == ((b"x-a", b"B"),)


def test_no_header_quotes_the_call_s_credential() -> None:
    secret = "canary-of-a-call-0123456789"
    Credential(CredentialKind.API_KEY, secret)  # known since it was made
    quoting = httpx.Response(200, headers={"request-id": "r", "x-debug": f"key={secret}"})
    assert head_of(quoting, secret=secret).headers == ((b"request-id", b"r"), (b"x-debug", b"key=***"))
    assert head_of(quoting, secret="another").headers[1] == (b"x-debug", b"key=" + secret.encode())
