"""Which headers pass the gateway, up and down: names in lower case, in wire order, repeated ones repeated."""

from __future__ import annotations

from collections.abc import Iterable

from providers.dialects.types import Headers, header

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
NEVER_UP = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"expect",
    b"authorization",
    b"x-api-key",
    b"cookie",
    b"forwarded",
    b"x-real-ip",
    b"via",
}
NEVER_UP_PREFIXES = (b"x-forwarded-", b"proxy-", b"cf-")
NEVER_DOWN = HOP_BY_HOP | {
    b"host",
    b"set-cookie",
    b"anthropic-organization-id",
    b"server",
    b"via",
    b"proxy-authenticate",
    b"alt-svc",
    b"strict-transport-security",
}
NEVER_DOWN_PREFIXES = (b"anthropic-ratelimit-", b"x-ratelimit-", b"x-codex-")
"""The limits of an account that others share: a token's own are put in their place."""

MAX_NAMES, MAX_NAME_BYTES = 1024, 64
"""So much is remembered of names that callers and upstreams make up."""


class _Passing(dict[bytes, bool]):
    """Which names pass, remembered: the same few come with every call."""

    def __init__(self, never: frozenset[bytes], never_prefixes: tuple[bytes, ...]) -> None:
        self._never = never
        self._never_prefixes = never_prefixes

    def __missing__(self, name: bytes) -> bool:
        passes = name not in self._never and not name.startswith(self._never_prefixes)
        if len(self) < MAX_NAMES and len(name) <= MAX_NAME_BYTES:
            self[name] = passes
        return passes


_passes_up = _Passing(NEVER_UP, NEVER_UP_PREFIXES)
_passes_down = _Passing(NEVER_DOWN, NEVER_DOWN_PREFIXES)


def headers_up(headers: Headers) -> Headers:
    """What of the client's headers an upstream may see, repeated ones repeated."""
    kept = [pair for pair in headers if _passes_up[pair[0]]]
    return _without_named(kept, header(headers, b"connection"))


def headers_down(headers: Headers) -> Headers:
    """What of an upstream's headers the client may see."""
    kept = [pair for pair in headers if _passes_down[pair[0]]]
    return _without_named(kept, header(headers, b"connection"))


STREAM_HEADERS: Headers = ((b"x-accel-buffering", b"no"),)
"""So that a proxy in front holds nothing back."""
UNCACHED: Headers = ((b"cache-control", b"no-cache, no-transform"),)


def stream_headers(headers: Headers) -> Headers:
    """`headers_down` of a stream: without a length, for its events are written as they come."""
    kept = tuple(
        pair for pair in headers_down(headers) if pair[0] not in (b"content-length", b"x-accel-buffering")
    )
    is_told = any(name == b"cache-control" for name, _ in kept)
    return (*kept, *STREAM_HEADERS) if is_told else (*kept, *STREAM_HEADERS, *UNCACHED)


def _without_named(headers: Iterable[tuple[bytes, bytes]], connection: bytes | None) -> Headers:
    """Without those that the `Connection` header names: they were meant for us alone."""
    if connection is None:
        return tuple(headers)
    named = {part.strip().lower() for part in connection.split(b",")}
    return tuple(pair for pair in headers if pair[0] not in named)
