from __future__ import annotations

from typing import Any

import pytest
from anthropic.lib._parse._transform import transform_schema

from providers.translation.messages.schemas import strict_schema

SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    {"type": "integer", "minimum": 1, "maximum": 10, "description": "A number"},
    {"type": "string", "format": "email"},
    {"type": "string", "format": "phone", "pattern": "^x"},
    {"type": "array", "items": {"type": "object", "properties": {}}, "minItems": 1},
    {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 3},
    {
        "anyOf": [
            {"type": "null"},
            {"type": "object", "properties": {"n": {"type": "number", "multipleOf": 2}}},
        ]
    },
    {"oneOf": [{"type": "string", "minLength": 1}, {"type": "boolean"}]},
    {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {}, "additionalProperties": True}}},
    {"enum": ["a", "b"], "title": "T"},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_vendors_own_rules(schema: dict[str, Any]) -> None:
    assert strict_schema(schema) == transform_schema(schema)


def test_odd_schemas_pass() -> None:
    assert strict_schema(True) is True
    assert strict_schema({"items": False, "properties": {"x": True}}) == {
        "items": False,
        "properties": {"x": True},
        "additionalProperties": False,
    }
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"items": deep}
    strict_schema(deep)
