"""What OpenAI takes and another vendor does not: beginnings of conversations, tools and records of the vendor's own."""

# ruff: noqa: E501 - a case is a line

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import Refused, Target
from tests.fakes.sealer import CountedIds, PlainSealer
from tests.providers.translation.exchange import answered, call, make, sent
from tests.providers.translation.making import translator

BEGINNINGS: dict[str, tuple[list[dict[str, Any]], str | None, list[str]]] = {
    # (the caller's messages, the system prompt that is left, the roles that are sent)
    "system alone": ([{"role": "system", "content": "A"}], None, ["user"]),
    "two of them": ([{"role": "system", "content": "A"}, {"role": "developer", "content": "B"}], "A", ["user"]),
    "a greeting first": (
        [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": "Hello"}],
        None, ["user", "assistant", "user"],
    ),
    "a call first": (
        [
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ],
        None, ["user", "assistant", "user"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BEGINNINGS)
@pytest.mark.parametrize("surface", ["openai_chat", "openai_responses"])
def test_a_conversation_may_begin_as_openai_takes_it(name: str, surface: str) -> None:
    messages, system, roles = BEGINNINGS[name]
    body: dict[str, Any] = {"model": "m", "messages": messages}
    if surface == "openai_responses":
        if "tool_calls" in messages[0]:
            messages = [
                {"type": "reasoning", "summary": [], "encrypted_content": "x"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "r"},
            ]
        body = {"model": "m", "input": messages}
    told = sent(surface, body)
    assert told.get("system") == system and [one["role"] for one in told["messages"]] == roles
    assert all(one["content"] for one in told["messages"])


@pytest.mark.parametrize(
    ("surface", "fields", "told"),
    [
        ("openai_chat", {"messages": [{"role": "user", "content": "hi"}], "web_search_options": {}}, b"web_search_options"),
        ("openai_responses", {"input": "hi", "tools": [{"type": "web_search"}]}, b"tools.0.type=web_search"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("upstream", ["anthropic", "openai_chat"])
def test_what_is_left_out_is_told(surface: str, upstream: str, fields: dict[str, Any], told: bytes) -> None:
    if (surface, upstream) == ("openai_chat", "openai_chat"):
        return  # it passes
    made = make(surface, {"model": "m", **fields}, upstream)
    if upstream == "anthropic":
        answer = answered(made, {"id": "m", "type": "message", "content": [], "stop_reason": "end_turn"})
    else:
        choice = {"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}
        answer = answered(made, {"id": "c", "choices": [choice]})
    assert (b"x-gateway-left-out", told) in answer.headers


@pytest.mark.parametrize("upstream", ["anthropic", "openai_chat"])
@pytest.mark.parametrize(
    "kind", ["mcp", "file_search", "code_interpreter", "computer_use_preview", "hologram"]
)
def test_other_tools_of_a_vendor_s_are_refused_everywhere(kind: str, upstream: str) -> None:
    with pytest.raises(Refused) as refused:
        make("openai_responses", {"model": "m", "input": "hi", "tools": [{"type": kind}]}, upstream)
    assert refused.value.failure.param == "tools.0.type"


@pytest.mark.parametrize("upstream", ["anthropic", "openai_chat"])
@pytest.mark.parametrize("kind", ["local_shell", "shell", "apply_patch", "computer"])
def test_what_the_client_ran_is_told_in_text_everywhere(kind: str, upstream: str) -> None:
    items = [
        {"role": "user", "content": "go"},
        {"type": f"{kind}_call", "call_id": "c", "action": {"command": ["ls"]}},
        {"type": f"{kind}_call_output", "call_id": "c", "output": "a.txt"},
    ]
    made = translator("openai_responses", upstream, CountedIds(), 1.0, PlainSealer())
    told = json.loads(made.request(call({"model": "m", "input": items}), Target("m")).body)
    assert [one["role"] for one in told["messages"]] == ["user", "assistant", "user"]
    assert "ls" in json.dumps(told["messages"][1]) and "a.txt" in json.dumps(told["messages"][2])
