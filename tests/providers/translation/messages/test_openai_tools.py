from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.common.tool_names import Tool, ToolTable
from providers.translation.messages.openai_tools import (
    choice_word,
    custom_tool,
    function_tool,
    keep_allowed,
    set_format,
)
from providers.translation.messages.request import Draft


def test_a_function() -> None:
    table = ToolTable()
    tool = {
        "name": "f",
        "description": "d",
        "parameters": {"type": "object"},
        "cache_control": {"type": "ephemeral"},
    }
    assert function_tool(tool, "tools.0.", table) == {
        "name": "f",
        "description": "d",
        "input_schema": {"type": "object"},
        "cache_control": {"type": "ephemeral"},
    }
    assert function_tool({"name": "g"}, "", table)["input_schema"] == {"type": "object", "properties": {}}


def test_a_strict_function_gets_a_strict_schema() -> None:
    parameters = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    block = function_tool({"name": "f", "parameters": parameters, "strict": True}, "", ToolTable())
    assert block["strict"] is True
    assert block["input_schema"] == {
        "type": "object",
        "properties": {"n": {"type": "integer", "description": "{minimum: 1}"}},
        "additionalProperties": False,
    }
    assert "strict" not in function_tool({"name": "f", "strict": False}, "", ToolTable())


@pytest.mark.parametrize(
    "format_",
    [
        {"type": "grammar", "syntax": "lark", "definition": "start: x"},
        {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}},
    ],
)
def test_a_custom_tool_tells_its_grammar_in_words(format_: dict[str, Any]) -> None:
    table = ToolTable()
    block = custom_tool({"name": "patch", "description": "d", "format": format_}, "", table)
    assert block["description"] == "d\n\nThe input must follow this lark grammar:\nstart: x"
    assert table.find("patch") == Tool("patch", is_custom=True)
    assert "description" not in custom_tool({"name": "free"}, "", table)


def test_choices() -> None:
    assert [choice_word(word) for word in ("auto", "none", "required", None)] == [
        {"type": "auto"},
        {"type": "none"},
        {"type": "any"},
        None,
    ]
    with pytest.raises(Refused):
        choice_word(5)


def test_allowed_tools() -> None:
    draft = Draft("m", tools=[{"name": "a"}, {"name": "b"}])
    keep_allowed(draft, {"b", "stranger"})
    assert draft.tools == [{"name": "b"}]


def test_formats() -> None:
    draft = Draft("m")
    set_format(draft, "text", None, "p")
    set_format(draft, None, None, "p")
    assert (draft.schema, draft.system) == (None, [])
    set_format(draft, "json_object", None, "p")
    assert draft.system[0]["type"] == "text"
    set_format(draft, "json_schema", {"type": "object"}, "p")
    assert draft.schema == {"type": "object", "additionalProperties": False}
    for kind, schema in (("json_schema", None), ("grammar", {})):
        with pytest.raises(Refused):
            set_format(draft, kind, schema, "p")
