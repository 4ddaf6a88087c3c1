"""Open a socket to an origin: names, both address families, an egress proxy, TLS."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection
from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy

from providers.http1.connection import Connection

NAME_SECONDS = 30.0
"""Time for which the addresses of a name are remembered."""
NEXT_ADDRESS_SECONDS = 0.25
"""Time after which the next address is tried beside one that has not answered (RFC 8305)."""


PROXIES = {
    "http": (ProxyType.HTTP, 80),
    "socks5": (ProxyType.SOCKS5, 1080),
    "socks5h": (ProxyType.SOCKS5, 1080),  # curl's word for what we do with both: the proxy resolves names
}


class Origin(NamedTuple):
    """The end of a connection; connections of one origin are interchangeable."""

    scheme: str  # http or https
    host: str  # a name in its ASCII form, or an address without brackets
    port: int
    proxy: str | None = None  # (http | socks5 | socks5h)://[user:password@]host:port

    addresses: tuple[str, ...] = ()  # the only ones to connect to; none: those of the name

    @property
    def is_forwarded(self) -> bool:
        """Return whether the proxy is asked for the resource itself, by its full URL.

        So it is for plain HTTP through an HTTP proxy.
        """
        return self.scheme == "http" and self.proxy is not None and self.proxy.startswith("http:")


class Dialer:
    """Opener of connections for one event loop."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, int], tuple[float, list[AddrInfoType]]] = {}
        self._tls: ssl.SSLContext | None = None

    async def connect(self, origin: Origin) -> Connection:
        """Open a connection.

        Raises `OSError` (TLS errors are such); the caller sets a limit in time.
        """
        loop = asyncio.get_running_loop()
        is_tls = origin.scheme == "https"
        sock = await self._way(origin)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            _, connection = await loop.create_connection(
                lambda: Connection(loop),
                sock=sock,
                ssl=self._context() if is_tls else None,
                server_hostname=origin.host if is_tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    async def _way(self, origin: Origin) -> socket.socket:
        if origin.proxy is None:
            return await self._socket(origin.host, origin.port, origin.addresses)
        url = urlsplit(origin.proxy)
        if url.scheme not in PROXIES or not url.hostname:
            raise ValueError("an egress proxy is (http | socks5)://[user:password@]host:port")
        kind, usual_port = PROXIES[url.scheme]
        port = url.port or usual_port
        if origin.is_forwarded:
            return await self._socket(url.hostname, port)
        secrets = unquote(url.username or ""), unquote(url.password or "")
        try:
            # The proxy resolves the name: what may be seen of it here is that we use a proxy.
            return await Proxy(kind, url.hostname, port, *secrets, rdns=True).connect(
                origin.addresses[0] if origin.addresses else origin.host, origin.port
            )
        except ProxyError as exc:
            raise ConnectionRefusedError("the egress proxy refused") from exc

    async def _socket(self, host: str, port: int, pinned: tuple[str, ...] = ()) -> socket.socket:
        addresses = [found for text in pinned if (found := _literal(text, port)) is not None]
        if not pinned:
            addresses = await self.addresses(host, port)
        elif not addresses:
            raise ConnectionRefusedError("no address that may be called")
        try:
            return await start_connection(
                addresses,
                happy_eyeballs_delay=NEXT_ADDRESS_SECONDS,
                interleave=1,
                loop=asyncio.get_running_loop(),
            )
        except OSError:
            self.names.pop((host, port), None)  # the name may have moved
            raise

    async def addresses(self, host: str, port: int) -> list[AddrInfoType]:
        if (literal := _literal(host, port)) is not None:
            return [literal]
        until, known = self.names.get((host, port), (0.0, []))
        now = time.monotonic()
        if now < until:
            return known
        loop = asyncio.get_running_loop()
        found: list[AddrInfoType] = list(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        self.names[host, port] = (now + NAME_SECONDS, found)
        return found

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _literal(host: str, port: int) -> AddrInfoType | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:
        return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))
    return (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))
