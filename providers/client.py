"""The only outbound HTTP of the data plane: httpx's types over our own HTTP/1.1 connections (`providers.http1`).

httpx's own client costs several times what relaying does, and the ready-made bridges to other engines are not
byte-faithful: they unquote `%3A` in paths, join repeated headers, add some of their own. What the driver built is
what leaves, with `Host` and `Content-Length` added.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

import httpx

from providers.http1.connection import Connection, Disconnected, ProtocolError
from providers.http1.dialing import Dialer, Origin
from providers.http1.pool import Pool

PORTS = {"http": 80, "https": 443}
BODILESS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "DELETE"))
"""Without a body these say nothing of its length."""


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Durations in seconds."""

    connect_timeout_seconds: float = 10.0  # name, TCP, proxy and TLS together
    keepalive_seconds: float = 30.0


class Transport(httpx.AsyncBaseTransport):
    """One pool of connections for one event loop. Redirects are not followed, cookies not kept, bodies not decoded.

    Raises `httpx.ConnectError`, `ConnectTimeout`, `ReadError`, `RemoteProtocolError`, `LocalProtocolError`,
    `UnsupportedProtocol`. Their messages hold no URL: they may reach a log.
    """

    def __init__(self, options: ClientOptions | None = None) -> None:
        options = options or ClientOptions()
        self._connect_seconds = options.connect_timeout_seconds
        self._pool = Pool(Dialer(), options.keepalive_seconds)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The head of the answer; its body comes by iterating `response.stream`, which must be closed.

        `request.extensions`: `target` (bytes) is the request target where httpx's URL type would re-quote it, `proxy`
        the URL of an egress proxy, `timeout` may hold `connect` (seconds).
        """
        origin = _origin(request)
        body = _body(request)
        head = _head(request, origin, body)
        connection = await self._connected(request, origin)
        try:
            await connection.exchange(head, body, request.method == "HEAD")
        except BaseException as exc:
            self._pool.release(origin, connection)  # closes it: the answer is not whole
            if isinstance(exc, Disconnected | ProtocolError):
                raise _mapped(exc, request) from exc
            raise
        return httpx.Response(
            connection.status,
            headers=connection.headers,
            stream=_Body(self._pool, origin, connection, request),
            extensions={"reason_phrase": connection.reason},
            request=request,
        )

    async def _connected(self, request: httpx.Request, origin: Origin) -> Connection:
        seconds = request.extensions.get("timeout", {}).get("connect") or self._connect_seconds
        try:
            return await self._pool.acquire(origin, seconds)
        except TimeoutError as exc:
            raise httpx.ConnectTimeout("no connection in time", request=request) from exc
        except OSError as exc:
            raise httpx.ConnectError("no connection", request=request) from exc
        except ValueError as exc:
            raise httpx.UnsupportedProtocol("the provider's URL can't be called", request=request) from exc

    async def aclose(self) -> None:
        self._pool.close()


class _Body(httpx.AsyncByteStream):
    """The bytes as they come off the network, as much at a time as there is."""

    __slots__ = ("_connection", "_is_closed", "_origin", "_pool", "_request")

    def __init__(self, pool: Pool, origin: Origin, connection: Connection, request: httpx.Request) -> None:
        self._pool = pool
        self._origin = origin
        self._connection = connection
        self._request = request
        self._is_closed = False

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._connection.read()
        except ProtocolError as exc:
            raise _mapped(exc, self._request) from exc
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Gives the connection back when the body was read to its end, else closes it at once."""
        if not self._is_closed:
            self._is_closed = True
            self._pool.release(self._origin, self._connection)


def _origin(request: httpx.Request) -> Origin:
    url = request.url
    scheme = url.scheme
    if scheme not in PORTS or not url.raw_host:
        raise httpx.UnsupportedProtocol("the provider's URL can't be called", request=request)
    return Origin(
        scheme, url.raw_host.decode("ascii"), url.port or PORTS[scheme], request.extensions.get("proxy")
    )


def _head(request: httpx.Request, origin: Origin, body: bytes) -> bytes:
    """The request line and the headers, as they leave."""
    url = request.url
    target = request.extensions.get("target") or url.raw_path
    if origin.is_forwarded:
        target = b"http://%b%b" % (url.netloc, target)
    has_host = has_length = False
    fields = []
    for name, value in request.headers.raw:
        lower = name.lower()
        has_host = has_host or lower == b"host"
        has_length = has_length or lower == b"content-length"
        fields.append(b"%b: %b" % (name, value))
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    if not has_host:
        lines.append(b"Host: " + url.netloc)
    lines += fields
    if not has_length and (body or request.method not in BODILESS):
        lines.append(b"Content-Length: %d" % len(body))
    if origin.is_forwarded and (authorization := _proxy_authorization(origin.proxy or "")):
        lines.append(b"Proxy-Authorization: " + authorization)
    head = b"\r\n".join(lines)
    ends = len(lines) - 1
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head or b" " in target:
        raise httpx.LocalProtocolError(
            "a line end, a zero byte or a space where none may stand", request=request
        )
    return head + b"\r\n\r\n"


@lru_cache(maxsize=256)
def _proxy_authorization(proxy: str) -> bytes:
    parts = urlsplit(proxy)
    if parts.username is None:
        return b""
    return b"Basic " + base64.b64encode(f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode())


def _body(request: httpx.Request) -> bytes:
    """What `request.read()` gives, without its search through typing's abstract classes."""
    stream = request.stream
    return b"".join(stream) if isinstance(stream, httpx.SyncByteStream) else request.content


def _mapped(exc: Exception, request: httpx.Request) -> httpx.TransportError:
    if isinstance(exc, Disconnected):
        return httpx.ReadError("the connection was closed without an answer", request=request)
    return httpx.RemoteProtocolError(str(exc), request=request)
