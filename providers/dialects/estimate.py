"""An upper estimate of a body's input tokens, before anybody has counted them.

Pure: a few searches over its bytes. Input tokens = ceil(bytes without base64 / 4) + 1,600 per image or file.
Strings of JSON text escape their quotes, so a quoted word in the bytes is a key or a value, never something a
prompt says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from providers.dialects.toplevel import BACKSLASH

BYTES_PER_TOKEN = 4
TOKENS_PER_IMAGE = 1600
_DATA_URL = b";base64,"
_SOURCE = b'"base64"'
_SEMICOLON = ord(";")
_CACHED, _HOUR = b'"cache_control"', b'"1h"'


SMALL_BYTES = 16384
"""Bodies up to this size are always searched whole."""
WINDOWS, WINDOW_BYTES = 48, 96
EDGE_BYTES = 16384
_BASE64 = bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)) + b"+/=-_"


PLAIN_BYTES = 4096
_PLAIN = rb'"(?:%b|cache_control"|image|input_image"|base64")'
_COSTLY = frozenset((_CACHED, b'"image', b'"input_image"', _SOURCE))


class Keys:
    """The top-level keys that a plain body has once at most, and how they are searched for."""

    def __init__(self, names: Sequence[str]) -> None:
        parts = b"|".join(re.escape(name.encode()) + b'"' for name in names)
        self.find: Callable[[bytes], list[bytes]] = re.compile(_PLAIN % parts).findall
        self.plain: set[bytes] = (
            set()
        )  # what was found in plain bodies, joined: clients write few sorts of it

    def is_plain(self, written: bytes, found: Sequence[bytes]) -> bool:
        """Tell whether a body is plain in which these were found; joined, they are `written`."""
        is_plain = len(found) == len(set(found)) and _COSTLY.isdisjoint(found)
        if is_plain:
            self.plain.add(written)  # as many as a handful of names has orders, at most
        return is_plain


def is_plain(body: bytes, keys: Keys) -> bool:
    """Tell whether a small body is plain text: no pictures, files or cache writes, and none of these keys twice.

    One search instead of one for each of them. False: it has to be looked at closely.
    """
    if len(body) > PLAIN_BYTES or (_SEMICOLON in body and body.rfind(_DATA_URL) >= 0):
        return False
    if BACKSLASH in body and body.rfind(b"\\u") >= 0:  # letters of a key may be escaped
        return False
    found = keys.find(body)
    written = b"".join(found)
    return written in keys.plain or keys.is_plain(written, found)


def input_tokens(body: bytes, is_rough: bool = False) -> int:
    """Return an upper estimate of the input tokens.

    It is one as a rule: text in few letters per token (code, CJK) may need more. `is_rough`: a large body is looked at
    in samples; where they are text, pictures by address are not counted.
    """
    if is_rough and len(body) > SMALL_BYTES and _is_text(body):
        return -(-len(body) // BYTES_PER_TOKEN)
    # From the end: that search takes a quarter of the time of the one from the front.
    hidden, files = _base64(body) if body.rfind(b"base64") >= 0 else (0, 0)
    images = max(files, _images(body)) if body.rfind(b"image") >= 0 else files
    return -(-(len(body) - hidden) // BYTES_PER_TOKEN) + TOKENS_PER_IMAGE * images


def writes_cache(body: bytes, is_rough: bool = False) -> tuple[bool, bool]:
    """Return `(asks for cache writes, for an hour)`: those cost more than plain input.

    `is_rough`: of a large body its beginning and its end are searched, where clients put their marks.
    """
    if is_rough and len(body) > 2 * EDGE_BYTES:
        beginning, end = EDGE_BYTES, len(body) - EDGE_BYTES
        is_cached = body.rfind(_CACHED, end) >= 0 or body.rfind(_CACHED, 0, beginning) >= 0
        return is_cached, is_cached and (body.rfind(_HOUR, end) >= 0 or body.rfind(_HOUR, 0, beginning) >= 0)
    is_cached = body.rfind(_CACHED) >= 0
    return is_cached, is_cached and body.rfind(_HOUR) >= 0


def _is_text(body: bytes) -> bool:
    """Tell whether samples of a body hold what base64 does not: blanks, quotes, line ends."""
    find = body.find  # for a blank alone: nearly every sample of a text has one
    for at in range(0, len(body) - WINDOW_BYTES, len(body) // WINDOWS):
        end = at + WINDOW_BYTES
        if find(b" ", at, end) < 0 and not body[at:end].translate(None, _BASE64):
            return False
    return True


def _images(body: bytes) -> int:
    responses = body.count(b'"input_image"')
    chat = (body.count(b'"image_url"') - responses + 1) // 2  # a type and a key each
    return body.count(b'"image"') + responses + max(0, chat)


def _base64(body: bytes) -> tuple[int, int]:
    """Return `(bytes, count)` of the values that are written in base64."""
    hidden = files = 0
    position = body.find(_DATA_URL)
    while position >= 0:
        start = position + len(_DATA_URL)
        end = body.find(b'"', start)
        end = len(body) if end < 0 else end
        hidden, files = hidden + end - start, files + 1
        position = body.find(_DATA_URL, end)
    position = body.find(_SOURCE)
    while position >= 0:
        length, end = _source(body, position)
        hidden, files = hidden + length, files + 1
        position = body.find(_SOURCE, end)
    return hidden, files


def _source(body: bytes, position: int) -> tuple[int, int]:
    """Return the length of `data` in the object around `position`, and where that object ends."""
    start = max(0, body.rfind(b"{", 0, position))
    end = body.find(b"}", position)
    end = len(body) if end < 0 else end
    key = body.find(b'"data"', start, end)
    if key < 0:
        return 0, max(end, position + len(_SOURCE))
    opening = body.find(b'"', key + 6, end)
    closing = body.find(b'"', opening + 1, end) if opening >= 0 else -1
    return (closing - opening - 1 if closing > opening else 0), end
