"""Guard calls to addresses that somebody else chose: actors, keys, inboxes, tickets, replies, redirects.

Every address that a name resolves to is judged, and the connection goes to one of exactly those. Public addresses
are called by https on port 443; what lies in `EGRESS_ALLOWED_NETWORKS` may also be called by http and on any port.
An origin that the operator configured is allowed as it is: scheme, host and port, nothing else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import httpcore
import httpx
from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Sequence[tuple[str, str]]
MakeHeaders = Callable[[str], Headers]
"""Makes the headers of one hop for its URL: a signature covers it."""
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

LONGEST_ANSWER_BYTES = 1024 * 1024
LONGEST_SECONDS = 10.0
MOST_REDIRECTS = 2
NAME_THREADS = 8
REDIRECTS = frozenset((301, 302, 303, 307, 308))
PORTS = {"http": 80, "https": 443}
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
TRANSLATED_IPV4 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
TUNNELS = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))  # 6to4, Teredo


class EgressError(Exception):
    """The root of this module's errors. Their texts hold no header and no body."""


class EgressRefused(EgressError):
    """The address may not be called. No connection was opened."""


class EgressFailed(EgressError):
    """The call was allowed and brought no whole answer."""


class EgressTooSlow(EgressFailed):
    """The call took longer than it may."""


class EgressTooLarge(EgressFailed):
    """The answer is larger than it may be."""


@dataclass(frozen=True, slots=True)
class Target:
    """The end of a call, and the addresses that it may be connected to: all were judged."""

    scheme: str
    host: str  # a name in its ASCII form, or an address without brackets
    port: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make. `headers` come without `host`, which is added first."""

    method: str
    url: str
    headers: MakeHeaders = field(default=lambda url: ())
    body: bytes = b""
    seconds: float = LONGEST_SECONDS
    redirects: int = MOST_REDIRECTS  # 0: the answer is the redirect itself


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `url` is the one that gave it, after redirects; names of headers are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str

    def header(self, name: str) -> str:
        """Return the first value of a header; empty when it is not there."""
        return next((value for key, value in self.headers if key == name), "")


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return every address of a name, asked of the system. Raises `OSError`.

    In threads of its own: names of strangers that take long hold up nobody else's.
    """
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_names(), ask)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class EgressGuard:
    """The rules of one installation. `origins` are URLs that the operator configured."""

    def __init__(
        self, networks: Iterable[str] = (), origins: Iterable[str] = (), resolver: Resolve = resolve
    ) -> None:
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in networks)
        self._origins = frozenset(origin_of(url) for url in origins if url)
        self._resolver = resolver

    async def target(self, url: str) -> Target:
        """Judge a URL and every address of its host. Raises `EgressRefused`, `EgressFailed`."""
        scheme, host, port = origin_of(url)
        is_configured = (scheme, host, port) in self._origins
        is_plain = scheme == "https" and port == 443
        if not (is_configured or is_plain or self._networks):
            raise EgressRefused("only https on port 443 is called at addresses that others name")
        try:
            found = await self._resolver(host, port)
        except (OSError, UnicodeError) as exc:
            raise EgressFailed("the name has no address") from exc
        if not found:
            raise EgressFailed("the name has no address")
        if not is_configured:
            for text in found:
                self._check(text, is_plain)
        return Target(scheme, host, port, tuple(found))

    def _check(self, text: str, is_plain: bool) -> None:
        address = normal(text)
        if any(address.version == network.version and address in network for network in self._networks):
            return
        if not is_public(address):
            raise EgressRefused("the address is not public")
        if not is_plain:
            raise EgressRefused("only https on port 443 is called at public addresses")

    async def fetch(self, call: Call) -> Answer:
        """Make a call: one try, two redirects of a GET at most, each judged anew.

        Raises `EgressRefused`, `EgressFailed`.
        """
        try:
            async with asyncio.timeout(call.seconds):
                return await self._follow(call)
        except TimeoutError as exc:
            raise EgressTooSlow("no whole answer in time") from exc

    async def _follow(self, call: Call) -> Answer:
        url = call.url
        for _ in range(call.redirects + 1):
            answer = await _exchange(await self.target(url), call, url)
            location = answer.header("location") if call.method == "GET" and call.redirects else ""
            if answer.status not in REDIRECTS or not location:
                return answer
            url = urljoin(url, location)
        raise EgressFailed("too many redirects")


