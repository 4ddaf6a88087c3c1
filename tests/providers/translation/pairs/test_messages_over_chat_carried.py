"""What a Chat upstream needs back with the next call comes back: every surface, streamed and whole, shown or not."""

# ruff: noqa: E501 - a case is a line

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import Target
from providers.translation.common.carried import UNKNOWN
from tests.providers.translation import accumulators
from tests.providers.translation.openai_exchanges import answered, sent, streamed

Json = dict[str, Any]

GEMINI = {"google": {"thought_signature": "SIG-A"}}
DETAILS = [
    {"type": "reasoning.text", "index": 0, "text": "Hm, ", "format": "x"},
    {"type": "reasoning.text", "index": 0, "text": "well.", "signature": "S"},
    {"type": "reasoning.encrypted", "index": 1, "data": "E"},
]
JOINED = [
    {"type": "reasoning.text", "index": 0, "text": "Hm, well.", "format": "x", "signature": "S"},
    {"type": "reasoning.encrypted", "index": 1, "data": "E"},
]


def chat_call(number: int, **fields: Any) -> Json:
    function = {"name": "f", "arguments": json.dumps({"n": number})}
    return {"index": number, "id": f"call_{number}", "type": "function", "function": function, **fields}


TURNS: dict[str, tuple[Json, Json, list[Json]]] = {
    # (the upstream's message, what of it comes back beside content and calls, what on each call)
    "DeepSeek, Kimi": (
        {"reasoning_content": "Hm.", "tool_calls": [chat_call(0)]},
        {"reasoning_content": "Hm."}, [{}],
    ),
    "vLLM": ({"reasoning": "Hm.", "content": "So", "tool_calls": [chat_call(0)]}, {"reasoning": "Hm."}, [{}]),
    "Gemini": (
        {"tool_calls": [chat_call(0, extra_content=GEMINI), chat_call(1)]},
        {}, [{"extra_content": GEMINI}, {}],
    ),
    "Gemini, both calls, with thoughts": (
        {
            "reasoning_content": "Hm.",
            "tool_calls": [chat_call(0, extra_content=GEMINI), chat_call(1, extra_content={"google": {"thought_signature": "B"}})],
        },
        {"reasoning_content": "Hm."},
        [{"extra_content": GEMINI}, {"extra_content": {"google": {"thought_signature": "B"}}}],
    ),
    "LiteLLM": (
        {"tool_calls": [chat_call(0, provider_specific_fields={"thought_signature": "S"})]},
        {}, [{"provider_specific_fields": {"thought_signature": "S"}}],
    ),
    "OpenRouter": (
        {"reasoning": "Hm, well.", "reasoning_details": JOINED, "tool_calls": [chat_call(0)]},
        {"reasoning": "Hm, well.", "reasoning_details": JOINED}, [{}],
    ),
    "OpenRouter, sealed alone": (
        {"reasoning_details": [JOINED[1]], "tool_calls": [chat_call(0)]},
        {"reasoning_details": [JOINED[1]]}, [{}],
    ),
}  # fmt: skip


def event(chunk: Json) -> Json:
    return {"data": chunk}


def chunks(message: Json) -> list[Json]:
    """Return the message as a stream: a chunk for each member, texts cut in two."""
    deltas: list[Json] = []
    for name, value in message.items():
        if isinstance(value, str):
            deltas += [{name: value[:2]}, {name: value[2:]}]
        elif name == "tool_calls":
            deltas += [{"tool_calls": [each]} for each in value]
        else:
            deltas += [{name: [each]} for each in value]
    events = [event({"model": "m", "choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
    return [*events, event({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})]


def whole(message: Json) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "tool_calls"}
    return {"id": "c", "model": "m", "choices": [choice]}


TOOL = {"name": "f", "input_schema": {"type": "object", "properties": {}}}
HELLO: Json = {"role": "user", "content": "Hello"}


def messages_turn(message: Json, is_stream: bool, thinking: Json | None) -> list[Json]:
    """Return the history of a Messages client after the turn, its results and another user message."""
    body = {"model": "claude-x", "max_tokens": 9, "messages": [HELLO], "tools": [TOOL]}
    body |= {"thinking": thinking} if thinking else {}
    if is_stream:
        out, _ = streamed("messages_over_chat", {**body, "stream": True}, chunks(message))
        content = accumulators.message(out)["content"]
    else:
        content = answered("messages_over_chat", body, whole(message))["content"]
    if thinking is None:
        assert "thinking" not in [block["type"] for block in content]
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "r"}
        for block in content
        if block["type"] == "tool_use"
    ]
    said = {"role": "assistant", "content": [{"type": "text", "text": "Done."}]}
    more = [{"role": "user", "content": results}, said, {"role": "user", "content": "And now?"}]
    return [HELLO, {"role": "assistant", "content": content}, *more]


