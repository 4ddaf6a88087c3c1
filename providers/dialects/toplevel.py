"""A body's top-level fields, without parsing the rest: `model` replaced, and what is given twice found. Pure.

An alias must not cost a parse and a re-encoding of a megabyte of prompt, nor change a byte of it, so the value is
found by walking over the JSON's tokens; the walk mostly ends within the first hundred bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec
import orjson

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
_COLON = re.compile(rb"\s*:?\s*")
_STRING = re.compile(rb'\s*("(?:[^"\\]|\\.)*")', re.DOTALL)


def find_model(body: bytes) -> tuple[int, int] | None:
    """Where the value of the last top-level `"model"` stands, quotes included; None when it is no string."""
    depth = 0
    found: tuple[int, int] | None = None
    is_key = False
    for token in _TOKEN.finditer(body):
        first = token.group()[:1]
        if first in b"{[":
            depth += 1
            is_key = depth == 1 and first == b"{"
        elif first in b"}]":
            depth -= 1
            if depth == 0:
                break
        elif depth != 1:
            continue
        elif first == b",":
            is_key = True
        elif first == b":":
            is_key = False
        elif is_key and _is_model(token.group()):
            value = _STRING.match(body, _after_colon(body, token.end()))
            found = value.span(1) if value is not None else found
    return found


def replace_model(body: bytes, model: str) -> bytes:
    """The same bytes with another model name. Unchanged when there is no top-level string `model`."""
    span = find_model(body)
    if span is None:
        return body
    return body[: span[0]] + orjson.dumps(model) + body[span[1] :]


DECISIVE = ("model", "stream", "max_tokens", "max_completion_tokens", "max_output_tokens")
"""Fields on which limits and prices depend: given twice, ours and the upstream's reading could differ."""

_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")  # in digits only: a plain search


WALKED_BYTES = 2048
"""So much is walked over sooner than searched."""


def repeated(
    body: bytes, names: tuple[str, ...] = DECISIVE, long: tuple[msgspec.Raw, ...] = ()
) -> str | None:
    """The first of `names` that the top-level object has more than once, or None.

    `long`: values of that object, which need not be looked into.
    """
    skipped = sum([len(value) for value in long])
    if (not skipped or len(body) - skipped > WALKED_BYTES) and not _may_repeat(body, names):
        return None
    quoted = {f'"{name}"'.encode(): name for name in names}
    seen: set[str] = set()
    for key in _keys(body, long):
        name = quoted.get(key) or (orjson.loads(key) if b"\\" in key else None)
        if name in names:
            if name in seen:
                return name
            seen.add(name)
    return None


def _may_repeat(body: bytes, names: tuple[str, ...]) -> bool:
    """Searches only: a third of a millisecond a megabyte for each, the walk takes fifty times that."""
    return _ESCAPED_LETTER.search(body) is not None or any(body.count(key) > 1 for key in _beginnings(names))


@lru_cache(maxsize=8)
def _beginnings(names: tuple[str, ...]) -> tuple[bytes, ...]:
    """Quoted names, those of the ceilings by what they have in common."""
    shared = {'"max_' if name.startswith("max_") else f'"{name}"' for name in names}
    return tuple(text.encode() for text in sorted(shared))


def _keys(body: bytes, long: tuple[msgspec.Raw, ...] = ()) -> Iterator[bytes]:
    """The keys of the top-level object, as they are written. Steps over values that are among `long`."""
    depth = 0
    is_key = False
    scanner = _TOKEN.finditer(body)
    while (token := next(scanner, None)) is not None:
        first = token.group()[:1]
        if first in b"{[":
            depth += 1
            is_key = depth == 1 and first == b"{"
        elif first in b"}]":
            depth -= 1
            if depth == 0:
                return
        elif depth == 1 and first == b",":
            is_key = True
        elif depth == 1 and first == b":":
            is_key = False
        elif depth == 1 and is_key:
            yield token.group()
            is_key = False
            start = _COLON.match(body, token.end()).end()  # type: ignore[union-attr]  # matches anything
            for value in long:
                if body.startswith(value, start):
                    scanner = _TOKEN.finditer(body, start + len(value))
                    break


def with_model(body: bytes, model: str) -> bytes:
    """The body of a call that names no model, with this one. Unchanged when it is no JSON object."""
    span = find_model(body)
    if span is not None:
        return replace_model(body, model)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(document, dict):
        return body
    if "model" in document:
        return orjson.dumps({**document, "model": model})
    start = body.index(b"{") + 1
    comma = b"," if document else b""
    return body[:start] + b'"model":' + orjson.dumps(model) + comma + body[start:]


def _is_model(token: bytes) -> bool:
    return token == b'"model"' or (b"\\" in token and orjson.loads(token) == "model")


def _after_colon(body: bytes, position: int) -> int:
    return body.find(b":", position) + 1
