"""Reading a compressed body that passes by. Pure; the bytes themselves are never changed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

import brotli
import zstandard

from providers.dialects.types import Headers, header


class Decoder(Protocol):
    def feed(self, chunk: bytes) -> bytes:
        """What this chunk adds, decoded; b"" from the first byte on that is no such encoding."""


class _Decoder:
    def __init__(self, encoding: bytes) -> None:
        self._is_broken = False
        self._decode: Callable[[bytes], bytes]
        if encoding in (b"gzip", b"x-gzip"):
            self._decode = zlib.decompressobj(wbits=31).decompress
        elif encoding == b"deflate":
            self._decode = zlib.decompressobj().decompress
        elif encoding == b"br":
            self._decode = brotli.Decompressor().process
        else:
            self._decode = zstandard.ZstdDecompressor().decompressobj().decompress

    def feed(self, chunk: bytes) -> bytes:
        if self._is_broken:
            return b""
        try:
            return bytes(self._decode(chunk))
        except (zlib.error, brotli.error, zstandard.ZstdError, EOFError, ValueError):
            self._is_broken = True
            return b""


class _Unreadable:
    def feed(self, chunk: bytes) -> bytes:
        return b""


_KNOWN = frozenset((b"gzip", b"x-gzip", b"deflate", b"br", b"zstd"))


def decoder(headers: Headers) -> Decoder | None:
    """A reader for the answer's `content-encoding`; None when its bytes are plain."""
    encoding = (header(headers, b"content-encoding") or b"").strip().lower()
    if encoding in (b"", b"identity"):
        return None
    return _Decoder(encoding) if encoding in _KNOWN else _Unreadable()
