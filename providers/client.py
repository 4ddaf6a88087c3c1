"""Send the data plane's requests: httpx's types over our own HTTP/1.1 connections (`providers.http1`).

This is its only outbound HTTP. httpx's own client costs several times what relaying does, and the ready-made
bridges to other engines are not byte-faithful: they unquote `%3A` in paths, join repeated headers, add some
of their own. Requests leave as the driver built them, with `Host` and `Content-Length` added.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from providers.dialects.types import WireAnswer
from providers.http1.connection import NO_BODY, Connection, Headers
from providers.http1.dialing import Dialer, Origin
from providers.http1.errors import Disconnected, ProtocolError, Stale, Unsent
from providers.http1.pinned_url import PinnedUrl
from providers.http1.pool import ConnectionPool, IdleLimits
from providers.quoting import quote_of
from providers.words import clean_headers

BODILESS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "DELETE"))
"""Without a body these say nothing of its length."""
LENGTHS = frozenset((b"content-length", b"transfer-encoding"))


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Options of the transport; durations in seconds."""

    connect_timeout_seconds: float = 10.0  # name, TCP, proxy and TLS together
    keepalive_seconds: float = 30.0  # at most, for an idle connection; an upstream may name less
    idle_per_origin: int = 256
    idle_in_total: int = 512


def as_they_are(pairs: Sequence[tuple[bytes, bytes]]) -> httpx.Headers:
    """Return httpx's headers of names and values that are bytes already: its constructor is a tenth of relaying."""
    return _BytesHeaders(pairs)


class _BytesHeaders(httpx.Headers):
    """Such headers; httpx's constructor has nothing to do for them. Its form of them is made when it is asked for."""

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        self.pairs = pairs
        self._encoding = None

    @cached_property
    def _list(self) -> list[tuple[bytes, bytes, bytes]]:  # type: ignore[override]
        return [(name, name.lower(), value) for name, value in self.pairs]


def headers_of(response: httpx.Response) -> tuple[tuple[bytes, bytes], ...]:
    """Return an answer's headers as dialects know them: names in lower case."""
    return tuple([(name.lower(), value) for name, value in _as_given(response.headers)])


def head_of(response: httpx.Response, body: bytes = b"", secret: str = "") -> WireAnswer:
    """Return status and headers as dialects know them: names in lower case, and none quotes the call's credential."""
    headers = headers_of(response)
    is_quoted = b"\n".join([value for _, value in headers]).find(quote_of(secret).needle) >= 0
    return WireAnswer(response.status_code, clean_headers(headers) if is_quoted else headers, body)


def _as_given(headers: httpx.Headers) -> Sequence[tuple[bytes, bytes]]:
    """Return names and values as they came."""
    if isinstance(headers, _BytesHeaders) and "_list" not in headers.__dict__:
        return headers.pairs
    return [(name, value) for name, _, value in headers._list]


def request_to(
    url: PinnedUrl,
    method: str,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes,
    extensions: dict[str, Any],
) -> httpx.Request:
    """Return a request that leaves as it is given: nothing of it is copied."""
    return _Outbound(method, url, as_they_are(headers), body, extensions)


class _Outbound(httpx.Request):
    """A request whose parts are what httpx would make of them."""

    def __init__(
        self,
        method: str,
        url: PinnedUrl,
        headers: httpx.Headers,
        body: bytes,
        extensions: dict[str, Any],
    ) -> None:
        self.method, self.body = method.upper(), body
        self.url, self.headers, self.extensions = url, headers, extensions
        self.stream = httpx.ByteStream(body)


class _Inbound(httpx.Response):
    """An answer whose parts are what httpx would make of them: its constructor copies headers and extensions."""

    def __init__(
        self,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        stream: httpx.AsyncByteStream,
        extensions: dict[str, Any],
        request: httpx.Request,
    ) -> None:
        self.status_code, self.headers = status, as_they_are(headers)
        self.stream, self.extensions, self._request = stream, extensions, request
        self.next_request, self.history, self.default_encoding = None, [], "utf-8"
        self.is_closed = self.is_stream_consumed = False
        self._num_bytes_downloaded = 0


