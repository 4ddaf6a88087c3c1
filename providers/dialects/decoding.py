"""The content codings as layers that write small pieces into a sink, which says when it is enough. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import IO, Protocol, cast

import brotli
import zstandard

PIECE_BYTES = 65536
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
"""RFC 9659: nobody may send more."""

Sink = Callable[[bytes], object]


class Garbled(Exception):
    """The bytes are not what their coding says, or they end too early."""


class TooMuch(Exception):
    """More came out than may."""


class Layer(Protocol):
    def write(self, data: bytes) -> None:
        """Write what `data` adds into the sink, in pieces. Raises `Garbled`, and what the sink raises."""

    def finish(self) -> None:
        """Raise `Garbled` when the coding has not come to its end."""


class _Zlib:
    """gzip, or deflate in either form."""

    def __init__(self, sink: Sink, is_gzip: bool) -> None:
        self._sink = sink
        self._is_gzip = is_gzip
        self._decoder = zlib.decompressobj(wbits=31) if is_gzip else None
        self._first = b""
        self._is_done = False

    def write(self, data: bytes) -> None:
        if self._decoder is None:
            data = self._first = self._first + data
            if len(data) < 2:
                return
            self._decoder = zlib.decompressobj(wbits=15 if _is_wrapped(data) else -15)
        decoder = self._decoder
        while data:
            if self._is_done:
                data = self._next_member(data)
                decoder = self._decoder
                continue
            data = self._written(decoder, data)

    def _written(self, decoder: zlib._Decompress, data: bytes) -> bytes:
        """Write what there is until this member ends; return what stands behind it."""
        try:
            while True:
                piece = decoder.decompress(data, PIECE_BYTES)
                if piece:
                    self._sink(piece)
                data = decoder.unconsumed_tail
                if decoder.eof or (not data and len(piece) < PIECE_BYTES):
                    break
        except zlib.error as exc:
            raise Garbled(str(exc)) from exc
        self._is_done = decoder.eof
        return decoder.unused_data if decoder.eof else b""

    def _next_member(self, data: bytes) -> bytes:
        """gzip may have more members, or be padded with zeros; anything else does not belong there."""
        if not self._is_gzip:
            raise Garbled("bytes behind the end")
        data = data.lstrip(b"\0")
        if data:
            self._decoder = zlib.decompressobj(wbits=31)
            self._is_done = False
        return data

    def finish(self) -> None:
        if not self._is_done:
            raise Garbled("cut short")


def _is_wrapped(data: bytes) -> bool:
    """Tell whether it begins as zlib does (RFC 1950); some servers leave that out."""
    return data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0


class _Brotli:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._decoder = brotli.Decompressor()

    def write(self, data: bytes) -> None:
        decoder = self._decoder
        try:
            while True:
                piece = decoder.process(data, output_buffer_limit=PIECE_BYTES)
                data = b""
                if piece:
                    self._sink(piece)
                if len(piece) < PIECE_BYTES and decoder.can_accept_more_data():
                    return
        except brotli.error as exc:
            raise Garbled(str(exc)) from exc

    def finish(self) -> None:
        if not self._decoder.is_finished():
            raise Garbled("cut short")


_END = zstandard.ZstdCompressor().compress(b"\0end")
"""A frame of ours: behind a frame that was cut short it does not come out again."""


class _Zstd:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._ended = b""
        decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
        file = cast(IO[bytes], _Sink(self._write))  # of a file it needs `write` alone
        self._writer = decoder.stream_writer(file, write_size=PIECE_BYTES, closefd=False)
        self._is_ending = self._is_started = False

    def _write(self, piece: bytes) -> None:
        if self._is_ending:
            self._ended += piece[: len(_END)]
        else:
            self._sink(piece)

    def write(self, data: bytes) -> None:
        self._is_started = self._is_started or bool(data)
        try:
            self._writer.write(data)
        except zstandard.ZstdError as exc:
            raise Garbled(str(exc)) from exc

    def finish(self) -> None:
        self._is_ending = True
        if self._is_started:
            self.write(_END)
        if self._ended != b"\0end":
            raise Garbled("cut short")


class _Sink:
    """A file to write into, as zstandard wants one."""

    def __init__(self, sink: Sink) -> None:
        self._write = sink

    def write(self, piece: bytes) -> int:
        self._write(bytes(piece))
        return len(piece)


def _layer(coding: bytes, sink: Sink) -> Layer:
    if coding == b"br":
        return _Brotli(sink)
    if coding == b"zstd":
        return _Zstd(sink)
    return _Zlib(sink, coding != b"deflate")


def layers_of(codings: Sequence[bytes], sink: Sink) -> list[Layer]:
    """Return the layers, the outermost first; each writes into the next, the last into `sink`."""
    layers: list[Layer] = []
    for coding in codings:
        layers.insert(0, _layer(coding, layers[0].write if layers else sink))
    return layers
