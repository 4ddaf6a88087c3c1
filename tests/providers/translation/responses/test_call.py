from __future__ import annotations

import json

import pytest

from providers.dialects.types import Refused
from providers.translation.common.tool_names import Tool
from providers.translation.responses import call as read


def test_input_in_every_form() -> None:
    assert list(read.input_items({"input": "x"})) == [("input.0", {"role": "user", "content": "x"})]
    items = list(read.input_items({"input": ["a", {"type": "message", "role": "user"}]}))
    assert [read.kind_of(item) for _, item in items] == ["message", "message"]
    assert read.kind_of({"id": "x"}) == "item_reference" and read.kind_of({}) == "unknown"


@pytest.mark.parametrize("listed", [None, [], 7, [None]])
def test_no_input(listed: object) -> None:
    with pytest.raises(Refused):
        list(read.input_items({"input": listed}))


def test_parts_in_every_form() -> None:
    assert read.parts_of("x", "w") == [{"type": "input_text", "text": "x"}]
    assert read.parts_of(None, "w") == [] == read.parts_of("", "w")
    with pytest.raises(Refused):
        read.parts_of(["x"], "w")


def test_tools_and_the_way_back() -> None:
    tools = read.CallerTools()
    tools.read(
        {
            "tools": [
                {"type": "function", "name": "f" * 80, "description": "d", "strict": True},
                {"type": "custom", "name": "patch"},
                {"type": "namespace", "name": "docs", "tools": [{"type": "function", "name": "search"}]},
                {"type": "image_generation"},
            ]
        }
    )
    first, patch, search = tools.functions
    assert len(first["name"]) <= 64 and first["strict"] is True and first["parameters"]["type"] == "object"
    assert patch["parameters"]["required"] == ["input"]
    assert tools.table.find(first["name"]) == Tool("f" * 80)
    assert tools.table.find(patch["name"]) == Tool("patch", is_custom=True)
    assert tools.table.find(search["name"]) == Tool("search", namespace="docs")
    assert tools.upstream_name("search", "docs") == search["name"]


def test_a_grammar_is_told_in_words() -> None:
    format_ = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    assert read.custom_description("d", format_) == "d\n\nThe input must match this lark grammar:\nstart: x"
    assert read.custom_description("", format_).startswith("The input")
    assert read.custom_description("d", {"type": "text"}) == "d"


def test_free_text_as_arguments() -> None:
    assert json.loads(read.custom_arguments('a"b')) == {"input": 'a"b'}
    assert json.loads(read.custom_arguments(None)) == {"input": ""}
