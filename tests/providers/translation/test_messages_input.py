from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation import messages_input as read


def test_content_in_both_forms() -> None:
    assert read.blocks("x", "w") == [{"type": "text", "text": "x"}]
    assert read.blocks("", "w") == [] == read.blocks(None, "w")
    with pytest.raises(Refused):
        read.blocks(["x"], "messages.0.content")


def test_the_system_prompt_without_what_is_not_for_the_model() -> None:
    system = [
        {"type": "text", "text": f"{read.ATTRIBUTION} x"},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    assert read.system_text(system) == "a\n\nb"
    assert read.system_text("a") == "a" and read.system_text(None) == ""


def test_documents_that_are_text() -> None:
    plain = {"title": "T", "context": "C", "source": {"type": "text", "data": "x"}}
    assert read.plain_document(plain, "w") == [
        {"type": "text", "text": "T\nC"},
        {"type": "text", "text": "x"},
    ]
    nested = {"source": {"type": "content", "content": "x"}}
    assert read.plain_document(nested, "w") == [{"type": "text", "text": "x"}]
    assert read.plain_document({"source": {"type": "base64"}}, "w") is None
    with pytest.raises(Refused):
        read.plain_document({}, "w")


def test_images_from_both_sources() -> None:
    assert read.image_url({"source": {"type": "url", "url": "https://x"}}, "w") == "https://x"
    encoded = {"source": {"type": "base64", "media_type": "image/png", "data": "AA"}}
    assert read.image_url(encoded, "w") == "data:image/png;base64,AA"


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (
            {"type": "server_tool_use", "name": "web_search", "input": {"query": "x"}},
            '[web_search {"query":"x"}]',
        ),
        (
            {
                "type": "web_search_tool_result",
                "content": [
                    {"type": "web_search_result", "title": "T", "url": "U", "encrypted_content": "E"}
                ],
            },
            "[result: T; U]",
        ),
        ({"type": "code_execution_tool_result", "content": {"stdout": "1", "stderr": ""}}, "[result: 1]"),
        (
            {"type": "web_fetch_tool_result", "content": {"content": {"type": "document"}}},
            "[no readable result]",
        ),
    ],
)
def test_server_tools_of_the_history_are_told_in_text(block: dict[str, Any], text: str) -> None:
    assert read.is_server_tool_block(block["type"]) and read.server_tool_text(block) == text


def test_only_the_client_s_own_results_are_not_server_tools() -> None:
    assert not read.is_server_tool_block("tool_result") and not read.is_server_tool_block("text")


def test_search_results_are_text() -> None:
    block = {"title": "T", "source": "S", "content": [{"type": "text", "text": "x"}]}
    assert read.search_result_text(block) == "T\nS\nx"


def test_errors_of_tools_are_said() -> None:
    assert read.result_error_text("no", {"is_error": True}) == "Error: no"
    assert read.result_error_text("Error: no", {"is_error": True}) == "Error: no"
    assert read.result_error_text("yes", {}) == "yes"


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
    assert read.fits_strict(schema) is fits


def test_schemas_always_have_properties() -> None:
    empty = {"type": "object", "properties": {}}
    assert read.schema_of({}) == empty == read.schema_of({"input_schema": {"type": "object"}})
    assert read.schema_of({"input_schema": {"type": "object", "properties": {"a": {}}}})["properties"] == {
        "a": {}
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, None),
        ({"output_config": {"effort": "medium"}}, "medium"),
        ({"output_config": {"effort": "xhigh"}}, "high"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled"}}, None),
    ],
)
def test_effort(body: dict[str, Any], expected: str | None) -> None:
    assert read.effort(body) == expected


def test_the_older_spelling_of_structured_output() -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    assert read.output_schema({"output_format": wanted}) == {"type": "object"}
    assert read.output_schema({}) is None


@pytest.mark.parametrize("tools", ["x", ["x"], [{"type": "computer_20250124"}], [{"name": ""}]])
def test_tools_that_can_not_be_given_on(tools: object) -> None:
    with pytest.raises(Refused):
        read.client_tools({"tools": tools})
