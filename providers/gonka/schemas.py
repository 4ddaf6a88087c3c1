"""Write out the references of JSON schemas: Gonka's servers take tools whose schemas hold no `$ref`.

Pure. A reference into the same schema (`#/$defs/…`, `#/definitions/…`, `#`) becomes what it names, with what stands
beside it; where a schema holds itself, the inner one keeps its type alone. Other references stay.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

MOST_PARTS = 20_000
"""A schema that is larger when it is written out stays as it is: definitions may double each other."""
MAX_DEPTH = 100
DEFINITIONS = ("$defs", "definitions")


class _TooLarge(Exception):
    """Raised for a schema that can't be written out."""


def schemas_of(document: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Return every place of a schema: the object that holds it, and its name there."""
    places: list[tuple[Any, str]] = []
    for tool in _listed(document.get("tools")):
        places.append((tool.get("function"), "parameters"))
    places += [(function, "parameters") for function in _listed(document.get("functions"))]
    wanted = document.get("response_format")
    if isinstance(wanted, dict):
        places.append((wanted.get("json_schema"), "schema"))
    return [(holder, name) for holder, name in places if isinstance(holder, dict) and name in holder]


def _listed(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def written_out(place: tuple[dict[str, Any], str]) -> bool:
    """Write out the schema at a place; False: it had no reference, or is too large."""
    holder, name = place
    root = holder[name]
    if not isinstance(root, dict):
        return False
    writer = _Writer(root)
    try:
        out = writer.write(root, (), 0)
    except _TooLarge:
        return False
    if not writer.has_changed:
        return False
    if not writer.has_left:
        for word in DEFINITIONS:
            out.pop(word, None)
    holder[name] = out
    return True


class _Writer:
    """Writes out one schema."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._parts = 0
        self.has_changed = False
        self.has_left = False  # some reference that leads nowhere

    def write(self, part: Any, inside: tuple[str, ...], depth: int) -> Any:
        """Return a copy of a part; `inside`: the references that it is the meaning of."""
        self._parts += 1
        if self._parts > MOST_PARTS or depth > MAX_DEPTH:
            raise _TooLarge
        if isinstance(part, list):
            return [self.write(one, inside, depth + 1) for one in part]
        if not isinstance(part, dict):
            return part
        reference = part.get("$ref")
        if isinstance(reference, str):
            return self._meaning(part, reference, inside, depth)
        skipped = DEFINITIONS if depth == 0 else ()
        return {
            key: value if key in skipped else self.write(value, inside, depth + 1)
            for key, value in part.items()
        }

    def _meaning(self, part: dict[str, Any], reference: str, inside: tuple[str, ...], depth: int) -> Any:
        meant = self._found(reference)
        if meant is None:
            self.has_left = True
            return part
        self.has_changed = True
        beside = {key: value for key, value in part.items() if key != "$ref"}
        if reference in inside or (reference == "#" and depth > 0):
            kept = {key: meant[key] for key in ("type", "description", "title") if key in meant}
            return {**kept, **beside}
        out = self.write(meant, (*inside, reference), depth + 1)
        return {**out, **{key: self.write(value, inside, depth + 1) for key, value in beside.items()}}

    def _found(self, reference: str) -> dict[str, Any] | None:
        """Return what a reference into this schema names."""
        if reference != "#" and not reference.startswith("#/"):
            return None
        found: Any = self._root
        for word in reference.split("/")[1:]:
            name = unquote(word).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, dict):
                found = found.get(name)
            else:
                return None
        return found if isinstance(found, dict) else None
