from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.translation.messages.turns import NO_RESULT, Turns

TEXT = {"type": "text", "text": "x"}
THOUGHT = {"type": "thinking", "thinking": "t", "signature": "s"}


def user_text() -> dict[str, Any]:
    return dict(TEXT)


def check(messages: list[dict[str, Any]]) -> None:
    """Check the rules of the vendor."""
    ids: list[str] = []
    for at, message in enumerate(messages):
        assert at == 0 or message["role"] != messages[at - 1]["role"]
        blocks = message["content"] if isinstance(message["content"], list) else [TEXT]
        assert blocks
        if message["role"] == "assistant":
            assert blocks[-1]["type"] != "thinking"
            wanted = [block["id"] for block in blocks if block["type"] == "tool_use"]
            ids += wanted
            following = messages[at + 1]["content"] if wanted else []
            answered = [block["tool_use_id"] for block in following if block["type"] == "tool_result"]
            assert sorted(answered) == sorted(wanted)
        else:
            kinds = [block["type"] == "tool_result" for block in blocks]
            assert kinds == sorted(kinds, reverse=True)
            if any(kinds):
                assert any(block["type"] == "tool_use" for block in messages[at - 1]["content"])
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", each) for each in ids)


STEP = st.sampled_from(["user", "assistant", "thought", "call", "result"])
ID = st.sampled_from(["a", "b", "c", "odd id!", "y" * 200])


@given(st.lists(st.tuples(STEP, ID), max_size=14))
def test_any_history_becomes_one_that_the_vendor_accepts(steps: list[tuple[str, str]]) -> None:
    turns = Turns()
    for step, call_id in steps:
        if step == "user":
            turns.user([user_text()])
        elif step == "assistant":
            turns.assistant([user_text()])
        elif step == "thought":
            turns.assistant([THOUGHT])
        elif step == "call":
            turns.tool_use(call_id, "f", {})
        else:
            turns.tool_result(call_id, {"content": call_id})
    check(turns.messages())


@pytest.mark.parametrize("count", [2, 3, 4])
def test_results_keep_their_order_in_one_turn(count: int) -> None:
    ids = [f"c{number}" for number in range(count)]
    for order in itertools.permutations(ids):
        turns = Turns()
        turns.user([user_text()])
        for call_id in ids:
            turns.tool_use(call_id, "f", {})
        turns.user([user_text()])
        for call_id in order:
            turns.tool_result(call_id, {"content": call_id})
        (*_, last) = turns.messages()
        assert [block.get("tool_use_id") for block in last["content"]] == [*order, None]


def test_a_missing_result_is_told_as_an_error_and_an_orphan_is_dropped() -> None:
    turns = Turns()
    turns.user([user_text()])
    turns.tool_use("a", "f", {})
    turns.tool_use("b", "f", {})
    turns.tool_result("b", {"content": "r"})
    turns.tool_result("stranger", {"content": "r"})
    turns.tool_result("b", {"content": "again"})
    (*_, last) = turns.messages()
    assert last["content"] == [
        {"type": "tool_result", "tool_use_id": "b", "content": "r"},
        {"type": "tool_result", "tool_use_id": "a", "content": NO_RESULT, "is_error": True},
    ]


def test_an_id_used_twice_is_answered_twice() -> None:
    turns = Turns()
    turns.user([user_text()])
    turns.tool_use("a", "f", {})
    turns.tool_use("a", "f", {})
    turns.tool_result("a", {"content": "1"})
    turns.tool_result("a", {"content": "2"})
    (*_, last) = turns.messages()
    assert [(block["tool_use_id"], block["content"]) for block in last["content"]] == [
        ("a", "1"),
        ("a_2", "2"),
    ]


def test_a_prefill_loses_its_trailing_space() -> None:
    turns = Turns()
    turns.user([user_text()])
    turns.assistant([{"type": "text", "text": "Once \n"}])
    assert turns.messages()[-1] == {"role": "assistant", "content": "Once"}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("uc", True),
        ("utc", False),
        ("ucr", True),
        ("ucru", True),
        ("ucra", False),
        ("ucrau", False),
        ("u", False),
        ("", False),
    ],
)
def test_a_loop_whose_thinking_is_lost(steps: str, expected: bool) -> None:
    turns = Turns()
    for step in steps:
        if step == "u":
            turns.user([user_text()])
        elif step == "a":
            turns.assistant([user_text()])
        elif step == "t":
            turns.assistant([THOUGHT])
        elif step == "c":
            turns.tool_use("c", "f", {})
        else:
            turns.tool_result("c", {"content": "r"})
    assert turns.ends_in_a_loop_without_thinking() is expected


@pytest.mark.parametrize(
    "steps",
    [
        ["a", "b", "ra", "x", "rb"],
        ["a", "b", "x", "ra", "y", "rb"],
        ["a", "b", "y", "rb", "ra"],
        ["ra", "a", "b", "rb"],
    ],
)
def test_a_result_finds_its_call_wherever_it_stands(steps: list[str]) -> None:
    """`a`: a call, `ra`: its result, `x`: text of the assistant's, `y`: of the user's."""
    turns = Turns()
    turns.user([user_text()])
    for step in steps:
        if step in ("x", "y"):
            (turns.assistant if step == "x" else turns.user)([{"type": "text", "text": step}])
        elif step.startswith("r"):
            turns.tool_result(step[1:], {"content": step})
        else:
            turns.tool_use(step, "f", {})
    told = turns.messages()
    at = next(n for n, turn in enumerate(told) if "tool_use" in str(turn["content"]))
    answers = [block for block in told[at + 1]["content"] if block["type"] == "tool_result"]
    results = {block["tool_use_id"]: block["content"] for block in answers}
    assert results == {"a": "ra", "b": "rb"}
