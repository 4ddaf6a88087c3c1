from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from providers.dialects.types import FailureKind, Refused, Target, WireAnswer
from tests.providers.translation import accumulators
from tests.providers.translation.openai_exchanges import (
    answered,
    sent,
    streamed,
    transcripts,
    translator,
    written,
)
from tests.providers.translation.upstreams import Answer, Tool, items, response_body, response_streams

PAIR = "messages_over_responses"
TRANSCRIPTS = transcripts(PAIR)

CALL: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "stream": True,
    "thinking": {"type": "adaptive"},
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.mark.parametrize("case", [case for _, case in TRANSCRIPTS], ids=[name for name, _ in TRANSCRIPTS])
def test_transcript(case: dict[str, Any]) -> None:
    assert sent(PAIR, case["call"]) == case["request"]
    assert written(PAIR, case) == case["written"]


@settings(deadline=None, max_examples=40)
@given(response_streams())
def test_any_stream_accumulates_to_the_whole_answer(drawn: tuple[Answer, list[dict[str, Any]]]) -> None:
    answer, events = drawn
    out, seen = streamed(PAIR, CALL, events)
    assert accumulators.message(out) == answered(PAIR, CALL, response_body(answer))
    assert seen.usage.input_tokens == 20 - answer.cached and seen.usage.cache_read_tokens == answer.cached


# --- the field rule -----------------------------------------------------------------------------------

HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"name": "get_weather", "input_schema": {"type": "object"}}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "claude-sonnet-5", "max_tokens": 100, "messages": HELLO, **fields}


def test_what_claude_code_sends_to_any_model_is_no_error() -> None:
    asked = body(
        thinking={"type": "adaptive"},
        context_management={"edits": []},
        metadata={"user_id": "user_1_session_2"},
        temperature=1,
        top_k=5,
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        tools=[{**WEATHER, "strict": True, "cache_control": {"type": "ephemeral"}}],
    )
    request = sent(PAIR, asked)
    key = request.pop("prompt_cache_key")
    assert len(key) == 32 and "user_1" not in key
    assert request == {
        "model": "gpt-5.1",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
        "instructions": "Be brief.",
        "store": False,
        "max_output_tokens": 100,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"summary": "auto"},
        "tools": [
            {
                "type": "function",
                "name": "get_weather",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,  # OpenAI's strict mode would refuse this open schema
            }
        ],
    }
    other = sent(PAIR, asked, Target("llama-4"))
    assert "include" not in other and "reasoning" not in other and other["temperature"] == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stop_sequences": ["x"]}, "stop_sequences"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"safeguards": [{"type": "x"}]}, "safeguards"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "{"}]}, "messages.1"),
        ({"tools": [{"type": "web_search_20250305", "name": "bash"}]}, "tools.0"),
        ({"tools": [WEATHER], "tool_choice": "auto"}, "tool_choice.type"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}],
                    }
                ]
            },
            "messages.0.content.0.source",
        ),
    ],
)
def test_what_would_change_the_result_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as refused:
        sent(PAIR, body(**fields))
    assert refused.value.failure.param == param and param in refused.value.failure.message


def test_effort_format_and_choice() -> None:
    schema = {"type": "object", "properties": {"a": {}}}
    asked = body(
        output_config={"effort": "xhigh", "format": {"type": "json_schema", "schema": schema}},
        tools=[WEATHER],
        tool_choice={"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
        stream=True,
    )
    request = sent(PAIR, asked, Target("gpt-5.1", max_output_tokens=50))
    assert request["reasoning"] == {"effort": "high"} and "include" not in request
    format_ = {"type": "json_schema", "name": "output", "schema": schema, "strict": False}
    assert request["text"] == {"format": format_}
    assert request["tool_choice"] == {"type": "function", "name": "get_weather"}
    assert request["parallel_tool_calls"] is False and request["stream"] is True
    assert request["max_output_tokens"] == 50


# --- several turns ------------------------------------------------------------------------------------


@pytest.mark.parametrize("summary", ["Hm.", ""])
def test_a_tool_round_brings_the_reasoning_item_back(summary: str) -> None:
    call = body(thinking={"type": "adaptive"}, tools=[WEATHER])
    first = Answer(reasoning=summary, text="Looking.", tools=[Tool("call_1", "get_weather", '{"a": 1}')])
    output = items(first)
    if not summary:
        output.insert(0, {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "enc"})
    content = answered(PAIR, call, response_body(first, output))["content"]
    kind = "thinking" if summary else "redacted_thinking"
    assert [block["type"] for block in content] == [kind, "text", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "Sunny"}]}
    history = [*HELLO, {"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
    assert sent(PAIR, body(messages=history))["input"][1:] == [
        {"type": "reasoning", "summary": output[0]["summary"], "encrypted_content": "enc"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Looking."}]},
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "Sunny"},
    ]
    another = sent(PAIR, body(messages=history), Target("gpt-6"))["input"]
    assert "reasoning" not in [item.get("type") for item in another]


def test_a_long_tool_name_goes_up_short_and_comes_back_long() -> None:
    name = "mcp__" + "server_" * 10 + "__tool"
    call = body(tools=[{**WEATHER, "name": name}])
    short = sent(PAIR, call)["tools"][0]["name"]
    assert len(short) <= 64
    answer = response_body(Answer(tools=[Tool("call_1", short, "{}")]))
    assert answered(PAIR, call, answer)["content"][0]["name"] == name


# --- answers ------------------------------------------------------------------------------------------


def test_reasoning_is_for_callers_that_asked() -> None:
    answer = response_body(Answer(reasoning="Hm.", text="Yes."))
    assert [block["type"] for block in answered(PAIR, body(), answer)["content"]] == ["text"]


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>",
        b"{}",
        b'{"status": "cancelled", "output": []}',
        b'{"output": [], "error": {"code": "server_error", "message": "no"}}',
    ],
)
def test_a_200_that_is_no_answer_raises(raw: bytes) -> None:
    made = translator(PAIR, body())
    with pytest.raises(Refused) as refused:
        made.response(WireAnswer(200, ((b"content-type", b"application/json"),), raw))
    assert refused.value.failure is made.failure and refused.value.failure.kind is FailureKind.UPSTREAM


def test_an_error_keeps_status_and_delay() -> None:
    told = b'{"error": {"message": "Busy", "type": "server_error", "code": "server_is_overloaded"}}'
    answer = translator(PAIR, body()).response(WireAnswer(503, ((b"retry-after", b"3"),), told))
    assert answer.status == 503 and (b"retry-after", b"3") in answer.headers
    assert json.loads(answer.body)["error"] == {"type": "overloaded_error", "message": "Busy"}
