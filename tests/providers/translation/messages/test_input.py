from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.messages import input as read


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


def test_consecutive_messages_are_one_turn() -> None:
    text = {"type": "text", "text": "x"}
    listed = [
        ("user", "a"),
        ("user", [text]),
        ("assistant", "b"),
        ("system", "s"),
        ("system", "t"),
        ("user", "c"),
    ]
    told = read.turns({"messages": [{"role": role, "content": content} for role, content in listed]})
    assert [turn.role for turn in told] == ["user", "assistant", "system", "system", "user"]
    assert told[0].blocks == [
        ("messages.0.content.0", {"type": "text", "text": "a"}),
        ("messages.1.content.0", text),
    ]


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"), ([], "messages"), ([3], "messages.0.role"), ([{"role": "tool"}], "messages.0.role"),
        ([{"role": "user", "content": 3}], "messages.0.content"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}], "messages.1"),
    ],
)  # fmt: skip
def test_what_is_no_conversation(messages: Any, param: str) -> None:
    with pytest.raises(Refused) as refused:
        read.turns({"messages": messages})
    assert refused.value.failure.param == param
