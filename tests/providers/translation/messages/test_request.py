from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Target
from providers.translation.messages.request import Draft, wire_request
from tests.providers.translation.exchange import call, sent

OLD, MIDDLE, NEW = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-5"
HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "f"}}


def told(model: str = OLD, target: Target | None = None, headers: Any = (), **fields: Any) -> Any:
    body = {"model": "gpt-x", "messages": HI, **fields}
    return sent("openai_chat", body, target or Target(model), headers)


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (OLD, {"temperature": 0.7}, {"temperature": 0.7}),
        (OLD, {"temperature": 1.7}, {"temperature": 1}),
        (OLD, {"top_p": 0.9}, {"top_p": 0.9}),
        (OLD, {"temperature": 0, "top_p": 0.9}, {"temperature": 0}),
        ("claude-sonnet-4-20250514", {"temperature": 0, "top_p": 0.9}, {"temperature": 0, "top_p": 0.9}),
        (NEW, {"temperature": 0.7, "top_p": 0.9}, {}),
        (OLD, {"temperature": 0.7, "top_p": 0.96, "reasoning_effort": "low"}, {"top_p": 0.96}),
        (OLD, {"temperature": 0.7, "top_p": 0.9, "reasoning_effort": "low"}, {}),
        ("glm-5", {"temperature": 0.7, "top_p": 0.9}, {"temperature": 0.7, "top_p": 0.9}),
    ],
)
def test_sampling_is_dropped_where_it_is_refused(model: str, fields: Any, expected: Any) -> None:
    body = told(model, **fields)
    assert {name: body[name] for name in ("temperature", "top_p") if name in body} == expected


def test_the_version_and_the_target_decide_on_sampling_too() -> None:
    assert "temperature" not in told(headers=((b"anthropic-version", b"2026-10-21"),), temperature=0.5)
    assert "temperature" not in told(target=Target(OLD, refuses_sampling=True), temperature=0.5)
    assert told(target=Target(NEW, refuses_sampling=False), temperature=0.5)["temperature"] == 0.5


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "config"),
    [
        (OLD, None, None, None),
        (OLD, "none", None, None),
        (OLD, "low", {"type": "enabled", "budget_tokens": 2048}, None),
        (OLD, "medium", {"type": "enabled", "budget_tokens": 8192}, None),
        (OLD, "high", {"type": "enabled", "budget_tokens": 20000}, None),
        (MIDDLE, "minimal", {"type": "adaptive"}, {"effort": "low"}),
        (MIDDLE, "xhigh", {"type": "adaptive"}, {"effort": "high"}),
        (NEW, "max", {"type": "adaptive"}, {"effort": "max"}),
        (NEW, "unheard-of", {"type": "adaptive"}, {"effort": "unheard-of"}),
        (NEW, "none", {"type": "disabled"}, None),
        ("claude-fable-5", "none", None, None),
        ("claude-3-5-haiku", "high", None, None),
    ],
)
def test_effort_becomes_the_thinking_that_the_model_has(
    model: str, effort: str | None, thinking: Any, config: Any
) -> None:
    body = told(model, reasoning_effort=effort)
    assert body.get("thinking") == thinking
    assert body.get("output_config") == config
    if thinking and "budget_tokens" in thinking:
        assert thinking["budget_tokens"] < body["max_tokens"]


@pytest.mark.parametrize(("limit", "budget"), [(1000, None), (2000, 1500), (10_000, 7500)])
def test_a_budget_leaves_room_for_the_answer(limit: int, budget: int | None) -> None:
    body = told(reasoning_effort="high", max_tokens=limit)
    assert body["max_tokens"] == limit
    assert (body.get("thinking") or {}).get("budget_tokens") == budget


def test_a_summary_is_asked_for() -> None:
    body = sent(
        "openai_responses", {"model": "x", "input": "hi", "reasoning": {"summary": "auto"}}, Target(NEW)
    )
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": "medium"}


@pytest.mark.parametrize("model", [OLD, NEW])
def test_a_forced_tool_and_thinking_exclude_each_other(model: str) -> None:
    body = told(model, reasoning_effort="high", tools=[TOOL], tool_choice="required")
    assert "thinking" not in body
    assert told(model, reasoning_effort="high", tools=[TOOL], tool_choice="auto")["thinking"]


def test_thinking_is_off_in_a_loop_whose_thinking_is_lost() -> None:
    call_ = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    loop = [
        *HI,
        {"role": "assistant", "tool_calls": [call_]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]
    assert "thinking" not in told(reasoning_effort="high", messages=loop)
    assert told(reasoning_effort="high", messages=[*loop, {"role": "assistant", "content": "a"}, *HI])[
        "thinking"
    ]


@pytest.mark.parametrize(
    ("ceiling", "asked", "expected"),
    [(None, None, 32_000), (8192, None, 8192), (8192, 9000, 8192), (8192, 5, 5)],
)
def test_max_tokens(ceiling: int | None, asked: int | None, expected: int) -> None:
    body = told(target=Target(OLD, max_output_tokens=ceiling), max_tokens=asked)
    assert body["max_tokens"] == expected


@pytest.mark.parametrize(("stream", "accept"), [(True, b"text/event-stream"), (False, b"application/json")])
def test_headers(stream: bool, accept: bytes) -> None:
    draft = Draft("claude-x", stream=stream)
    draft.turns.user([{"type": "text", "text": "hi"}])
    from_client = ((b"anthropic-beta", b"a"), (b"authorization", b"Bearer secret"), (b"cookie", b"c"))
    request = wire_request(call({}, from_client), draft, Target(None))
    assert (request.method, request.path, request.query) == ("POST", b"/v1/messages", b"")
    assert request.headers == (
        (b"content-type", b"application/json"),
        (b"accept", accept),
        (b"accept-encoding", b"identity"),
        (b"anthropic-version", b"2023-06-01"),
        (b"anthropic-beta", b"a"),
    )


def test_the_same_conversation_keeps_its_prefix() -> None:
    """Check that what the vendor caches does not change when a turn is added."""
    longer = [*HI, {"role": "assistant", "content": "a"}, *HI]
    first, second = told(tools=[TOOL], messages=longer[:1]), told(tools=[TOOL], messages=longer)
    assert second["messages"][:1] == first["messages"]
    assert (second["tools"], list(second)) == (first["tools"], list(first))