def responses_turn(message: Json, is_stream: bool) -> list[Json]:
    body = {"model": "gpt-x", "input": [HELLO]}
    if is_stream:
        out, _ = streamed("responses_over_chat", {**body, "stream": True}, chunks(message))
        items = accumulators.response(out)["output"]
    else:
        items = answered("responses_over_chat", body, whole(message))["output"]
    outputs = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "r"}
        for item in items
        if item["type"] == "function_call"
    ]
    return [
        HELLO,
        *items,
        *outputs,
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "?"},
    ]


def caller(request: Json) -> Json:
    found: Json = next(one for one in request["messages"] if one.get("tool_calls"))
    return found


def assert_came_back(request: Json, name: str) -> None:
    _, beside, on_calls = TURNS[name]
    told = caller(request)
    assert {key: told[key] for key in told if key not in ("role", "content", "tool_calls")} == beside
    for call, extra in zip(told["tool_calls"], on_calls, strict=True):
        assert {key: call[key] for key in call if key not in ("id", "type", "function")} == extra
    assert [call["id"] for call in told["tool_calls"]] == [f"call_{n}" for n in range(len(on_calls))]


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("thinking", [None, {"type": "adaptive"}, {"type": "adaptive", "display": "omitted"}])
def test_over_messages(name: str, is_stream: bool, thinking: Json | None) -> None:
    history = messages_turn(TURNS[name][0], is_stream, thinking)
    body = {"model": "claude-x", "max_tokens": 9, "messages": history, "tools": [TOOL]}
    assert_came_back(sent("messages_over_chat", body), name)


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_over_responses(name: str, is_stream: bool) -> None:
    history = responses_turn(TURNS[name][0], is_stream)
    assert_came_back(sent("responses_over_chat", {"model": "gpt-x", "input": history}), name)


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_an_answer_without_calls_carries_nothing(is_stream: bool) -> None:
    message = {"reasoning_content": "Hm.", "content": "Hi", "tool_calls": []}
    history = messages_turn(message, is_stream, None)
    assert [block["type"] for block in history[1]["content"]] == ["text"]


def test_nothing_is_sent_to_another_model() -> None:
    history = messages_turn(TURNS["Gemini"][0], False, None)
    body = {"model": "claude-x", "max_tokens": 9, "messages": history, "tools": [TOOL]}
    told = caller(sent("messages_over_chat", body, Target("another")))
    assert "extra_content" not in told["tool_calls"][0]


@pytest.mark.parametrize("model", ["deepseek-v4", "moonshotai/Kimi-K3", "kimi-k2-thinking"])
def test_a_turn_of_another_model_s_has_the_field_where_it_is_insisted_on(model: str) -> None:
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    thought = {"type": "thinking", "thinking": "secret", "signature": "EpoB"}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "r"}
    history = [HELLO, {"role": "assistant", "content": [thought, use]}, {"role": "user", "content": [result]}]
    body = {"model": "claude-x", "max_tokens": 9, "messages": history, "tools": [TOOL]}
    assert caller(sent("messages_over_chat", body, Target(model)))["reasoning_content"] == UNKNOWN
    assert "reasoning_content" not in caller(sent("messages_over_chat", body, Target("gpt-5.1")))


def test_a_signature_that_comes_after_its_call() -> None:
    events = chunks({"tool_calls": [chat_call(0)]})
    delta = {"tool_calls": [{"index": 0, "extra_content": GEMINI}]}
    late = event({"choices": [{"index": 0, "delta": delta}]})
    body = {"model": "claude-x", "max_tokens": 9, "messages": [HELLO], "tools": [TOOL], "stream": True}
    out, _ = streamed("messages_over_chat", body, [events[0], late, events[-1]])
    content = accumulators.message(out)["content"]
    assert [block["type"] for block in content] == ["tool_use", "redacted_thinking"]
    history = [HELLO, {"role": "assistant", "content": content}, HELLO]
    request = sent("messages_over_chat", {**body, "messages": history})
    assert caller(request)["tool_calls"][0]["extra_content"] == GEMINI
