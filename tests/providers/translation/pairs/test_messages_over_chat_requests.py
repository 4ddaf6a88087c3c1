"""The fields of a request, as they go to a Chat upstream."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from providers.dialects.types import FailureKind, Refused, Target
from providers.translation.pairs.messages_over_chat import MessagesOverChat
from tests.providers.translation.openai_exchanges import (
    PlainSealer,
    answered,
    call_of,
    counting_ids,
    sent,
)
from tests.providers.translation.pairs.test_messages_over_chat import HELLO, PAIR, WEATHER, body
from tests.providers.translation.upstreams import Answer, Tool, chat_body


def test_what_claude_code_sends_to_any_model_is_no_error() -> None:
    """Drop adaptive thinking, cache markers, context management and the attribution block without a trace."""
    asked = body(
        thinking={"type": "adaptive"},
        context_management={"edits": [{"type": "clear_thinking_20251015"}]},
        metadata={"user_id": "user_1_session_2"},
        service_tier="auto",
        system=[
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2"},
            {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "text", "text": "Be kind."},
        ],
        tools=[{**WEATHER, "cache_control": {"type": "ephemeral"}, "eager_input_streaming": True}],
        some_new_field=1,
    )
    request = sent(PAIR, asked, Target("qwen3-coder"))
    assert request == {
        "model": "qwen3-coder",
        "messages": [
            {"role": "system", "content": "Be brief.\n\nBe kind."},
            {"role": "user", "content": "Hello"},
        ],
        "max_tokens": 100,
        "tools": [
            {
                "type": "function",
                "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
            }
        ],
    }


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"mcp_servers": [{"url": "x"}]}, "mcp_servers"),
        ({"container": "c"}, "container"),
        ({"safeguards": {}}, "safeguards"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"stop_sequences": list("abcde")}, "stop_sequences"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "{"}]}, "messages.1"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0"),
        ({"tools": [{"input_schema": {}}]}, "tools.0.name"),
        ({"tools": [WEATHER], "tool_choice": {"type": "sometimes"}}, "tool_choice.type"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
    ],
)
def test_what_would_change_the_result_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as refused:
        sent(PAIR, body(**fields))
    assert refused.value.failure.kind is FailureKind.INVALID_REQUEST
    assert refused.value.failure.param == param and param in refused.value.failure.message


@pytest.mark.parametrize("raw", [b"", b"[]", b"nonsense"])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    made = MessagesOverChat(counting_ids(), 0, PlainSealer())
    with pytest.raises(Refused):
        made.request(replace(call_of(body()), body=raw), Target("m"))


def test_limits_and_sampling_by_the_model_s_habits() -> None:
    asked = body(temperature=0.5, top_p=0.9, top_k=5, stop_sequences=["END"])
    plain = sent(PAIR, asked, Target("llama-4"))
    assert (plain["max_tokens"], plain["temperature"], plain["top_p"], plain["stop"]) == (
        100,
        0.5,
        0.9,
        ["END"],
    )
    assert "top_k" not in plain
    reasoning = sent(PAIR, asked, Target("openai/o4-mini"))
    assert reasoning["max_completion_tokens"] == 100 and "temperature" not in reasoning
    assert "temperature" not in sent(PAIR, asked, Target("llama-4", refuses_sampling=True))
    assert "temperature" in sent(PAIR, asked, Target("gpt-5", refuses_sampling=False))
    assert sent(PAIR, asked, Target("llama-4", max_output_tokens=64))["max_tokens"] == 64


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({"output_config": {"effort": "low"}}, "low"),
        ({"output_config": {"effort": "max"}}, "high"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 32000}}, "high"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "disabled"}}, None),
    ],
)
def test_thinking_becomes_effort(fields: dict[str, Any], effort: str | None) -> None:
    assert sent(PAIR, body(**fields), Target("gpt-5")).get("reasoning_effort") == effort
    assert "reasoning_effort" not in sent(PAIR, body(**fields), Target("llama-4"))


def test_structured_output() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    request = sent(PAIR, body(output_config={"format": {"type": "json_schema", "schema": schema}}))
    wanted = {"name": "output", "schema": schema, "strict": True}
    assert request["response_format"] == {"type": "json_schema", "json_schema": wanted}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        (
            {"type": "any", "disable_parallel_tool_use": True},
            {"tool_choice": "required", "parallel_tool_calls": False},
        ),
        ({"type": "none"}, {"tool_choice": "none"}),
        (
            {"type": "tool", "name": "get_weather"},
            {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
        ),
    ],
)
def test_tool_choice(choice: dict[str, Any], expected: dict[str, Any]) -> None:
    request = sent(PAIR, body(tools=[WEATHER], tool_choice=choice))
    assert {
        name: request[name] for name in ("tool_choice", "parallel_tool_calls") if name in request
    } == expected
    assert "tool_choice" not in sent(PAIR, body(tool_choice=choice))


def test_a_long_tool_name_goes_up_short_and_comes_back_long() -> None:
    name = "mcp__" + "server_" * 10 + "__tool"
    call = body(tools=[{**WEATHER, "name": name}], stream=True)
    short = sent(PAIR, call)["tools"][0]["function"]["name"]
    assert len(short) <= 64
    answer = chat_body(Answer(tools=[Tool("call_1", short, "{}")]))
    assert answered(PAIR, call, answer)["content"][0]["name"] == name


# --- several turns ------------------------------------------------------------------------------------
