"""JSON whose text is broken, read all the same: half a character becomes U+FFFD. Pure.

Clients cut texts in the middle of an emoji (`\\ud83d`), and servers count in UTF-16 or cut UTF-8, send line ends in
texts as they are, or several values in one event. No parser here takes that, and no work may be lost by it. Costs
nothing until a parser has refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TypeVar

import orjson

from providers.dialects.types import Failure, FailureKind, Refused

T = TypeVar("T")

UNREADABLE = (ValueError, RecursionError)
"""What msgspec, orjson and codecs raise for bytes that they can't read, or that are nested too deeply."""

UNWRITABLE = (RecursionError, orjson.JSONEncodeError)
"""Among them (the second is any TypeError) what can be read, but not written again: see `is_unwritable`."""
_WRITERS_WORDS = ("Recursion limit reached", "Integer exceeds 64-bit range", "str is not valid UTF-8")

_BOM = b"\xef\xbb\xbf"
_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def mended(data: bytes) -> bytes:
    """Return the JSON as valid UTF-8 without lone surrogates and byte order mark; the same object when it has none."""
    whole = data.removeprefix(_BOM)
    try:
        whole.decode()
    except UnicodeDecodeError:
        whole = whole.decode("utf-8", "replace").encode()
    if b"\\ud" in whole or b"\\uD" in whole:
        whole = _ESCAPES.sub(_without_half, whole)
    return data if whole == data else whole


def is_unwritable(exc: Exception) -> bool:
    """Tell whether JSON could not be written again: nested too deeply, or with a number that is too large."""
    return isinstance(exc, RecursionError) or str(exc).startswith(_WRITERS_WORDS)


def as_refusal(exc: Exception) -> Exception:
    """Of a request that could not be written again; any other defect is itself."""
    if not is_unwritable(exc):
        return exc
    message = "the request is nested too deeply, or holds a number that is too large"
    return Refused(Failure(FailureKind.INVALID_REQUEST, message))


def _without_half(found: re.Match[bytes]) -> bytes:
    escape = found.group()
    return rb"\ufffd" if len(escape) == 6 else escape


def tolerant(decode: Callable[[bytes], T], data: bytes) -> T:
    """Return what `decode` makes of the data, or else of the mended data. Raises one of `UNREADABLE`."""
    try:
        return decode(data)
    except ValueError:
        whole = mended(data)
        if whole is data:
            raise
        return decode(whole)


_lenient = json.JSONDecoder(strict=False)
_SPACE = re.compile("[ \t\r\n,\x1e]*")
"""Between two values; the last is RFC 7464's."""
DONE = b"[DONE]"


def pieces(data: bytes) -> tuple[list[bytes], bytes]:
    """Return what stands in the data of an event that no parser takes: the values in it, as JSON, and what is broken.

    `[DONE]` is a value here; controls in texts are taken as they are.
    """
    text = mended(data).decode("utf-8", "replace")
    found: list[bytes] = []
    at = 0
    while (at := _end_of_space(text, at)) < len(text):
        if text.startswith("[DONE]", at):
            found.append(DONE)
            at += len(DONE)
            continue
        try:
            value, at = _lenient.raw_decode(text, at)
            found.append(orjson.dumps(value))
        except (*UNREADABLE, orjson.JSONEncodeError):
            return found, text[at:].encode()
    return found, b""


def _end_of_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
