"""Schemas of tools as every vendor takes them: one object at the root, and no nulls where a value must be.

Pure. Anthropic and OpenAI refuse a call for one tool whose schema has `anyOf`, `oneOf` or `allOf` at the root, another
type than an object, or `null` in place of a keyword's value. Unions are merged into one object; what can't be said in
it is said in the description, where the model reads it.
"""

from __future__ import annotations

from typing import Any

import orjson

Schema = dict[str, Any]

MAX_DEPTH = 64
_MAPS = frozenset(("properties", "$defs", "definitions", "patternProperties", "dependentSchemas"))
_LITERALS = frozenset(("default", "const", "enum", "examples", "example"))
"""Members whose values are no schemas: null means null there."""
_ALTERNATIVES = ("anyOf", "oneOf")
_ROOT_ONLY = ("not", "if", "then", "else", "dependentSchemas", "dependentRequired", "enum", "const")


def object_schema(parameters: Any) -> Schema:
    """Return a tool's parameters as the schema of one object; absent ones are an empty object."""
    if not isinstance(parameters, dict) or not parameters:
        return {"type": "object", "properties": {}}
    schema = _without_nulls(parameters)
    if any(name in schema for name in ("$ref", "allOf", *_ALTERNATIVES, *_ROOT_ONLY)):
        schema = _merged(schema)
    if schema.get("type") != "object":
        schema = {**schema, "type": "object"}
    if not isinstance(schema.get("required", []), list):
        schema = {name: value for name, value in schema.items() if name != "required"}
    return schema


def _without_nulls(schema: Schema, depth: int = 0) -> Schema:
    """Return the schema without keywords that are null; the same object when there are none."""
    if depth > MAX_DEPTH:
        return schema
    out: Schema = {}
    is_changed = False
    for name, value in schema.items():
        kept = value
        if value is None and name not in _LITERALS:
            is_changed = True
            continue
        if name in _MAPS and isinstance(value, dict):
            kept = {key: _part(each, depth) for key, each in value.items()}
            kept = value if all(kept[key] is value[key] for key in value) else kept
        elif name not in _LITERALS and isinstance(value, dict):
            kept = _without_nulls(value, depth + 1)
        elif name not in _LITERALS and isinstance(value, list):
            kept = [_part(each, depth) for each in value]
            kept = value if all(one is other for one, other in zip(kept, value, strict=True)) else kept
        is_changed = is_changed or kept is not value
        out[name] = kept
    return out if is_changed else schema


def _part(value: Any, depth: int) -> Any:
    return _without_nulls(value, depth + 1) if isinstance(value, dict) else value


def _merged(schema: Schema, root: Schema | None = None, depth: int = 0) -> Schema:
    """Return one object for a schema that is put together of others at its root."""
    root = schema if root is None else root
    out = {
        name: value
        for name, value in schema.items()
        if name not in ("allOf", "$ref", *_ALTERNATIVES, *_ROOT_ONLY)
    }
    parts = [part for part in schema.get("allOf") or () if isinstance(part, dict)]
    target = _resolved(schema.get("$ref"), root)
    if target is not None:
        parts.insert(0, target)
    for part in parts:
        _add(out, _merged(part, root, depth + 1) if depth < MAX_DEPTH else part, required=True)
    for name in _ALTERNATIVES:
        _add_alternatives(out, schema.get(name), root, depth)
    said = {name: schema[name] for name in _ROOT_ONLY if name in schema}
    if said:
        _say(out, orjson.dumps(said).decode())
    return out


def _resolved(reference: Any, root: Schema) -> Schema | None:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    found: Any = root
    for name in reference[2:].split("/"):
        found = found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _add_alternatives(out: Schema, listed: Any, root: Schema, depth: int) -> None:
    """Add the properties of all alternatives; needed is what all of them need."""
    parts = [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []
    parts = [_merged(part, root, depth + 1) if depth < MAX_DEPTH else part for part in parts]
    parts = [part for part in parts if part.get("type") != "null"]
    if not parts:
        return
    needed = [part["required"] if isinstance(part.get("required"), list) else [] for part in parts]
    common = [name for name in needed[0] if all(name in each for each in needed)]
    for part in parts:
        _add(out, {**part, "required": common}, required=True)
    if len(parts) > 1:
        words = [_told(part, names) for part, names in zip(parts, needed, strict=True)]
        _say(out, "One of: " + "; ".join(word for word in words if word))


def _told(part: Schema, needed: list[Any]) -> str:
    properties = part.get("properties")
    names = list(properties) if isinstance(properties, dict) else needed
    listed = ", ".join(f"{name} (required)" if name in needed else str(name) for name in names)
    title = part.get("title") or part.get("description")
    return f"{title}: {listed}" if isinstance(title, str) and title else listed


def _add(out: Schema, part: Schema, *, required: bool) -> None:
    properties = dict(out.get("properties") or {})
    for name, value in (part.get("properties") or {}).items():
        known = properties.get(name)
        properties[name] = value if known is None or known == value else {"anyOf": _both(known, value)}
    if properties or "properties" in part:
        out["properties"] = properties
    names = part.get("required")
    if required and isinstance(names, list) and names:
        out["required"] = [*dict.fromkeys([*(out.get("required") or ()), *names])]
    for name in ("$defs", "definitions"):
        if isinstance(part.get(name), dict):
            out[name] = {**part[name], **(out.get(name) or {})}
    for name in ("description", "title", "additionalProperties"):
        if name in part and name not in out:
            out[name] = part[name]


def _both(known: Any, value: Any) -> list[Any]:
    """Return the alternatives of a property that two schemas describe differently."""
    is_union = isinstance(known, dict) and set(known) == {"anyOf"}
    listed = list(known["anyOf"]) if is_union else [known]
    return listed if value in listed else [*listed, value]


def _say(out: Schema, words: str) -> None:
    before = out.get("description")
    out["description"] = f"{before}\n\n{words}" if isinstance(before, str) and before else words
