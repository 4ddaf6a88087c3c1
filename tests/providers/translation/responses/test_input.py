from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Refused
from tests.providers.translation.exchange import MODEL, sent

PNG = "data:image/png;base64,iVBORw0KGgo="
HI = {"role": "user", "content": "hi"}


def told(given: Any, **fields: Any) -> Any:
    return sent("openai_responses", {"model": "gpt-x", "input": given, **fields})


def test_the_least_call() -> None:
    expected = {"model": MODEL, "max_tokens": 32_000, "messages": [HI]}
    assert told("hi") == expected
    assert told([HI]) == expected
    assert (
        told([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}])
        == expected
    )


def test_instructions_and_system_messages() -> None:
    given = [{"role": "developer", "content": "two"}, HI, {"role": "system", "content": "three"}]
    assert told(given, instructions="one")["system"] == "one\n\ntwo\n\nthree"


def test_a_tool_loop_in_items() -> None:
    given = [
        HI,
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "ok", "annotations": []}],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}', "id": "fc_1"},
        {"type": "function_call", "call_id": "c2", "name": "f", "arguments": ""},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_image", "image_url": PNG}],
        },
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
    ]
    _, assistant, user = told(given)["messages"]
    assert [block["type"] for block in assistant["content"]] == ["text", "tool_use", "tool_use"]
    assert [block["tool_use_id"] for block in user["content"]] == ["c2", "c1"]
    assert user["content"][0]["content"][0]["source"]["media_type"] == "image/png"


def test_media() -> None:
    parts = [
        {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "auto"},
        {"type": "input_file", "file_data": "data:text/plain;base64,aGFsbG8=", "filename": "a.txt"},
        {"type": "input_file", "file_url": "https://x.example/a.pdf"},
    ]
    blocks = told([{"role": "user", "content": parts}])["messages"][0]["content"]
    assert blocks[0]["source"] == {"type": "url", "url": "https://x.example/a.png"}
    assert blocks[1] == {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "hallo"},
        "title": "a.txt",
    }
    assert blocks[2] == {"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}}


def test_a_call_of_codex() -> None:
    body = {
        "instructions": "You are Codex.",
        "tools": [
            {
                "type": "function",
                "name": "shell",
                "strict": False,
                "parameters": {"type": "object", "properties": {}},
            },
            {
                "type": "custom",
                "name": "apply_patch",
                "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
            },
            {"type": "web_search"},
            {"type": "local_shell"},
            {"type": "image_generation"},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "high", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "conversation",
        "text": {"verbosity": "medium"},
        "client_metadata": {"x": "y"},
        "service_tier": "auto",
    }
    seen = told([HI], **body)
    assert [tool["name"] for tool in seen["tools"]] == ["shell", "apply_patch"]
    assert seen["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert seen["thinking"]["type"] == "enabled"
    assert seen["stream"] is True
    assert seen["system"][0]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("required", {"type": "any"}),
        ({"type": "function", "name": "f"}, {"type": "tool", "name": "f"}),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            {"type": "auto"},
        ),
    ],
)
def test_tool_choice(choice: Any, expected: Any) -> None:
    tools = [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}]
    body = told("hi", tools=tools, tool_choice=choice)
    assert body["tool_choice"] == expected
    assert len(body["tools"]) == (1 if isinstance(choice, dict) and "mode" in choice else 2)


def test_formats() -> None:
    format_ = {"type": "json_schema", "name": "x", "schema": {"type": "object", "properties": {}}}
    schema = told("hi", text={"format": format_})["output_config"]["format"]["schema"]
    assert schema == {"type": "object", "properties": {}, "additionalProperties": False}
    assert told("hi", text={"format": {"type": "text"}}) == told("hi")


def test_tools_given_in_the_input() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "late"}]}
    assert [tool["name"] for tool in told([item, HI])["tools"]] == ["late"]


def test_records_of_the_vendors_own_tools_are_left_out() -> None:
    given = [HI, {"type": "web_search_call", "id": "ws"}, {"type": "mcp_list_tools", "id": "m"}]
    assert told(given) == told([HI])


def test_reasoning_that_is_not_ours_is_left_out() -> None:
    given = [HI, {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "Zm9yZWlnbg=="}, HI]
    assert told(given)["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}] * 2}]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "c"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": 5}, "input"),
        ({"input": [5]}, "input.0"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0.type"),
        ({"input": [{"type": "brand_new"}]}, "input.0.type"),
        ({"input": [{"role": "odd", "content": "x"}]}, "input.0.role"),
        ({"input": [{"role": "user", "content": []}]}, "input.0.content"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input.0.content.0.file_id",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input.0.content.0.type"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input.0.call_id"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input.0.call_id"),
        ({"tools": [{"type": "file_search"}]}, "tools.0.type"),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]},
            "tools.0.tools.0.name",
        ),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        ({"text": {"format": {"type": "odd"}}}, "text.format"),
        ({"reasoning": {"effort": "absurd"}}, "reasoning.effort"),
        ({"max_output_tokens": -1}, "max_output_tokens"),
        ({"instructions": 5}, "instructions"),
        ({"reasoning": "high"}, "reasoning"),
    ],
)
def test_what_would_change_the_result_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as refused:
        sent("openai_responses", {"model": "gpt-x", "input": "hi", **fields})
    assert refused.value.failure.param == param


@pytest.mark.parametrize("kind", [None, 7, [], {}, "made-up"])
def test_kinds_that_are_no_words_are_refused_by_name(kind: Any) -> None:
    with pytest.raises(Refused) as item:
        told([HI, {"type": kind, "x": 1}])
    assert item.value.failure.param in ("input.1.type", "input.1.role")
    with pytest.raises(Refused) as tool:
        told([HI], tools=[{"type": kind}])
    assert tool.value.failure.param == "tools.0.type"
