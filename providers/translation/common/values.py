"""Typed reading of a decoded JSON body.

Pure. A JSON null is an absent field; another type than the dialect's raises `Refused` naming the field.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.translation.common.arguments import is_whole_object, plain_arguments
from providers.translation.common.media import refused

Object = dict[str, Any]


def body_object(body: bytes) -> Object:
    """Return the body as a JSON object."""
    try:
        value = orjson.loads(body)
    except UNREADABLE:
        try:
            value = tolerant(orjson.loads, body)
        except UNREADABLE as exc:
            raise refused(f"the body is not valid JSON: {exc}", "") from exc
    if not isinstance(value, dict):
        raise refused("the body must be a JSON object", "")
    return value


def text(holder: Object, name: str, path: str = "") -> str | None:
    value = holder.get(name)
    if value is None or isinstance(value, str):
        return value
    raise refused(f"{path + name} must be a string", path + name)


def needed_text(holder: Object, name: str, path: str = "") -> str:
    value = text(holder, name, path)
    if not value:
        raise refused(f"{path + name} is required", path + name)
    return value


def number(holder: Object, name: str, path: str = "") -> float | None:
    value = holder.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise refused(f"{path + name} must be a number", path + name)


def count(holder: Object, name: str, path: str = "") -> int | None:
    """Return a whole number of 1 or more; None when the field is absent."""
    value = number(holder, name, path)
    if value is None:
        return None
    if value < 1 or value != int(value):
        raise refused(f"{path + name} must be a positive whole number", path + name)
    return int(value)


def flag(holder: Object, name: str, path: str = "") -> bool | None:
    value = holder.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise refused(f"{path + name} must be a boolean", path + name)


def objects(holder: Object, name: str, path: str = "") -> list[Object]:
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise refused(f"{path + name} must be an array", path + name)
    for at, element in enumerate(value):
        if not isinstance(element, dict):
            raise refused(f"{path}{name}.{at} must be an object", f"{path}{name}.{at}")
    return value


def child(holder: Object, name: str, path: str = "") -> Object | None:
    value = holder.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise refused(f"{path + name} must be an object", path + name)


def json_object(arguments: Any, param: str) -> orjson.Fragment | Object:
    """Return a tool call's arguments as an object to serialise: the caller's own bytes, only checked.

    Empty text, null and an empty list are `{}`; an object that is encoded twice is that object. What is no JSON
    object is kept whole under `_raw`: histories hold what models wrote, and a conversation must go on after a bad
    call.
    """
    if arguments is None:
        return {}
    if isinstance(arguments, dict):
        return arguments
    if not isinstance(arguments, str):
        raise refused(f"{param} must be a string", param)
    text = plain_arguments(arguments)
    if text == "{}":
        return {}
    return orjson.Fragment(text) if is_whole_object(text) else {"_raw": arguments}
