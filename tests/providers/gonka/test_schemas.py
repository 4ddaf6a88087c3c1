"""References in schemas, written out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.gonka.requests import mended

POINT = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}


def tool(schema: Any) -> dict[str, Any]:
    return {"model": "m", "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]}


def written(schema: Any) -> Any:
    out = json.loads(mended(json.dumps(tool(schema)).encode()))
    return out["tools"][0]["function"]["parameters"]


@pytest.mark.parametrize("word", ["$defs", "definitions"])
def test_a_reference_becomes_what_it_names(word: str) -> None:
    line = {
        "type": "object",
        "properties": {
            "from": {"$ref": f"#/{word}/Point", "description": "where it begins"},
            "via": {"type": "array", "items": {"$ref": f"#/{word}/Point"}},
            "to": {"anyOf": [{"$ref": f"#/{word}/Point"}, {"type": "null"}]},
        },
        word: {"Point": POINT},
    }
    assert written(line) == {
        "type": "object",
        "properties": {
            "from": {**POINT, "description": "where it begins"},
            "via": {"type": "array", "items": POINT},
            "to": {"anyOf": [POINT, {"type": "null"}]},
        },
    }


def test_definitions_may_refer_to_each_other_and_have_odd_names() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/A~1b%20c"}},
        "$defs": {"A/b c": {"properties": {"p": {"$ref": "#/$defs/P"}}}, "P": POINT},
    }
    assert written(schema) == {"properties": {"a": {"properties": {"p": POINT}}}}


def test_a_schema_that_holds_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    assert written({"$ref": "#/$defs/Node", "$defs": {"Node": node}}) == {
        "type": "object",
        "properties": {"next": {"type": "object"}},
    }
    assert written({"type": "object", "properties": {"child": {"$ref": "#"}}}) == {
        "type": "object",
        "properties": {"child": {"type": "object"}},
    }


def test_what_leads_nowhere_stays_with_the_definitions() -> None:
    schema = {
        "properties": {
            "a": {"$ref": "https://x.test/s"},
            "b": {"$ref": "#/$defs/No"},
            "c": {"$ref": "#/$defs/P"},
        },
        "$defs": {"P": POINT},
    }
    assert written(schema) == {**schema, "properties": {**schema["properties"], "c": POINT}}


def test_definitions_that_double_each_other_are_left_alone() -> None:
    steps: dict[str, Any] = {
        f"s{at}": {"properties": {side: {"$ref": f"#/$defs/s{at + 1}"} for side in "ab"}} for at in range(40)
    }
    schema = {"$ref": "#/$defs/s0", "$defs": {**steps, "s40": {"type": "string"}}}
    assert written(schema) == schema


def test_answers_and_old_functions_have_schemas_too() -> None:
    schema = {"$ref": "#/$defs/P", "$defs": {"P": POINT}}
    body = {
        "functions": [{"name": "f", "parameters": schema}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    }
    out = json.loads(mended(json.dumps(body).encode()))
    assert out["functions"][0]["parameters"] == out["response_format"]["json_schema"]["schema"] == POINT


@pytest.mark.parametrize(
    "body",
    [b'{"model":"m",  "messages":[]}', b'{"x": "\\"$ref\\"", "messages": [{"content": {"$ref": 1}}]}', b'"$ref"',
     b'{"$ref"', b'{"tools": 5, "functions": [1], "response_format": {"json_schema": {"schema": "$ref"}}, "$ref": 1}'],
)  # fmt: skip
def test_other_bodies_keep_every_byte(body: bytes) -> None:
    assert mended(body) is body
