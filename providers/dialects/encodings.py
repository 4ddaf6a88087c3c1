"""Reading compressed bodies in bounded steps: a kilobyte may hold gigabytes. Pure; what passes is never changed.

Nothing is ever decoded at a stroke: every coding writes small pieces into a sink, and the sink says when it is enough.
Codings in the form of RFC 9110 (`gzip, br`: in the order in which they were applied), gzip with several members, zstd
with several frames, `deflate` with and without its zlib wrapper.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Protocol

from providers.dialects.decoding import Garbled, Sink, TooMuch, layers_of
from providers.dialects.types import Failure, FailureKind, Headers, Refused, WireAnswer

SLICE_BYTES = 65536
"""Of what is whole so much is fed at a time."""
FREE_BYTES = 1024 * 1024
MAX_RATIO = 100
"""Of an answer that passes by `FREE_BYTES` are read, and beyond them so many bytes for each that came."""
MAX_STEP_BYTES = 4 * 1024 * 1024
"""No more comes out of one chunk of a stream: the event loop waits for it."""
MAX_CODINGS = 3
KNOWN = frozenset((b"gzip", b"x-gzip", b"deflate", b"br", b"zstd"))


class Decoder(Protocol):
    is_over: bool
    """Nothing more is read: it is no such coding, or too much came out."""

    def feed(self, chunk: bytes) -> bytes:
        """Return what this chunk adds, decoded; b"" from the first byte on that is no such coding, or too much."""


class _Bounded:
    """What passes by, as far as it is worth reading."""

    def __init__(self, codings: Sequence[bytes]) -> None:
        self.is_over = False
        self._pieces: list[bytes] = []
        self._came = self._read = self._step = 0
        self._layer = layers_of(codings, self._take)[0]

    def feed(self, chunk: bytes) -> bytes:
        if self.is_over:
            return b""
        self._came += len(chunk)
        self._step = 0
        try:
            self._layer.write(chunk)
        except (Garbled, TooMuch):
            self.is_over = True
            self._pieces.clear()
            return b""
        out = b"".join(self._pieces)
        self._pieces.clear()
        return out

    def _take(self, piece: bytes) -> None:
        self._step += len(piece)
        self._read += len(piece)
        if self._step > MAX_STEP_BYTES or self._read > FREE_BYTES + MAX_RATIO * self._came:
            raise TooMuch
        self._pieces.append(piece)


class _Unreadable:
    is_over = True

    def feed(self, chunk: bytes) -> bytes:
        return b""


def codings(headers: Headers) -> tuple[bytes, ...]:
    """Return what the body went through, in that order; `identity` is nothing."""
    values = [value for name, value in headers if name == b"content-encoding"]
    if not values:
        return ()
    names = [name.strip().lower() for name in b",".join(values).split(b",")]
    return tuple(name for name in names if name not in (b"", b"identity"))


def is_known(names: Sequence[bytes]) -> bool:
    return len(names) <= MAX_CODINGS and KNOWN.issuperset(names)


def decoder(headers: Headers) -> Decoder | None:
    """Return a reader for the answer's `content-encoding`; None when its bytes are plain."""
    names = codings(headers)
    if not names:
        return None
    return _Bounded(names) if is_known(names) else _Unreadable()


def decoded(names: Sequence[bytes], body: bytes, limit: int) -> bytes:
    """Decode a whole body. Raises `TooMuch` (over `limit` bytes), `Garbled`; counts first: nothing is held for a bomb.

    Blocking: as long as `limit` takes.
    """
    size = 0

    def count(piece: bytes) -> None:
        nonlocal size
        size += len(piece)
        if size > limit:
            raise TooMuch

    _run(names, body, count)
    out = io.BytesIO()  # gives its buffer away without a copy
    _run(names, body, out.write)
    return out.getvalue()


def _run(names: Sequence[bytes], body: bytes, sink: Sink) -> None:
    layers = layers_of(names, sink)
    for at in range(0, len(body), SLICE_BYTES):
        layers[0].write(body[at : at + SLICE_BYTES])
    for layer in layers:
        layer.finish()


MAX_WHOLE_BYTES = 64 * 1024 * 1024
"""Of an answer that has to be understood."""


def needed(reading: Decoder, chunk: bytes) -> bytes:
    """Return the next of a stream that has to be understood. Raises `Refused` when it can't be read on."""
    seen = reading.feed(chunk)
    if reading.is_over:
        raise unreadable()
    return seen


def plain(answer: WireAnswer, limit: int = MAX_WHOLE_BYTES) -> WireAnswer:
    """Decode a whole answer; as it came when it only says that it has a coding. Raises `Refused`. Blocking."""
    names = codings(answer.headers)
    if not names or not is_known(names):
        return answer
    try:
        body = decoded(names, answer.body, limit)
    except Garbled:
        return answer
    except TooMuch:
        raise unreadable() from None
    return WireAnswer(answer.status, without_coding(answer.headers), body)


def unreadable() -> Refused:
    return Refused(Failure(FailureKind.UPSTREAM, "the upstream's compressed answer can't be read"))


def asking_for_identity(headers: Headers) -> Headers:
    """Return the headers that ask for no compression: nothing could be said between events of a compressed stream."""
    kept = [pair for pair in headers if pair[0] != b"accept-encoding"]
    return (*kept, (b"accept-encoding", b"identity"))


def without_coding(headers: Headers) -> Headers:
    """Return the headers of the same body, decoded."""
    return tuple(pair for pair in headers if pair[0] not in (b"content-encoding", b"content-length"))


_WIDE = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"{\0\0\0": "utf-32-le",
    b"\0\0\0{": "utf-32-be",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"{\0": "utf-16-le",
    b"\0{": "utf-16-be",
}
LEAST_TEXT = 4


def in_utf8(body: bytes) -> bytes:
    """Return a text in UTF-8 that came in UTF-16 or UTF-32, which nothing else here reads; else the same object."""
    name = _WIDE.get(body[:LEAST_TEXT]) or _WIDE.get(body[:2])
    if name is None or len(body) < LEAST_TEXT:
        return body
    try:
        return body.decode(name).encode()
    except UnicodeError:
        return body
