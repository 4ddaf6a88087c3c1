from __future__ import annotations

import pytest

from providers.dialects.types import Refused
from providers.translation.messages import client_tools


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"type": "object", "properties": {}, "required": [], "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"]}, False),
        ({"type": "object"}, False),
        ({"type": "array", "items": {"type": "object", "properties": {"a": {}}}}, False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, True),
        ({"type": "string"}, True),
    ],
)
def test_which_schemas_fit_strict_mode(schema: object, fits: bool) -> None:
    assert client_tools.fits_strict(schema) is fits


def test_schemas_always_have_properties() -> None:
    empty = {"type": "object", "properties": {}}
    assert client_tools.schema_of({}) == empty == client_tools.schema_of({"input_schema": {"type": "object"}})
    assert client_tools.schema_of({"input_schema": {"type": "object", "properties": {"a": {}}}})[
        "properties"
    ] == {"a": {}}


@pytest.mark.parametrize("tools", ["x", ["x"], [{"type": "web_search_20250305"}], [{"name": ""}]])
def test_tools_that_can_not_be_given_on(tools: object) -> None:
    with pytest.raises(Refused):
        client_tools.client_tools({"tools": tools})
