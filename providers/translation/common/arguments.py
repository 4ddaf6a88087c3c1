"""A tool call's arguments as models and servers write them: what means "none", what is encoded twice.

Pure.
"""

from __future__ import annotations

import re

import orjson

from providers.dialects.mending import UNREADABLE

_BOUNDARY = re.compile(r"\}\s*(?=\{)")
MAX_ENCODINGS = 3
_NOTHING = frozenset(("", "none", "nil", "undefined", "nan"))
"""Words of other languages for no arguments, in lower case."""


def is_whole_object(text: str) -> bool:
    """Return whether the text is one JSON object, and all of it."""
    try:
        return isinstance(orjson.loads(text), dict)
    except UNREADABLE:
        return False


def plain_arguments(text: str) -> str:
    """Return arguments as the text of an object: `{}` for nothing, null, `None`, `[]` and `""`.

    One that is encoded is opened. What can't be read as an object comes back as it was.
    """
    inner = text
    for _ in range(MAX_ENCODINGS):
        if inner.strip().lower() in _NOTHING:
            return "{}"
        try:
            value = orjson.loads(inner)
        except UNREADABLE:
            return text
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            value = value[0]
            inner = orjson.dumps(value).decode()
        if isinstance(value, dict):
            return inner
        if value is False or value == [None] or (not value and not isinstance(value, int | float)):
            return "{}"
        if not isinstance(value, str):
            return text
        inner = value
    return text


def first_object(before: str, text: str) -> int | None:
    """Return where in `text` an object ends that began in `before`, when another follows at once; else None."""
    for found in _BOUNDARY.finditer(text):
        end = found.start() + 1
        if is_whole_object(before + text[:end]):
            return end
    return None
