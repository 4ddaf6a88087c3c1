"""Read the four forms in which providers can be imported, told apart by their first character.

Pure: text in, fields out. JSON (one object, an object with `providers`, or an array), lines of the
reference's store, or indented lines `key value` under the provider's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from providers.errors import BadImport
from providers.files import lenv

EMPTY = "invalid provider config: provider import did not contain any providers"
KEYS = {
    "kind": "kind",
    "base_url": "base_url",
    "base-url": "base_url",
    "api_base": "base_url",
    "api-base": "base_url",
    "model": "default_model",
    "default_model": "default_model",
    "default-model": "default_model",
    "models": "models",
    "api_key": "api_key",
    "api-key": "api_key",
    "api_key_env": "api_key_env",
    "api-key-env": "api_key_env",
    "enabled": "enabled",
    "tools": "tools",
    "region": "region",
    "project": "project",
    "workspace": "workspace",
    "api": "api",
    "model_ids": "model_ids",
}
WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
BLANKS = " \t\r\n"


@dataclass(slots=True)
class Entry:
    """One provider of an import: the line where it begins, and its fields as in the API."""

    line: int
    fields: dict[str, Any] = field(default_factory=dict, repr=False)


def parse(text: str) -> list[Entry]:
    """Return every provider, in order.

    Raises `BadImport` naming the line.
    """
    text = text.removeprefix("\ufeff")
    first = text.lstrip()[:1]
    if first in ("{", "["):
        return list(_json_entries(text))
    if any(line.startswith(lenv.PREFIX) for line in text.split("\n")):
        contents = lenv.parse(text)
        if contents.problems:
            line, problem = contents.problems[0]
            raise BadImport(problem, line)
        return [Entry(line, fields) for line, fields in contents.records]
    entries = _indented(text)
    if not entries:
        raise BadImport(EMPTY)
    return entries


# JSON


def _json_entries(text: str) -> Iterator[Entry]:
    start = _skip(text, 0)
    _check_whole(text, start)
    if text[start] == "[":
        yield from _array(text, start)
        return
    at = _member(text, start, "providers")
    if at is None:
        yield Entry(_line(text, start), _decode(text, start)[0])
    elif text[at] == "[":
        yield from _array(text, at)
    else:
        raise BadImport("provider JSON error: providers must be an array", _line(text, at))


def _array(text: str, start: int) -> Iterator[Entry]:
    at = _skip(text, start + 1)
    while text[at] != "]":
        value, end = _decode(text, at)
        if not isinstance(value, dict):
            raise BadImport("provider JSON error: each provider must be an object", _line(text, at))
        yield Entry(_line(text, at), value)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _member(text: str, start: int, name: str) -> int | None:
    """Return the position where a member's value begins, in the object at `start`; None without it.

    The text is known to be valid.
    """
    at = _skip(text, start + 1)
    while text[at] != "}":
        key, end = _decode(text, at)
        at = _skip(text, _skip(text, end) + 1)
        if key == name:
            return at
        at = _skip(text, _decode(text, at)[1])
        if text[at] == ",":
            at = _skip(text, at + 1)
    return None


def _check_whole(text: str, start: int) -> None:
    end = _skip(text, _decode(text, start)[1])
    if end < len(text):
        raise BadImport("provider JSON error: something follows the JSON", _line(text, end))


def _decode(text: str, at: int) -> tuple[Any, int]:
    try:
        return json.JSONDecoder().raw_decode(text, at)
    except json.JSONDecodeError as exc:
        raise BadImport(f"provider JSON error: {exc.msg} at column {exc.colno}", exc.lineno) from None
    except RecursionError:
        raise BadImport("provider JSON error: nested too deeply", _line(text, at)) from None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANKS:
        at += 1
    return at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


# Indented lines


def _indented(text: str) -> list[Entry]:
    entries: list[Entry] = []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if not line.strip() or line.strip().startswith("#"):
            continue
        if line[0] not in " \t":
            entries.append(Entry(number, {"name": line.strip()}))
            continue
        if not entries:
            problem = "invalid provider config: indented provider field without provider name"
            raise BadImport(problem, number)
        name, value = _key_value(line.strip(), number)
        entries[-1].fields[name] = value
    return entries


def _key_value(line: str, number: int) -> tuple[str, object]:
    key, *rest = line.split(None, 1)
    if not rest:
        raise BadImport(f"invalid provider config: provider field must be key value: {line}", number)
    name = KEYS.get(key)
    if name is None:
        raise BadImport(f"invalid provider config: unknown provider field: {key}", number)
    text = rest[0].strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if name == "models":
        return name, [item.strip() for item in text.split(",") if item.strip()]
    if name == "model_ids":
        pairs = (item.partition("=") for item in text.split(",") if item.strip())
        return name, {asked.strip(): there.strip() for asked, _, there in pairs}
    if name != "enabled":
        return name, text
    if text.lower() not in WORDS:
        raise BadImport("invalid provider config: enabled must be true or false", number)
    return name, WORDS[text.lower()]
