"""Bodies of other APIs on the Chat surface: read as what they are, over every upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.openai_chat import read_call
from providers.dialects.types import Call, Target
from providers.translation.chat.foreign import as_chat
from tests.fakes.sealer import CountedIds, PlainSealer
from tests.providers.translation.making import translator

Json = dict[str, Any]

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
TOOLS: dict[str, Json] = {
    "Anthropic's": {"name": "f", "description": "d", "input_schema": SCHEMA},
    "Anthropic's, typed": {"type": "custom", "name": "f", "description": "d", "input_schema": SCHEMA},
    "flat": {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA},
    "flat without a type": {"name": "f", "description": "d", "parameters": SCHEMA},
}
HELLO: Json = {"role": "user", "content": "go"}
CALLS = [
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "So."},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": "x"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "r"}]},
            {"type": "text", "text": "on"},
        ],
    },
]
OWN = [
    {
        "role": "assistant",
        "content": [{"type": "text", "text": "So."}],
        "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":"x"}'}}],
    },
    {"role": "tool", "tool_call_id": "t1", "content": [{"type": "text", "text": "r"}]},
    {"role": "user", "content": [{"type": "text", "text": "on"}]},
]
ITEMS = [
    {"role": "user", "content": [{"type": "input_text", "text": "go"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]},
    {"type": "reasoning", "summary": []},
    {"type": "function_call", "call_id": "t1", "name": "f", "arguments": '{"a":"x"}'},
    {"type": "function_call_output", "call_id": "t1", "output": "r"},
]


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_tools(tool: Json) -> None:
    told = as_chat({"model": "m", "messages": [HELLO], "tools": [tool]})
    assert told["tools"] == [FUNCTION]


def test_blocks() -> None:
    assert as_chat({"messages": [HELLO, *CALLS]})["messages"] == [HELLO, *OWN]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "any"}, "required"), ({"type": "auto"}, "auto"), ({"type": "none"}, "none"),
        ("auto", "auto"),
    ],
)  # fmt: skip
def test_choices(choice: Any, told: Any) -> None:
    assert as_chat({"messages": [HELLO], "tool_choice": choice})["tool_choice"] == told


def test_a_whole_responses_body() -> None:
    body = {
        "model": "m", "instructions": "S", "input": ITEMS, "max_output_tokens": 9, "store": False, "stream": True,
        "reasoning": {"effort": "low"}, "tools": [TOOLS["flat"]],
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": SCHEMA}},
    }  # fmt: skip
    told = as_chat(body)
    assert [one["role"] for one in told["messages"]] == ["system", "user", "assistant", "tool"]
    assert told["messages"][2]["tool_calls"][0]["id"] == "t1" and told["tools"] == [FUNCTION]
    assert (told["max_completion_tokens"], told["reasoning_effort"], told["verbosity"]) == (9, "low", "low")
    assert told["response_format"]["json_schema"] == {"name": "n", "schema": SCHEMA}
    assert not {"input", "instructions", "store", "reasoning", "text"} & set(told)


def test_a_custom_tool_stays_one() -> None:
    flat = {"type": "custom", "name": "p", "description": "d", "format": {"type": "text"}}
    call = {"type": "custom_tool_call", "call_id": "c", "name": "p", "input": "x"}
    told = as_chat({"input": [call], "tools": [flat]})
    assert told["tools"][0]["custom"]["name"] == "p" and told["messages"][0]["tool_calls"][0]["custom"] == {
        "name": "p",
        "input": "x",
    }


@pytest.mark.parametrize(
    "own",
    [
        {"messages": [HELLO, *OWN], "tools": [FUNCTION], "tool_choice": "auto"},
        {"messages": "odd", "tools": "odd"},
        {"messages": [3], "tools": [None]},
    ],
)
def test_chat_s_own_form_is_the_same_object(own: Json) -> None:
    assert as_chat(own) is own


FOREIGN: dict[str, Json] = {
    "Anthropic's": {"messages": [HELLO, *CALLS], "tools": [TOOLS["Anthropic's"]]},
    "flat": {"messages": [HELLO, *OWN], "tools": [TOOLS["flat"]]},
    "Responses": {"input": ITEMS, "tools": [TOOLS["flat"]]},
}


@pytest.mark.parametrize("upstream", ["anthropic", "openai_chat", "openai_responses"])
@pytest.mark.parametrize("name", FOREIGN)
def test_over_every_upstream(name: str, upstream: str) -> None:
    raw = json.dumps({"model": "gpt-x", **FOREIGN[name]}).encode()
    call = Call("chat_completions", "POST", b"/v1/chat/completions", b"", (), raw, read_call(raw))
    made = translator("openai_chat", upstream, CountedIds(), 1.0, PlainSealer())
    told = json.loads(made.request(call, Target("gpt-x")).body)
    text = json.dumps(told)
    assert "t1" in text and "So." in text and "r" in text
    tool = told["tools"][0]
    assert (tool.get("function") or tool)["name"] == "f"
    if upstream == "openai_chat":
        assert tool == FUNCTION and [one["role"] for one in told["messages"]][:3] == [
            "user",
            "assistant",
            "tool",
        ]


def test_a_plain_call_is_passed_byte_by_byte() -> None:
    raw = json.dumps({"model": "m", "messages": [HELLO, *OWN], "tools": [FUNCTION]}).encode()
    assert not read_call(raw).is_foreign
    call = Call("chat_completions", "POST", b"/v1/chat/completions", b"", (), raw, read_call(raw))
    made = translator("openai_chat", "openai_chat", CountedIds(), 1.0, PlainSealer())
    assert made.request(call, Target("m")).body == raw


@pytest.mark.parametrize("role", ["user", "system", "assistant"])
def test_bare_strings_and_parts_without_a_type_are_text(role: str) -> None:
    content = ["a", {"text": "b"}, {"type": "text", "text": "c"}, {"type": "input_text", "text": "d"}]
    (told,) = as_chat({"model": "m", "messages": [{"role": role, "content": content}]})["messages"]
    assert told == {"role": role, "content": [{"type": "text", "text": letter} for letter in "abcd"]}
    unknown = {"model": "m", "messages": [{"role": role, "content": [{"a": 1}, 5, None]}]}
    assert as_chat(unknown) is unknown


PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}
SHOWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


def test_what_results_show_stands_behind_all_of_them() -> None:
    """However they are split, and whatever the user says beside them."""
    results = [
        {
            "type": "tool_result",
            "tool_use_id": name,
            "content": [{"type": "text", "text": name}, PICTURE],
            **more,
        }
        for name, more in (("t1", {}), ("t2", {"is_error": True}))
    ]
    after = {"role": "user", "content": [{"type": "text", "text": "on"}]}
    for turns in ([results], [[results[0]], [results[1]]]):
        messages = [{"role": "user", "content": turn} for turn in turns]
        told = as_chat({"messages": [*messages, after]})["messages"]
        assert [each["role"] for each in told] == ["tool", "tool", "user", "user"]
        assert told[2]["content"] == [SHOWN, SHOWN] and told[3] == after
        assert told[1]["content"] == [{"type": "text", "text": "Error:"}, {"type": "text", "text": "t2"}]
    alone = as_chat({"messages": [{"role": "user", "content": [{**results[0], "content": [PICTURE]}]}]})[
        "messages"
    ]
    assert alone == [
        {"role": "tool", "tool_call_id": "t1", "content": ""},
        {"role": "user", "content": [SHOWN]},
    ]


def test_the_output_of_a_responses_call_too() -> None:
    output = [
        {"type": "input_text", "text": "r"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA"},
    ]
    items = [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": output},
    ]
    told = as_chat({"input": items})["messages"]
    assert told[1:] == [
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "r"}]},
        {"role": "user", "content": [SHOWN]},
    ]
