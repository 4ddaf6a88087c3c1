"""Find and replace top-level fields of a body without parsing it.

Pure. `model` is replaced, and a field that is given twice is found.

An alias must not cost a parse and a re-encoding of a megabyte of prompt, nor change a byte of it, so the
value is found by walking over the JSON's tokens; the walk mostly ends within the first hundred bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec
import orjson

from providers.dialects.mending import UNREADABLE, tolerant

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_OPENING = re.compile(rb"(?:\xef\xbb\xbf)?\s*+\{")
_KEY = re.compile(rb"\s*+(%b)\s*+:\s*+" % _TEXT, re.DOTALL)
_FLAT = re.compile(rb'%b|[{\[](?:[^{}\[\]"]++|%b)*+[}\]]|[^"{}\[\],\s]++' % (_TEXT, _TEXT), re.DOTALL)
_COMMA = re.compile(rb"\s*+,")
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")  # in digits only: a plain search
_STRING = re.compile(rb'\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
BACKSLASH = ord("\\")
"""Asked for as a number, a byte is found without the exception by which Python finds out that bytes are none."""


def find_model(body: bytes) -> tuple[int, int] | None:
    """Return the span of the last top-level `"model"` value, quotes included; None when it is no string."""
    return find_nested_model(body, ())


def find_nested_model(body: bytes, path: tuple[str, ...]) -> tuple[int, int] | None:
    """Return the span of the last `"model"` value of the object at `path`, a member's name for each level."""
    if BACKSLASH in body and _ESCAPED_LETTER.search(body) is not None:
        return _walked(body, path, len(body))
    at = body.rfind(b'"model"')  # the name is written as it is: behind the last one nothing can be found
    if at < 0:
        return None
    plain = _plain_head(path).match(body)
    if plain is not None and plain.start(1) == at:  # as vendors write it
        return plain.span(2)
    return _walked(body, path, at + len(b'"model"'))


def _walked(body: bytes, path: tuple[str, ...], end: int) -> tuple[int, int] | None:
    """Return the span that a walk over the tokens up to `end` finds."""
    depth = matched = 0  # levels that are open, and those of them that are the path's
    found: tuple[int, int] | None = None
    is_key = False
    key = b""
    for token in _TOKEN.finditer(body, 0, end):
        first = token.group()[:1]
        if first in b"{[":
            if depth == matched < len(path) + 1 and first == b"{":
                matched += depth == 0 or _is_name(key, path[matched - 1])
            depth += 1
            is_key = depth == matched and first == b"{"
        elif first in b"}]":
            depth -= 1
            matched = min(matched, depth)
            if depth == 0:
                break
        elif depth != matched:
            continue
        elif first == b",":
            is_key = True
        elif first == b":":
            is_key = False
        elif is_key:
            key = token.group()
            if depth == len(path) + 1 and _is_model(key):
                value = _STRING.match(body, _after_colon(body, token.end()))
                found = value.span(1) if value is not None else found
    return found


@lru_cache(maxsize=8)
def _plain_head(path: tuple[str, ...]) -> re.Pattern[bytes]:
    """Return the pattern of a body that has only plain values before the model of the object at `path`."""
    members = rb'\{\s*+(?:(?!%b)"[^"\\]*+"\s*+:\s*+(?:"[^"\\]*+"|[^"{}\[\]:,\\\s]++)\s*+,\s*+)*+'
    found = rb"\s*+"
    for name in path:
        key = b'"%b"' % re.escape(name.encode())
        found += members % key + key + rb"\s*+:\s*+"
    return re.compile(found + members % b'"model"' + rb'("model")\s*+:\s*+("[^"\\]*+")')


EARLY_MODEL = _plain_head(())
"""Matches a body before whose model only plain values stand: the key is its first group, the value its second."""


def _is_name(token: bytes, name: str) -> bool:
    return token == f'"{name}"'.encode() or (BACKSLASH in token and _plain(token) == name)


def replace_model(body: bytes, model: str) -> bytes:
    """Return the same bytes with another model name.

    Unchanged when there is no top-level string `model`.
    """
    span = find_model(body)
    if span is None:
        return body
    return body[: span[0]] + orjson.dumps(model) + body[span[1] :]


DECISIVE = ("model", "stream", "max_tokens", "max_completion_tokens", "max_output_tokens")
"""Fields on which limits and prices depend: given twice, ours and the upstream's reading could differ."""


