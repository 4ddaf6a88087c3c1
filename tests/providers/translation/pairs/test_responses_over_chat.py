from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from openai.types.responses import Response

from providers.dialects.types import Refused, Target, WireAnswer
from tests.providers.translation import accumulators
from tests.providers.translation.openai_exchanges import (
    answered,
    sent,
    streamed,
    transcripts,
    translator,
    written,
)
from tests.providers.translation.upstreams import Answer, Tool, chat_body, chat_streams

PAIR = "responses_over_chat"
TRANSCRIPTS = transcripts(PAIR)

CALL: dict[str, Any] = {"model": "codex-model", "stream": True, "input": "Hello"}


@pytest.mark.parametrize("case", [case for _, case in TRANSCRIPTS], ids=[name for name, _ in TRANSCRIPTS])
def test_transcript(case: dict[str, Any]) -> None:
    assert sent(PAIR, case["call"]) == case["request"]
    assert written(PAIR, case) == case["written"]


@settings(deadline=None, max_examples=40)
@given(chat_streams())
def test_any_stream_accumulates_to_the_whole_answer(drawn: tuple[Answer, list[dict[str, Any]]]) -> None:
    answer, events = drawn
    out, seen = streamed(PAIR, CALL, events)
    assert accumulators.response(out) == answered(PAIR, CALL, chat_body(answer))
    assert seen.usage.input_tokens == 20 - answer.cached and seen.usage.cache_read_tokens == answer.cached


# --- the field rule -----------------------------------------------------------------------------------

WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Patches files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "codex-model", "input": "Hello", **fields}


def test_what_codex_sends_to_any_model_is_no_error() -> None:
    asked = body(
        instructions="Be brief.",
        input=[
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Rules."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        ],
        tools=[{**WEATHER, "strict": False}, PATCH, {"type": "web_search"}, {"type": "local_shell"}],
        tool_choice="auto",
        parallel_tool_calls=False,
        reasoning={"effort": "medium", "summary": "auto"},
        store=False,
        include=["reasoning.encrypted_content"],
        prompt_cache_key="conversation",
        service_tier="priority",
        text={"verbosity": "low"},
        client_metadata={"a": "b"},
    )
    request = sent(PAIR, asked, Target("qwen3-coder"))
    patch = request["tools"].pop(1)["function"]
    assert patch["parameters"]["required"] == ["input"] and "start: x" in patch["description"]
    assert request == {
        "model": "qwen3-coder",
        "messages": [
            {"role": "system", "content": "Be brief.\n\nRules."},
            {"role": "user", "content": "Hello"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
            }
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
    }


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "c"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"input": None}, "input"),
        ({"input": [7]}, "input.0"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0"),
        ({"input": [{"id": "x"}]}, "input.0"),
        ({"input": [{"type": "hologram"}]}, "input.0"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input.0.role"),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input.0.content.0"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input.0.content.0.image_url",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
            "input.0.content.0.file_data",
        ),
        ({"tools": "x"}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools.0.name"),
        ({"tools": [WEATHER], "tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
    ],
)
def test_what_would_change_the_result_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as refused:
        sent(PAIR, body(**fields))
    assert refused.value.failure.param == param and param in refused.value.failure.message


def test_limits_effort_and_format() -> None:
    format_ = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    asked = body(
        max_output_tokens=100,
        temperature=0.5,
        reasoning={"effort": "low"},
        text={"format": format_},
        user="u",
    )
    plain = sent(PAIR, asked, Target("llama-4"))
    assert plain["max_tokens"] == 100 and plain["temperature"] == 0.5 and plain["user"] == "u"
    assert "reasoning_effort" not in plain
    assert plain["response_format"]["json_schema"] == {
        "name": "n",
        "schema": {"type": "object"},
        "strict": True,
    }
    reasoning = sent(PAIR, asked, Target("gpt-5", max_output_tokens=50))
    assert reasoning["max_completion_tokens"] == 50 and reasoning["reasoning_effort"] == "low"
    assert sent(PAIR, body(text={"format": {"type": "json_object"}}))["response_format"] == {
        "type": "json_object"
    }
    assert "response_format" not in sent(PAIR, body(text={"format": {"type": "text"}}))


def test_allowed_tools_are_offered_alone() -> None:
    choice = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "get_weather"}],
    }
    request = sent(PAIR, body(tools=[WEATHER, PATCH], tool_choice=choice))
    assert [tool["function"]["name"] for tool in request["tools"]] == ["get_weather"]
    assert request["tool_choice"] == "required"
    named = sent(PAIR, body(tools=[WEATHER, PATCH], tool_choice={"type": "custom", "name": "apply_patch"}))
    assert named["tool_choice"] == {"type": "function", "function": {"name": "apply_patch"}}


