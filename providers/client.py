"""The only outbound HTTP of the data plane: httpx's types, aiohttp's engine.

The ready-made bridge was tried and is not byte-faithful (it unquotes `%3A` in paths, joins repeated headers and adds
four of its own), so this transport is ours: what the driver built is what leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache

import aiohttp
import httpx
import yarl
from multidict import CIMultiDict

SKIPPED_AUTO_HEADERS = frozenset({"Accept", "Accept-Encoding", "User-Agent", "Content-Type"})


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Durations in seconds."""

    connect_timeout_seconds: float = 10.0
    connections: int = 0  # 0 = no limit: the limits of tokens and accounts are the limits
    keepalive_seconds: float = 30.0


class Transport(httpx.AsyncBaseTransport):
    """One pool of connections for one event loop. Redirects are not followed, cookies not kept, bodies not decoded.

    Raises `httpx.ConnectError`, `ConnectTimeout`, `ReadError`, `RemoteProtocolError`, `UnsupportedProtocol`.
    """

    def __init__(self, options: ClientOptions | None = None) -> None:
        options = options or ClientOptions()
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=options.connect_timeout_seconds, ceil_threshold=3600
        )
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=options.connections,
                keepalive_timeout=options.keepalive_seconds,
                ttl_dns_cache=30,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=self._timeout,
            skip_auto_headers=SKIPPED_AUTO_HEADERS,
            trust_env=False,
            read_bufsize=2**17,
            max_line_size=2**16,
            max_field_size=2**16,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The head of the answer; its body comes by iterating `response.stream`."""
        try:
            answer = await self._session.request(
                request.method,
                _url(_address(request)),
                headers=CIMultiDict([(k.decode("ascii"), _text(v)) for k, v in request.headers.raw]),
                data=_body(request) or None,
                allow_redirects=False,
                proxy=request.extensions.get("proxy"),
                timeout=self._timeout_of(request),
            )
        except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
            raise _mapped(exc, request) from exc
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_Body(answer, request),
            extensions={"reason_phrase": (answer.reason or "").encode("latin-1", "replace")},
            request=request,
        )

    def _timeout_of(self, request: httpx.Request) -> aiohttp.ClientTimeout:
        """A driver's own, where it gave one: `{"connect": seconds}`, as httpx names it."""
        connect = request.extensions.get("timeout", {}).get("connect")
        if connect is None:
            return self._timeout
        return aiohttp.ClientTimeout(total=None, sock_connect=connect, ceil_threshold=3600)

    async def aclose(self) -> None:
        await self._session.close()


class _Body(httpx.AsyncByteStream):
    """The bytes as they come off the network, as much at a time as there is."""

    __slots__ = ("_answer", "_request")

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._answer.content
        try:
            while chunk := await content.readany():
                yield chunk
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as exc:
            raise _mapped(exc, self._request) from exc

    async def aclose(self) -> None:
        """Gives the connection back when the body was read to its end, else closes it at once."""
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


def _body(request: httpx.Request) -> bytes:
    """What `request.read()` gives, without its search through typing's abstract classes."""
    stream = request.stream
    return b"".join(stream) if isinstance(stream, httpx.SyncByteStream) else request.content


def _text(value: bytes) -> str:
    """The engine writes text as UTF-8, so that is how bytes come through unchanged."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _address(request: httpx.Request) -> str:
    """The URL, with the driver's own request target where it gave one: httpx's URL type re-quotes paths and queries."""
    target = request.extensions.get("target")
    if target is None:
        return str(request.url)
    url = request.url
    return f"{url.scheme}://{url.netloc.decode('ascii')}{target.decode('ascii')}"


@lru_cache(maxsize=1024)
def _url(text: str) -> yarl.URL:
    return yarl.URL(text, encoded=True)


def _mapped(exc: Exception, request: httpx.Request) -> httpx.TransportError:
    """The engine's error as httpx names it. Messages hold no URL: they may reach a log."""
    if isinstance(exc, aiohttp.ServerTimeoutError | TimeoutError):
        return httpx.ConnectTimeout("no connection in time", request=request)
    if isinstance(exc, aiohttp.ClientConnectorError):
        return httpx.ConnectError("no connection", request=request)
    if isinstance(exc, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return httpx.ReadError("the connection was closed without an answer", request=request)
    if isinstance(exc, aiohttp.ClientPayloadError):
        return httpx.RemoteProtocolError("the answer was cut", request=request)
    if isinstance(exc, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError | ValueError):
        return httpx.UnsupportedProtocol("the provider's URL can't be called", request=request)
    return httpx.RemoteProtocolError("the answer is not HTTP", request=request)
