"""Read answers whose `usage` is not what the vendor documents: what can't be counted is no count. Pure.

An answer was paid for, and is no worse for a figure beside it. Costs nothing until a parser has refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from providers.dialects.mending import tolerant
from providers.dialects.openai_fields import number_in

T = TypeVar("T")
MAX_COUNT = 2**53
_OBJECTS = ("cache_creation", "output_tokens_details")


def forgiving(decode: Callable[[bytes], T], data: bytes) -> T:
    """Return what `decode` makes of the data, mended where it must be. Raises one of `UNREADABLE`."""
    try:
        return tolerant(decode, data)
    except ValueError:
        value = tolerant(orjson.loads, data)
        if not _mended(value):
            raise
        return decode(orjson.dumps(value))


def _mended(value: Any) -> bool:
    """Put readable counts in the place of an answer's `usage`, at its top and in its message; tell if there was one."""
    if not isinstance(value, dict):
        return False
    is_mended = _mended(value["message"]) if "message" in value else False
    if "usage" in value:
        value["usage"] = _counts(value["usage"])
        is_mended = True
    return is_mended


def _counts(usage: Any) -> dict[str, Any] | None:
    if not isinstance(usage, dict):
        return None
    readable: dict[str, Any] = {}
    for name, value in usage.items():
        if name in _OBJECTS:
            readable[name] = _counts(value)
        elif name.endswith("_tokens"):
            readable[name] = _count(value)
        else:
            readable[name] = value
    return readable


def _count(value: Any) -> int | None:
    value = number_in(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < MAX_COUNT and value == int(value) else None