# --- several turns ------------------------------------------------------------------------------------


CODEX_TOOLS = [
    WEATHER,
    PATCH,
    {"type": "namespace", "name": "mcp__docs", "tools": [{**WEATHER, "name": "search"}]},
]
CODEX_ANSWER = Answer(
    reasoning="Hm.",
    text="Looking.",
    tools=[
        Tool("call_1", "get_weather", '{"a":1}'),
        Tool("call_2", "apply_patch", '{"input":"*** Begin\\n"}'),
        Tool("call_3", "mcp__docs__search", "{}"),
    ],
)


def test_a_codex_tool_round() -> None:
    """Call a function, a custom tool and a namespaced one, and send them back answered with the history."""
    call = body(tools=CODEX_TOOLS, reasoning={"summary": "auto"})
    names = [tool["function"]["name"] for tool in sent(PAIR, call)["tools"]]
    assert names == ["get_weather", "apply_patch", "mcp__docs__search"]
    output = answered(PAIR, call, chat_body(CODEX_ANSWER))["output"]
    assert [item["type"] for item in output] == [
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "function_call",
    ]
    assert output[3]["input"] == "*** Begin\n" and output[3]["call_id"] == "call_2"
    assert (output[4]["namespace"], output[4]["name"]) == ("mcp__docs", "search")
    history = [
        {"role": "user", "content": "Hello"},
        *output,
        {"type": "function_call_output", "call_id": "call_3", "output": "three"},
        {
            "type": "custom_tool_call_output",
            "call_id": "call_2",
            "output": [{"type": "input_text", "text": "two"}],
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "one"},
    ]
    messages = sent(PAIR, body(tools=CODEX_TOOLS, input=history))["messages"]
    assert messages[1]["reasoning_content"] == "Hm." and messages[1]["content"] == "Looking."
    assert [call["function"] for call in messages[1]["tool_calls"]] == [
        {"name": tool.name, "arguments": tool.arguments} for tool in CODEX_ANSWER.tools
    ]
    assert [(m["role"], m["tool_call_id"], m["content"]) for m in messages[2:]] == [
        ("tool", "call_1", "one"),
        ("tool", "call_2", "two"),
        ("tool", "call_3", "three"),
    ]


def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"event": None, "data": {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}}


def test_a_custom_call_streams_as_its_free_text() -> None:
    events = [
        chunk(
            {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "apply_patch", "arguments": piece}}]}
        )
        for piece in ('{"input":"*** ', 'Begin"}')
    ]
    events.append(chunk({}, "tool_calls"))
    out, _ = streamed(PAIR, body(tools=[PATCH], stream=True), events)
    told = dict(out)
    assert told["response.custom_tool_call_input.delta"]["delta"] == "*** Begin"
    assert told["response.custom_tool_call_input.done"]["input"] == "*** Begin"
    (item,) = accumulators.response(out)["output"]
    assert item["type"] == "custom_tool_call" and item["input"] == "*** Begin"


# --- answers ------------------------------------------------------------------------------------------


def test_the_response_repeats_what_was_asked() -> None:
    told = answered(PAIR, body(instructions="Be brief.", metadata={"a": "b"}), chat_body(Answer(text="Yes.")))
    assert (
        told["model"] == "codex-model" and told["status"] == "completed" and told["created_at"] == 1790000000
    )
    assert (told["instructions"], told["metadata"], told["tool_choice"]) == ("Be brief.", {"a": "b"}, "auto")
    Response.model_validate(told)


def test_an_unknown_reason_is_passed_on() -> None:
    case = dict(TRANSCRIPTS)["unknown_reason"]
    assert case["written"][-1][1]["response"]["incomplete_details"] == {"reason": "recitation"}


def test_an_error_keeps_status_and_delay() -> None:
    told = b'{"error": {"message": "Busy", "type": "server_error", "code": "slow_down"}}'
    answer = translator(PAIR, body()).response(WireAnswer(503, ((b"retry-after", b"3"),), told))
    assert answer.status == 503 and (b"retry-after", b"3") in answer.headers
    assert json.loads(answer.body)["error"]["code"] == "slow_down"
    redirect = translator(PAIR, body()).response(WireAnswer(302, ((b"location", b"http://x"),), b""))
    assert redirect.status == 502 and (b"location", b"http://x") not in redirect.headers
