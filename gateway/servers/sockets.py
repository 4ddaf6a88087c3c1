"""The listening socket, ours or inherited, set up so that accepted ones are what we want."""

import socket

from gateway.servers.errors import ListenError
from gateway.servers.options import ServeOptions

BACKLOG = 2048
SEND_BUFFER_BYTES = 256 * 1024
"""What the kernel holds per reader that has stopped; its own default grows to 3-4 MB."""
UNACKNOWLEDGED_MS = 120_000
"""A peer that takes nothing for so long is dropped by the kernel, whatever the application does."""


def open_socket(options: ServeOptions) -> socket.socket:
    """Bind a socket that does not listen yet (unless inherited so); raises ListenError."""
    sock = bind(options.host, options.port) if options.fd is None else adopt(options.fd)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    return sock


def bind(host: str, port: int) -> socket.socket:
    """Find the family and address: IPv4, IPv6 (with or without brackets) or a name.

    Of a name's addresses the first of IPv4 is taken, if there is one: Debian's own `localhost` is `::1`, too, and
    whoever is told to call 127.0.0.1 would find nobody there.
    """
    name = host.removeprefix("[").removesuffix("]")
    sock = None
    try:
        if not 0 <= port <= 65535:  # getaddrinfo would take it modulo 65536
            raise OSError("not a port")
        found = socket.getaddrinfo(name or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, proto, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        sock = socket.socket(family, kind, proto)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as exc:
        if sock is not None:
            sock.close()
        raise ListenError(f"cannot listen on {host}:{port}: {exc}") from exc
    return sock


def adopt(fd: int) -> socket.socket:
    """Take over a socket that a parent or a service manager has bound and left open for us."""
    try:
        sock = socket.socket(fileno=fd)
    except OSError as exc:
        raise ListenError(f"descriptor {fd} is not a socket: {exc}") from exc
    if sock.type != socket.SOCK_STREAM or sock.family not in (socket.AF_INET, socket.AF_INET6):
        sock.detach()
        raise ListenError(f"descriptor {fd} is not a TCP socket")
    return sock


def url(sock: socket.socket) -> str:
    """Return `http://host:port` with the port that the kernel chose."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