WALKED_BYTES = 2048
"""Bodies up to this size are walked at once, without a search before."""


def repeated(
    body: bytes, names: tuple[str, ...] = DECISIVE, long: tuple[msgspec.Raw, ...] = ()
) -> str | None:
    """Return the first of `names` that the top-level object has more than once, or None.

    `long`: values of that object that are stepped over, as a parser found them in this body.
    """
    skipped = sum([len(value) for value in long]) if long else 0
    if (not skipped or len(body) - skipped > WALKED_BYTES) and not _may_repeat(body, names):
        return None
    quoted = _quoted(names)
    seen: set[str] = set()
    for key in _keys(body, _heads(long, len(body) - skipped)):
        name = quoted.get(key) or (_plain(key) if BACKSLASH in key else None)
        if name in names:
            if name in seen:
                return name
            seen.add(name)
    return None


def _may_repeat(body: bytes, names: tuple[str, ...]) -> bool:
    """Return whether a search finds a name twice, so that the walk is needed."""
    if BACKSLASH in body and body.rfind(b"\\u00") >= 0 and _ESCAPED_LETTER.search(body) is not None:
        return True
    for key in _beginnings(names):
        last = body.rfind(key)  # from the end: a quarter of what a search from the front takes
        if last > 0 and body.rfind(key, 0, last) >= 0:
            return True
    return False


@lru_cache(maxsize=8)
def _beginnings(names: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return the quoted names, those of the ceilings by what they have in common."""
    shared = {'"max_' if name.startswith("max_") else f'"{name}"' for name in names}
    return tuple(text.encode() for text in sorted(shared))


@lru_cache(maxsize=8)
def _quoted(names: tuple[str, ...]) -> dict[bytes, str]:
    return {f'"{name}"'.encode(): name for name in names}


def _heads(long: tuple[msgspec.Raw, ...], outside: int) -> list[tuple[bytes, int]]:
    """Return the beginning of each value, by which it is known again, and its length.

    `outside`: bytes of the body outside of them all. A value that is none of them stands within those, so it ends
    before a beginning that is longer does; and no list, object or string begins with a whole other one.
    """
    heads = [bytes(memoryview(value)[: outside + 1]) for value in long]
    if len(set(heads)) < len(heads):
        heads = [bytes(value) for value in long]
    return list(zip(heads, map(len, long), strict=True))


def _keys(body: bytes, long: Sequence[tuple[bytes, int]] = ()) -> list[bytes]:
    """Return the keys of the top-level object, as they are written.

    Values that are among `long`, a beginning and a length each, are stepped over.
    """
    keys: list[bytes] = []
    place = _OPENING.match(body)
    while place is not None and (key := _KEY.match(body, place.end())) is not None:
        keys.append(key.group(1))
        start = key.end()
        for head, length in long:
            if body.startswith(head, start):
                end = start + length
                break
        else:
            end = _end_of_value(body, start)
        place = _COMMA.match(body, end)
    return keys


def _end_of_value(body: bytes, start: int) -> int:
    """Return where the value that begins there ends: one look for what holds no lists or objects of its own."""
    if (flat := _FLAT.match(body, start)) is not None:
        return flat.end()
    depth = 0
    for token in _TOKEN.finditer(body, start):
        first = token.group()[:1]
        depth += (first in b"{[") - (first in b"}]")
        if depth <= 0:
            return token.end()
    return len(body)


def with_model(body: bytes, model: str) -> bytes:
    """Return the body of a call that names no model, with this one.

    Unchanged when it is no JSON object.
    """
    span = find_model(body)
    if span is not None:
        return replace_model(body, model)
    try:
        document = tolerant(orjson.loads, body)
    except UNREADABLE:
        return body
    if not isinstance(document, dict):
        return body
    if "model" in document:
        return orjson.dumps({**document, "model": model})
    start = body.index(b"{") + 1
    comma = b"," if document else b""
    return body[:start] + b'"model":' + orjson.dumps(model) + comma + body[start:]


def _is_model(token: bytes) -> bool:
    return token == b'"model"' or (BACKSLASH in token and _plain(token) == "model")


def _plain(token: bytes) -> object:
    """Return what a string of the JSON means; None for one that means nothing."""
    try:
        return tolerant(orjson.loads, token)
    except UNREADABLE:
        return None


def _after_colon(body: bytes, position: int) -> int:
    return body.find(b":", position) + 1