def guard(*origins: str) -> EgressGuard:
    """Return the guard of this installation, which allows the operator's `origins` as well."""
    return EgressGuard(settings.GATEWAY.EGRESS_ALLOWED_NETWORKS, origins)


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host in its ASCII form, and port. Raises `EgressRefused` for what is no plain URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise EgressRefused("not a URL that can be called") from exc
    if parts.scheme not in PORTS or not parts.hostname or port == 0 or not _is_plain(url, parts):
        raise EgressRefused("not a URL that can be called")
    try:
        host = httpx.URL(f"{parts.scheme}://{parts.netloc}/").raw_host.decode().strip("[]")
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise EgressRefused("not a URL that can be called") from exc
    return parts.scheme, host.rstrip("."), port or PORTS[parts.scheme]


def _is_plain(url: str, parts: SplitResult) -> bool:
    """Tell whether a URL is read alike by everybody: no user, no blank, no control character, no backslash."""
    is_clear = url.isprintable() and not any(mark in url for mark in (" ", "\\"))
    return is_clear and not set("@%") & set(parts.netloc) and (parts.path + parts.query).isascii()


def normal(text: str) -> Address:
    """Return an address as what it reaches: a mapped or translated IPv4 address is that address."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in TRANSLATED_IPV4:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Tell whether the address is one of the internet's: none of a network of somebody's own, no tunnel's."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in PUBLIC_IPV6 and not any(address in tunnel for tunnel in TUNNELS)
    return not address.is_reserved


async def _exchange(target: Target, call: Call, url: str) -> Answer:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = [("host", host_header(url)), ("accept-encoding", "identity"), *call.headers(url)]
    if call.method == "POST":
        headers.append(("content-length", str(len(call.body))))
    request = httpcore.Request(
        call.method,
        httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=path.encode()),
        headers=headers,
        content=call.body,
        extensions={"timeout": {"connect": call.seconds, "read": call.seconds, "write": call.seconds}},
    )
    try:
        async with httpcore.AsyncConnectionPool(
            ssl_context=_tls(), network_backend=_Pinned(target.addresses)
        ) as pool:
            response = await pool.handle_async_request(request)
            try:
                body = await _read(response)
            finally:
                await response.aclose()
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
        raise EgressFailed(f"the call failed: {type(exc).__name__}") from exc
    except httpcore.TimeoutException as exc:
        raise EgressTooSlow("no whole answer in time") from exc
    return Answer(response.status, tuple(_texts(response.headers)), body, url)


async def _read(response: httpcore.Response) -> bytes:
    coding = next((value for name, value in response.headers if name.lower() == b"content-encoding"), b"")
    if coding.lower() not in (b"", b"identity"):
        raise EgressFailed("the answer is compressed, which was not asked for")
    body = bytearray()
    async for piece in response.aiter_stream():
        body += piece
        if len(body) > LONGEST_ANSWER_BYTES:
            raise EgressTooLarge("the answer is too large")
    return bytes(body)


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    return ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)


def host_header(url: str) -> str:
    """Return what `Host` says of a URL: with the port, where it is not the scheme's own."""
    scheme, host, port = origin_of(url)
    name = f"[{host}]" if ":" in host else host
    return name if port == PORTS[scheme] else f"{name}:{port}"


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that were judged, whatever the name means by now."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try one address after the other; `host` is not asked for again."""
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure


@lru_cache(maxsize=1)
def _names() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(NAME_THREADS, thread_name_prefix="egress-names")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
