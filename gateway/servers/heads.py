"""What the head of a request may say (RFC 9112, RFC 6455), the same on both servers. No I/O.

Header names are lower-case bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

ORIGIN_FORM = re.compile(rb"/[!\"$-~]*")  # printable ASCII without "#"
_ABSOLUTE_FORM = re.compile(rb"(?i:https?)://([^/?]+)(/[!\"$-~]*)?(\?[!\"$-~]*)?")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+(?:%[\w.~-]+)?\]|[\w.~!$&'()*+,;=%-]+)(?::([0-9]*))?")
_TOKENS = re.compile(rb"[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*")
LONGEST_LENGTH = 18
"""Digits of a Content-Length: beyond them it is no length but an attack on whoever counts."""
_LAST_PORT = 65535
_LONGEST_HOST = 262  # 255 of a name, and the port
_KEY_BYTES = 16

BAD_TARGET = "The request target must be a path, or http://host/path"
NO_HOST = "A request with HTTP/1.1 needs a Host header"
TWO_HOSTS = "More than one Host header"
BAD_HOST = "The Host header is not a host"
BAD_VERSION = "Only HTTP/1.0 and HTTP/1.1 are spoken here"


@dataclass(frozen=True, slots=True)
class Head:
    """Who sends a request, before any of its body is taken. `peer`: the socket's other end, "" for none."""

    method: str
    headers: Iterable[tuple[bytes, bytes]]
    peer: str


class BadHead(Exception):
    """The answer is a 400 with this text."""


@dataclass(frozen=True, slots=True)
class Target:
    """`path` with its query, as the application knows it; `host` when the target itself named one."""

    path: bytes
    host: bytes | None = None


def read_target(method: bytes, target: bytes) -> Target:
    """Return the path of a target that is no plain path: absolute form, or `*`. Raises BadHead."""
    if target == b"*" and method == b"OPTIONS":
        return Target(target)
    match = _ABSOLUTE_FORM.fullmatch(target)
    if match is None or not is_host(match[1]):
        raise BadHead(BAD_TARGET)
    if match[2] is None and match[3] is None and method == b"OPTIONS":
        return Target(b"*", match[1])
    return Target((match[2] or b"/") + (match[3] or b""), match[1])


def check_hosts(hosts: Sequence[bytes], version: str) -> None:
    """Refuse a request whose Host headers are none, several or no host. Raises BadHead."""
    if len(hosts) == 1:
        if not is_host(hosts[0]):
            raise BadHead(BAD_HOST)
    elif hosts:
        raise BadHead(TWO_HOSTS)
    elif version == "1.1":
        raise BadHead(NO_HOST)


@lru_cache(256)
def is_host(value: bytes) -> bool:
    """Tell whether it is a name or an address, with or without a port."""
    if len(value) > _LONGEST_HOST:
        return False
    match = _HOST.fullmatch(value)
    return match is not None and (not match[1] or (len(match[1]) <= 5 and int(match[1]) <= _LAST_PORT))


def with_host(headers: Iterable[tuple[bytes, bytes]], host: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers with this host alone: the one in the target counts."""
    return [(b"host", host), *(pair for pair in headers if pair[0] != b"host")]


def tokens(values: Iterable[bytes]) -> set[bytes]:
    """Return the members of a list header, lower case, all its lines taken together."""
    return {token.strip(b" \t").lower() for value in values for token in value.split(b",")} - {b""}


def wants_websocket(method: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Tell whether both headers ask for the upgrade; any other is ignored, as the RFC has it."""
    said: dict[bytes, list[bytes]] = {b"upgrade": [], b"connection": []}
    for name, value in headers:
        if name in said:
            said[name].append(value)
    is_asked = b"websocket" in tokens(said[b"upgrade"]) and b"upgrade" in tokens(said[b"connection"])
    return method == b"GET" and is_asked


def check_handshake(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a WebSocket handshake that is none. Raises BadHead."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    if found.get(b"sec-websocket-version") != [b"13"]:
        raise BadHead("Sec-WebSocket-Version must be 13")
    keys = found.get(b"sec-websocket-key", [])
    if len(keys) != 1 or not _is_key(keys[0]):
        raise BadHead("Sec-WebSocket-Key must be 16 bytes in base64")
    for name in (b"sec-websocket-protocol", b"sec-websocket-extensions"):
        for value in found.get(name, []):
            if not value.isascii() or (name.endswith(b"protocol") and not _TOKENS.fullmatch(value)):
                raise BadHead(f"{name.decode().title()} is malformed")
    if not all(value.isascii() for value in found.get(b"origin", [])):
        raise BadHead("Origin is malformed")


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False
