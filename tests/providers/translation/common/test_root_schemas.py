from __future__ import annotations

from typing import Any

import pytest

from providers.translation.common.root_schemas import object_schema

A, B = {"a": {"type": "string"}}, {"b": {"type": "integer"}}


def variant(properties: Any, *required: str, **fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), **fields}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"type": "object", "$schema": "x"}, {"type": "object", "$schema": "x"}),
    ],
)
def test_tools_take_objects(parameters: Any, expected: Any) -> None:
    assert object_schema(parameters) == expected


@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
def test_alternatives_at_the_root_are_one_object(word: str) -> None:
    told = object_schema(
        {"description": "D", word: [variant(A, "a"), variant(A | B, "a", "b"), {"type": "null"}]}
    )
    assert told["type"] == "object" and told["properties"] == A | B and told["required"] == ["a"]
    assert word not in told and told["description"].startswith(
        "D\n\nOne of: a (required); a (required), b (required)"
    )


def test_alternatives_that_only_require() -> None:
    told = object_schema(
        {"type": "object", "properties": A | B, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    )
    assert (
        told["properties"] == A | B
        and "required" not in told
        and "a (required); b (required)" in told["description"]
    )


def test_all_of_them_are_joined() -> None:
    told = object_schema(
        {"properties": {"c": {}}, "required": ["c"], "allOf": [variant(A, "a"), {"anyOf": [variant(B, "b")]}]}
    )
    assert told["properties"] == {"c": {}} | A | B and told["required"] == ["c", "a", "b"]
    assert not {"allOf", "anyOf"} & set(told)


def test_a_property_that_differs_may_be_either() -> None:
    one, other = {"k": {"const": 1}}, {"k": {"const": 2}}
    told = object_schema({"oneOf": [variant(one, "k"), variant(other, "k"), variant(one, "k")]})
    assert told["properties"] == {"k": {"anyOf": [{"const": 1}, {"const": 2}]}} and told["required"] == ["k"]


def test_a_reference_at_the_root_is_followed() -> None:
    definitions = {"$defs": {"X": variant(A, "a")}}
    told = object_schema({"$ref": "#/$defs/X", **definitions})
    assert told["properties"] == A and told["required"] == ["a"] and told["$defs"] == definitions["$defs"]
    assert object_schema({"$ref": "#/$defs/Y", **definitions})["type"] == "object"


@pytest.mark.parametrize("kind", [None, ["object", "null"], "object", "null", ["null"]])
def test_the_root_is_an_object(kind: Any) -> None:
    assert object_schema({"type": kind, "properties": A}) == {"type": "object", "properties": A}


@pytest.mark.parametrize("name", ["required", "description", "additionalProperties", "$defs", "anyOf"])
def test_null_is_no_value_of_a_keyword(name: str) -> None:
    inner = {"type": "object", "properties": A, name: None}
    told = object_schema({"type": "object", "properties": {"x": inner}, name: None})
    assert told == {"type": "object", "properties": {"x": {"type": "object", "properties": A}}}


def test_null_that_means_null_stays() -> None:
    same = {
        "type": "object",
        "properties": {"x": {"enum": ["a", None], "default": None}, "required": {"type": "string"}},
    }
    assert object_schema(same) is same


def test_what_no_object_can_say_is_said_in_words() -> None:
    told = object_schema(
        {"type": "object", "properties": A, "not": {"required": ["a"]}, "if": {}, "then": {}}
    )
    assert set(told) == {"type", "properties", "description"} and '"not"' in told["description"]


def test_endless_references_end() -> None:
    schema: dict[str, Any] = {"$ref": "#/$defs/X", "$defs": {"X": {"$ref": "#/$defs/X"}}}
    assert object_schema(schema)["type"] == "object"
