"""Read the JSON body of a management request: strict, bounded, with errors that say what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NoReturn

from django.http import HttpRequest

from tokens.errors import BadTokenField, BodyTooLarge, WrongMediaType

ARGUMENTS = ("principal", "token_id", "group_name")
"""Of services that take their fields by name."""
MAX_BODY_BYTES = 2 * 1024 * 1024


def read_object(request: HttpRequest) -> dict[str, object]:
    """Read the body as a JSON object; an empty body is an empty object.

    Raises BadTokenField, BodyTooLarge, WrongMediaType.
    """
    content_type = (request.content_type or "").lower()
    if content_type != "application/json" and not (
        content_type.startswith("application/") and content_type.endswith("+json")
    ):
        raise WrongMediaType
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
        raise BodyTooLarge(MAX_BODY_BYTES)
    raw = request.body
    if len(raw) > MAX_BODY_BYTES:
        raise BodyTooLarge(MAX_BODY_BYTES)
    return parse_object(raw) if raw else {}


def read_fields(request: HttpRequest) -> dict[str, object]:
    """Read the fields of a change, as `read_object` does."""
    return as_fields(read_object(request))


def as_fields(given: dict[str, object]) -> dict[str, object]:
    """Return what was given; an argument of our services is no field. Raises BadTokenField."""
    for name in ARGUMENTS:
        if name in given:
            raise BadTokenField(name, "unknown field")
    return given


def only(given: dict[str, object], names: Iterable[str]) -> dict[str, object]:
    """Return what was given when every name is known: one that is not was meant for something. Raises BadTokenField."""
    known = frozenset(names)
    for name in given:
        if name not in known:
            raise BadTokenField(name[:64], "unknown field")
    return given


def parse_object(raw: bytes) -> dict[str, object]:
    """Parse one JSON object. A name given twice is refused: nobody can say which of the two was meant."""
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadTokenField("", "The request body is not valid JSON") from None
    if not isinstance(value, dict):
        raise BadTokenField("", "The request body must be a JSON object")
    return value


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise BadTokenField(name[:64], "is given twice")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
