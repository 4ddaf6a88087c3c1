"""Read and change clients' configuration files: JSON, TOML, and YAML of plain keys. Pure: text in, text out.

Of TOML and YAML only the lines that are concerned are changed, for people comment theirs. What comes out is read again
and compared: a file that is written in a way which this cannot change is refused and never damaged.
"""

from __future__ import annotations

import json
import re
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from gateway.clients.errors import ClientError

Path = tuple[str, ...]
Entries = Mapping[Path, Any]
"""What is to stand where. A value is a string, or a table of values in JSON and TOML."""
Document = dict[str, Any]
BY_HAND = (
    "it is written in a way that can't be changed here; without --write it is printed, to be put in by hand"
)


class Form(ABC):
    """A way to write a configuration."""

    @abstractmethod
    def read(self, text: str) -> Document:
        """Return the document; an empty one for empty text. Raises `ClientError`."""

    @abstractmethod
    def _change(self, text: str, before: Document, after: Document, paths: tuple[Path, ...]) -> str:
        """Return text that says `after`, which differs from `before` at `paths`."""

    def put(self, text: str, entries: Entries) -> str:
        """Return the text with `entries` in it, and all else as it was."""
        before = self.read(text)
        after = deepcopy(before)
        for path, value in entries.items():
            _set(after, path, value)
        return self._checked(text, before, after, tuple(entries))

    def restore(self, text: str, original: str, paths: tuple[Path, ...]) -> str:
        """Return the text with what `original` has at `paths`."""
        before, wanted = self.read(text), self.read(original)
        at_paths = {path: found for path in paths if (found := get(before, path)) is not None}
        if self.put(original, at_paths) == text:
            return original
        after = deepcopy(before)
        for path in paths:
            if (value := get(wanted, path)) is not None:
                _set(after, path, value)
            else:
                _remove(after, path, wanted)
        return self._checked(text, before, after, paths)

    def _checked(self, text: str, before: Document, after: Document, paths: tuple[Path, ...]) -> str:
        try:
            changed = self._change(text, before, after, paths)
            is_right = self.read(changed) == after
        except ClientError:
            is_right = False
        if not is_right:
            raise ClientError(BY_HAND)
        return changed


class Json(Form):
    """A JSON document, written anew with two blanks of indentation, as these clients do themselves."""

    def read(self, text: str) -> Document:
        try:
            document = json.loads(text) if text.strip() else {}
        except ValueError as problem:
            raise ClientError(f"it is not JSON: {problem}") from None
        if not isinstance(document, dict):
            raise ClientError("it is not a JSON object")
        return document

    def _change(self, text: str, before: Document, after: Document, paths: tuple[Path, ...]) -> str:
        return json.dumps(after, indent=2, ensure_ascii=False) + "\n" if after else ""


class Toml(Form):
    """A TOML document, of which whole keys at the top and whole tables are changed."""

    def read(self, text: str) -> Document:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as problem:
            raise ClientError(f"it is not TOML: {problem}") from None

    def _change(self, text: str, before: Document, after: Document, paths: tuple[Path, ...]) -> str:
        lines, keys, tables = text.splitlines(), [], []
        for path in paths:
            lines = _without_table(lines, path) if len(path) > 1 else _without_key(lines, path[0])
            value = get(after, path)
            if isinstance(value, dict):
                header = ".".join(map(_toml_key, path))
                tables += ["", f"[{header}]", *(_toml_line(name, each) for name, each in value.items())]
            elif value is not None:
                keys.append(_toml_line(path[-1], value))
        while tables and lines and not lines[-1].strip():
            lines.pop()
        if not keys + lines:
            tables = tables[1:]
        return "".join(f"{line}\n" for line in [*keys, *lines, *tables])


class Yaml(Form):
    """A YAML document of plain keys at the top: only these are read, and every other line is left as it is."""

    def read(self, text: str) -> Document:
        found = {}
        for line in text.splitlines():
            if match := YAML_KEY.match(line):
                found[match[1]] = _yaml_value(match[2].strip())
        return found

    def _change(self, text: str, before: Document, after: Document, paths: tuple[Path, ...]) -> str:
        lines = text.splitlines()
        for (key,) in paths:
            kept = []
            for line, following in zip(lines, [*lines, ""][1:], strict=True):
                is_ours = (match := YAML_KEY.match(line)) is not None and match[1] == key
                if is_ours and re.match(r"\s+\S|- ", following):
                    raise ClientError(BY_HAND)
                kept += [line] * (not is_ours)
            lines = [*kept, f"{key}: {json.dumps(after[key], ensure_ascii=False)}"] if key in after else kept
        return "".join(f"{line}\n" for line in lines)


YAML_KEY = re.compile(r"([A-Za-z][\w-]*)\s*:(?=\s|$)(.*)")


def _yaml_value(text: str) -> object:
    if text.startswith('"'):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return {"true": True, "false": False}.get(text, text)


def get(document: Mapping[str, Any], path: Path) -> Any:
    """Return what stands at `path`, or None."""
    here: Any = document
    for name in path:
        if not isinstance(here, Mapping) or name not in here:
            return None
        here = here[name]
    return here


def _set(document: Document, path: Path, value: object) -> None:
    *above, last = path
    for name in above:
        here = document.setdefault(name, {})
        if not isinstance(here, dict):
            raise ClientError(f"{name} is not a table in it")
        document = here
    document[last] = value


def _remove(document: Document, path: Path, wanted: Document) -> None:
    """Take `path` out, and the tables above it that are empty then and are not in `wanted`."""
    for length in range(len(path), 0, -1):
        table, name = get(document, path[: length - 1]), path[length - 1]
        is_mine = length == len(path) or (table or {}).get(name) == {}
        if table and name in table and is_mine and get(wanted, path[:length]) is None:
            del table[name]


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else json.dumps(name)


def _toml_line(name: str, value: object) -> str:
    # A JSON string, number, truth value or list of these is the same in TOML.
    return f"{_toml_key(name)} = {json.dumps(value, ensure_ascii=False)}"


def _without_key(lines: list[str], key: str) -> list[str]:
    head = next((place for place, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    ours = re.compile(rf'\s*"?{re.escape(key)}"?\s*=')
    return [line for line in lines[:head] if not ours.match(line)] + lines[head:]


def _without_table(lines: list[str], path: Path) -> list[str]:
    dotted = r"\s*\.\s*".join(f'"?{re.escape(name)}"?' for name in path)
    ours = re.compile(rf"\s*\[\s*{dotted}\s*[.\]]")
    kept: list[str] = []
    passed: list[str] | None = None  # lines of our table, since its last one that says something
    for line in lines:
        if line.lstrip().startswith("["):
            kept += passed or []  # a comment above the next table is that one's
            passed = [] if ours.match(line) else None
        elif passed is not None:
            passed = [*passed, line] if re.match(r"\s*(#|$)", line) else []
        if passed is None:
            kept.append(line)
    return kept + (passed or [])
