"""What a body will cost at most as input, before anybody has counted it. Pure, and a few searches over the bytes.

Input tokens = ceil(bytes without base64 / 4) + 1,600 per image or file. Strings of JSON text escape their quotes, so a
quoted word in the bytes is a key or a value, never something a prompt says.
"""

from __future__ import annotations

BYTES_PER_TOKEN = 4
TOKENS_PER_IMAGE = 1600
_DATA_URL = b";base64,"
_SOURCE = b'"base64"'


def input_tokens(body: bytes) -> int:
    """An upper estimate, as a rule: text in few letters per token (code, CJK) may need more."""
    hidden, files = _base64(body) if b"base64" in body else (0, 0)
    images = max(files, _images(body)) if b"image" in body else files
    return -(-(len(body) - hidden) // BYTES_PER_TOKEN) + TOKENS_PER_IMAGE * images


def writes_cache(body: bytes) -> tuple[bool, bool]:
    """(asks for cache writes, for an hour): those cost more than plain input."""
    is_cached = b'"cache_control"' in body
    return is_cached, is_cached and b'"1h"' in body


def _images(body: bytes) -> int:
    responses = body.count(b'"input_image"')
    chat = (body.count(b'"image_url"') - responses + 1) // 2  # a type and a key each
    return body.count(b'"image"') + responses + max(0, chat)


def _base64(body: bytes) -> tuple[int, int]:
    """(bytes, how many) of what is written in base64."""
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
    """The length of `data` in the object around `position`, and where that object ends."""
    start = max(0, body.rfind(b"{", 0, position))
    end = body.find(b"}", position)
    end = len(body) if end < 0 else end
    key = body.find(b'"data"', start, end)
    if key < 0:
        return 0, max(end, position + len(_SOURCE))
    opening = body.find(b'"', key + 6, end)
    closing = body.find(b'"', opening + 1, end) if opening >= 0 else -1
    return (closing - opening - 1 if closing > opening else 0), end
