"""AWS event-stream frames, written and read.

Pure. A frame: total length and headers length (4 bytes each, big endian), CRC-32 of these 8 bytes, headers,
payload, CRC-32 of everything before it. Header values that we write are text.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec
import orjson

from providers.dialects.types import Failure, FailureKind, Refused

MAX_FRAME_BYTES = 16 * 1024 * 1024
_PRELUDE = struct.Struct(">II")
_PRELUDE_WITH_CRC = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_OVERHEAD = 16  # both lengths and both checksums
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # header types whose value has no length
_BYTES, _TEXT = 6, 7


class Frame(msgspec.Struct, frozen=True):
    """One frame.

    `headers` holds the text and bytes ones; other types are skipped. Frames of one kind share them.
    """

    headers: Mapping[bytes, bytes]
    payload: bytes


def encode_headers(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    out = bytearray()
    for name, value in headers:
        out += bytes((len(name),)) + name + bytes((_TEXT,)) + _LENGTH.pack(len(value)) + value
    return bytes(out)


def encode(headers: bytes, payload: bytes) -> bytes:
    """Return one frame from headers already encoded."""
    prelude = _PRELUDE.pack(_OVERHEAD + len(headers) + len(payload), len(headers))
    body = prelude + _CRC.pack(zlib.crc32(prelude)) + headers + payload
    return body + _CRC.pack(zlib.crc32(body))


_CHUNK = encode_headers(
    ((b":event-type", b"chunk"), (b":content-type", b"application/json"), (b":message-type", b"event"))
)


def chunk(event: bytes) -> bytes:
    """Return the frame of one Anthropic event, given its JSON."""
    return encode(_CHUNK, b'{"bytes":"%b"}' % base64.b64encode(event))


def exception(name: str, message: str) -> bytes:
    """Return the frame that ends a stream with an error: `throttlingException` and the like."""
    headers = encode_headers(
        (
            (b":exception-type", name.encode()),
            (b":content-type", b"application/json"),
            (b":message-type", b"exception"),
        )
    )
    return encode(headers, orjson.dumps({"message": message}))


CHUNK_START = 12 + len(_CHUNK)
"""Where the payload of a chunk's frame begins: up to there it is one of few beginnings."""
KNOWN_BEGINNINGS = 2048
NO_CHUNK = -1, 0


class _Beginnings(dict[bytes, tuple[int, int]]):
    """Of a chunk's frame, by its first `CHUNK_START` bytes: the length that it names, and the checksum so far.

    `NO_CHUNK`: it is another frame, or the checksum of its lengths is wrong; that is not kept.
    """

    def __missing__(self, beginning: bytes) -> tuple[int, int]:
        if len(beginning) < CHUNK_START or not beginning.endswith(_CHUNK):
            return NO_CHUNK
        total, length, crc = _PRELUDE_WITH_CRC.unpack_from(beginning)
        if total < _OVERHEAD + len(_CHUNK) or length != len(_CHUNK) or crc != zlib.crc32(beginning[:8]):
            return NO_CHUNK
        if len(self) >= KNOWN_BEGINNINGS:
            self.clear()
        known = self[beginning] = total, zlib.crc32(beginning)
        return known


BEGINNINGS = _Beginnings()
crc32, read_crc = zlib.crc32, _CRC.unpack_from


class FrameReader:
    """Incremental reader: network bytes in, whole frames out.

    Raises `Refused` (kind `upstream`) for a wrong checksum, impossible lengths, or a frame over
    `MAX_FRAME_BYTES`; after that it can't go on.
    """

    def __init__(self) -> None:
        self.pending = bytearray()  # of a frame that has not ended

    @property
    def is_at_boundary(self) -> bool:
        return not self.pending

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that end inside this chunk, in order."""
        held = data
        if self.pending:
            self.pending += data
            if not self._is_whole():
                return []
            held = bytes(self.pending)
        frames = []
        start, size = 0, len(held)
        while size - start >= _OVERHEAD:
            total = _checked_length(held, start)
            if size - start < total:
                break
            frames.append(_decode(held[start : start + total] if size != total else held))
            start += total
        self.pending = bytearray(held[start:])
        return frames

    def _is_whole(self) -> bool:
        """Tell whether the first frame that waits has come to its end: a large one is not copied at every chunk."""
        size = len(self.pending)
        return size >= _OVERHEAD and size >= _checked_length(self.pending, 0)


def _checked_length(held: bytes | bytearray, start: int) -> int:
    total, headers_length, crc = _PRELUDE_WITH_CRC.unpack_from(held, start)
    if crc != zlib.crc32(held[start : start + 8]):
        raise _broken("the checksum of a frame's lengths is wrong")
    if not _OVERHEAD <= total <= MAX_FRAME_BYTES or headers_length > total - _OVERHEAD:
        raise _broken("a frame has impossible lengths")
    return int(total)


def _decode(frame: bytes) -> Frame:
    (crc,) = _CRC.unpack_from(frame, len(frame) - 4)
    if crc != zlib.crc32(frame[:-4]):
        raise _broken("the checksum of a frame is wrong")
    _, headers_length = _PRELUDE.unpack_from(frame)
    headers_end = 12 + headers_length
    return Frame(_decode_headers(frame[12:headers_end]), frame[headers_end:-4])


@lru_cache(maxsize=256)
def _decode_headers(data: bytes) -> Mapping[bytes, bytes]:
    """Return the headers; those of a stream's frames are all the same bytes. What was raised is not kept."""
    headers: dict[bytes, bytes] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind = data[at + 1 : name_end], data[name_end]
            at = name_end + 1
            if kind in _FIXED_SIZES:
                at += _FIXED_SIZES[kind]
                continue
            if kind not in (_BYTES, _TEXT):
                raise _broken("a frame's header is of an unknown type")
            (length,) = _LENGTH.unpack_from(data, at)
            headers[name] = data[at + 2 : at + 2 + length]
            at += 2 + length
    except (IndexError, struct.error) as exc:
        raise _broken("a frame's headers are cut") from exc
    if at != len(data):
        raise _broken("a frame's headers are cut")
    return headers


def _broken(message: str) -> Refused:
    return Refused(Failure(FailureKind.UPSTREAM, message))
