"""JSON schemas as Anthropic's structured output accepts them.

Pure. Structured output knows a part of JSON Schema only. What it refuses (bounds, patterns, lengths) moves
into `description`, where the model reads it; objects are closed, as its decoder demands. The same rules as
the vendor's SDKs.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_KEPT = ("type", "enum", "const", "description", "title", "$ref", "default")
_GROUPS = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
_MAPS = ("properties", "$defs", "definitions")
_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
_SILENT = frozenset(("$schema", "$id", "additionalProperties", "required", "items", "format", "minItems"))
MAX_DEPTH = 64


def strict_schema(schema: Any, depth: int = 0) -> Any:
    """Return a copy that structured output accepts.

    Booleans and other non-objects stay as they are.
    """
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return schema
    out: Schema = {key: schema[key] for key in _KEPT if key in schema}
    rest: Schema = {}
    for key, value in schema.items():
        if key in _MAPS and isinstance(value, dict):
            out[key] = {name: strict_schema(part, depth + 1) for name, part in value.items()}
        elif key in _GROUPS and isinstance(value, list):
            out[_GROUPS[key]] = [strict_schema(part, depth + 1) for part in value]
        elif key not in _KEPT and key not in _SILENT:
            rest[key] = value
    _keep_known_limits(schema, out, rest, depth)
    if rest:
        words = ", ".join(f"{key}: {value}" for key, value in rest.items())
        before = f"{out['description']}\n\n" if out.get("description") else ""
        out["description"] = f"{before}{{{words}}}"
    return out


def _keep_known_limits(schema: Schema, out: Schema, rest: Schema, depth: int) -> None:
    if schema.get("type") == "object" or "properties" in schema:
        out["additionalProperties"] = False
    if "required" in schema:
        out["required"] = schema["required"]
    if "items" in schema:
        out["items"] = strict_schema(schema["items"], depth + 1)
    if "format" in schema:
        (out if schema["format"] in _FORMATS else rest)["format"] = schema["format"]
    if "minItems" in schema:
        (out if schema["minItems"] in (0, 1) else rest)["minItems"] = schema["minItems"]