class Transport(httpx.AsyncBaseTransport):
    """A pool of connections for one event loop.

    A request that a kept connection can't have brought to the upstream is sent once more, on a fresh one.
    Raises `httpx.ConnectError`, `ConnectTimeout`, `ReadError`, `RemoteProtocolError`, `LocalProtocolError`,
    `UnsupportedProtocol`. Their messages hold no URL: they may reach a log.
    """

    def __init__(self, options: ClientOptions | None = None, pool: ConnectionPool | None = None) -> None:
        """Take connections from `pool`, else from one with the bounds that the options say."""
        of = options or ClientOptions()
        self._connect_seconds = of.connect_timeout_seconds
        limits = IdleLimits(of.keepalive_seconds, of.idle_per_origin, of.idle_in_total)
        self.pool = pool or ConnectionPool(Dialer(), limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the head of the answer; its body comes from `response.stream`, which must be closed.

        `request.extensions`: `target` (bytes) is the request target where httpx's URL type would re-quote it,
        `proxy` the URL of an egress proxy, `addresses` the only ones to connect to, `timeout` may hold `connect`
        (seconds).
        """
        extensions = request.extensions
        url = request.url if isinstance(request.url, PinnedUrl) else PinnedUrl(request.url)
        proxy, addresses = extensions.get("proxy"), extensions.get("addresses", ())
        is_direct = proxy is None and not addresses
        origin = url.origin if is_direct else Origin(*url.address[:3], proxy, addresses)
        body = _body(request)
        head = _head(request, origin, url.address.netloc, body)
        connection = self.pool.take(origin)
        while True:  # twice at most: a fresh connection is not stale
            if connection is None:
                connection = await self._dialled(request, origin)
            try:
                await connection.exchange(head, body, request.method == "HEAD")
                break
            except BaseException as exc:
                self.pool.release(origin, connection)  # closes it: the answer is not whole
                if not isinstance(exc, Disconnected | ProtocolError):
                    raise
                if not isinstance(exc, Stale):
                    raise _mapped(exc, request) from exc
                connection = None
        stream = _Body(self.pool, origin, connection, request)
        headers = connection.headers
        if connection.status in NO_BODY:
            headers = await _bodiless(connection, stream)
        return _Inbound(connection.status, headers, stream, {"reason_phrase": connection.reason}, request)

    async def _dialled(self, request: httpx.Request, origin: Origin) -> Connection:
        seconds = request.extensions.get("timeout", {}).get("connect") or self._connect_seconds
        try:
            return await self.pool.dial(origin, seconds)
        except TimeoutError as exc:
            raise httpx.ConnectTimeout("no connection in time", request=request) from exc
        except OSError as exc:
            raise httpx.ConnectError("no connection", request=request) from exc
        except ValueError as exc:
            raise httpx.UnsupportedProtocol("the provider's URL can't be called", request=request) from exc

    async def aclose(self) -> None:
        self.pool.close()


async def _bodiless(connection: Connection, stream: _Body) -> Headers:
    """Return the headers of a 204 or 304, without what a 304 says of the copy. Raises `httpx.RemoteProtocolError`.

    A 204 may announce no body at all, a 304 only to who may have a copy.
    """
    may_announce = connection.status == 304 and stream.request.method in ("GET", "HEAD")
    if connection.framing.has_body and not may_announce:
        await stream.aclose()
        words = f"the answer is a {connection.status} and announces a body"
        raise httpx.RemoteProtocolError(words, request=stream.request)
    return [pair for pair in connection.headers if pair[0].lower() not in LENGTHS]


class _Body(httpx.AsyncByteStream):
    """The bytes as they come off the network, as much at a time as there is."""

    __slots__ = ("_connection", "_is_closed", "_origin", "pool", "request")

    def __init__(
        self, pool: ConnectionPool, origin: Origin, connection: Connection, request: httpx.Request
    ) -> None:
        self.pool, self.request = pool, request
        self._origin, self._connection, self._is_closed = origin, connection, False

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._connection.read()
        except ProtocolError as exc:
            raise _mapped(exc, self.request) from exc
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Give the connection back when the body was read to its end, else close it at once."""
        if not self._is_closed:
            self._is_closed = True
            self.pool.release(self._origin, self._connection)


def _head(request: httpx.Request, origin: Origin, netloc: bytes, body: bytes) -> bytes:
    """Return the request line and the headers, as they leave."""
    target = request.extensions.get("target") or request.url.raw_path
    is_forwarded = origin.proxy is not None and origin.is_forwarded
    if is_forwarded:
        target = b"http://%b%b" % (netloc, target)
    lines = [b"%b: %b" % pair for pair in _as_given(request.headers)]
    names = (b"\n" + b"\n".join(lines)).lower()  # a value with a line end is refused below
    lines[:0] = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    if names.find(b"\nhost: ") < 0:
        lines.insert(1, b"Host: " + netloc)
    if (body or request.method not in BODILESS) and names.find(b"\ncontent-length: ") < 0:
        lines.append(b"Content-Length: %d" % len(body))
    if is_forwarded and (authorization := _proxy_authorization(origin.proxy or "")):
        lines.append(b"Proxy-Authorization: " + authorization)
    head = b"\r\n".join(lines)
    is_clean = head.count(b"\n") == head.count(b"\r") == len(lines) - 1 and head.find(b"\0") < 0
    if not is_clean or target.find(b" ") >= 0:  # `in` raises and catches an exception for bytes in bytes
        raise httpx.LocalProtocolError(
            "a line end, a zero byte or a space where none may stand", request=request
        )
    return head + b"\r\n\r\n"


@lru_cache(maxsize=256)
def _proxy_authorization(proxy: str) -> bytes:
    parts = urlsplit(proxy)
    words = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return b"" if parts.username is None else b"Basic " + base64.b64encode(words.encode())


def _body(request: httpx.Request) -> bytes:
    """Return the request's body, without the search of `request.read()` through typing's abstract classes."""
    if isinstance(request, _Outbound):
        return request.body
    stream = request.stream
    return b"".join(stream) if isinstance(stream, httpx.SyncByteStream) else request.content


def _mapped(exc: Exception, request: httpx.Request) -> httpx.TransportError:
    if isinstance(exc, Unsent):
        return httpx.ConnectError("the connection was closed before the request was sent", request=request)
    if isinstance(exc, Disconnected):
        return httpx.ReadError("the connection was closed without an answer", request=request)
    return httpx.RemoteProtocolError(str(exc), request=request)
