"""JSON whose text is broken, read all the same: half a character becomes U+FFFD. Pure.

Clients cut texts in the middle of an emoji (`\\ud83d`), and servers count in UTF-16 or cut UTF-8. No parser here takes
that, and no work may be lost by it. Costs nothing until a parser has refused.
"""

from __future__ import annotations

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
