"""Signed thinking goes, everything else keeps its bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.translation.messages.thinking import (
    count_messages,
    strip_seals,
    strip_signed_thinking,
    without_thinking,
)

THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "eA=="}
TEXT = {"type": "text", "text": "I thought about thinking"}
USE = {"type": "tool_use", "id": "t1", "name": "ls", "input": {"n": 1.50}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "ok"}


def body(*messages: object, **top: object) -> bytes:
    return json.dumps({"model": "m", **top, "messages": list(messages)}).encode()


def user(*content: object) -> dict[str, object]:
    return {"role": "user", "content": list(content)}


def assistant(*content: object) -> dict[str, object]:
    return {"role": "assistant", "content": list(content)}


def test_blocks_go_and_the_rest_stays() -> None:
    given_body = body(
        user(TEXT), assistant(THOUGHT, REDACTED, TEXT), user(TEXT), thinking={"type": "adaptive"}
    )
    left = json.loads(strip_signed_thinking(given_body))
    assert left["messages"] == [user(TEXT), assistant(TEXT), user(TEXT)]
    assert left["thinking"] == {"type": "adaptive"}


def test_inside_a_tool_loop_thinking_is_switched_off_for_the_call() -> None:
    edits = {"edits": [{"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}]}
    given_body = body(
        user(TEXT),
        assistant(THOUGHT, USE),
        user(RESULT),
        thinking={"type": "adaptive"},
        context_management=edits,
    )
    left = json.loads(strip_signed_thinking(given_body))
    assert "thinking" not in left
    assert left["context_management"] == {"edits": [{"type": "clear_tool_uses_20250919"}]}
    assert left["messages"][1] == assistant(USE)


def test_a_loop_that_is_over_leaves_thinking_on() -> None:
    given_body = body(
        user(TEXT),
        assistant(THOUGHT, USE),
        user(RESULT),
        assistant(TEXT),
        user(TEXT),
        thinking={"type": "adaptive"},
    )
    assert "thinking" in json.loads(strip_signed_thinking(given_body))


def test_a_message_of_nothing_but_thinking_goes_whole() -> None:
    left = json.loads(strip_signed_thinking(body(user(TEXT), assistant(THOUGHT), user(TEXT))))
    assert left["messages"] == [user(TEXT), user(TEXT)]


@pytest.mark.parametrize(
    "same",
    [
        body(user(TEXT), assistant(TEXT)),
        body(user(THOUGHT)),  # a user's own words are not ours to judge
        body({"role": "assistant", "content": "thinking"}),
        b"thinking, but no JSON",
        b'{"messages":"thinking"}',
        b'["thinking"]',
        b'{"model":"thinking"}',
    ],
)
def test_what_holds_no_signed_thinking_is_the_same_object(same: bytes) -> None:
    assert strip_signed_thinking(same) is same


def test_numbers_and_key_order_of_the_rest_keep_their_bytes() -> None:
    raw = (
        b'{"z":1.50,"a":123456789012345678901234567890,'
        b'"messages":[{"content":[{"type":"thinking"},{"n":1e5,"type":"x"}],"role":"assistant"}]}'
    )
    left = strip_signed_thinking(raw)
    assert left == raw.replace(b'{"type":"thinking"},', b"")


blocks = st.lists(st.sampled_from([THOUGHT, REDACTED, TEXT, USE]), min_size=1, max_size=4)


@given(st.lists(blocks, max_size=5))
def test_nothing_signed_is_ever_left_and_twice_is_once(turns: list[list[object]]) -> None:
    given_body = body(*(assistant(*turn) for turn in turns))
    once = strip_signed_thinking(given_body)
    assert b"signature" not in once and b"redacted" not in once
    assert strip_signed_thinking(once) == once


def test_only_the_first_messages_when_told_so() -> None:
    given_body = body(
        user(TEXT), assistant(THOUGHT, TEXT), user(TEXT), assistant(THOUGHT, USE), user(RESULT), thinking={}
    )
    left = json.loads(strip_signed_thinking(given_body, 3))
    assert left["messages"][1] == assistant(TEXT) and left["messages"][3] == assistant(THOUGHT, USE)
    assert "thinking" in left
    assert strip_signed_thinking(given_body, 1) is given_body


def test_counting_messages() -> None:
    assert count_messages(body(user(TEXT), assistant(TEXT))) == 2
    assert [count_messages(one) for one in (b"", b"{}", b"[]", b'{"messages":1}')] == [0] * 4


def test_advice_goes_with_the_call_that_asked_for_it() -> None:
    asked = {"type": "server_tool_use", "id": "s1", "name": "advisor", "input": {}}
    other = {"type": "server_tool_use", "id": "s2", "name": "web_search", "input": {}}
    advice = {"type": "advisor_tool_result", "tool_use_id": "s1", "content": {"type": "x"}}
    left = json.loads(strip_signed_thinking(body(user(TEXT), assistant(asked, advice, other, TEXT))))
    assert left["messages"][1]["content"] == [other, TEXT]


def test_only_our_own_seals_go() -> None:
    ours = [
        {"type": "thinking", "thinking": "x", "signature": "S~1"},
        {"type": "redacted_thinking", "data": "S~2"},
    ]
    left = json.loads(strip_seals(body(user(TEXT), assistant(*ours, THOUGHT, TEXT), user(TEXT)), "S~"))
    assert left["messages"][1]["content"] == [THOUGHT, TEXT]
    same = body(user({"type": "text", "text": "S~ in a text"}))
    assert strip_seals(same, "S~") is same


def test_thinking_is_switched_off() -> None:
    assert "thinking" not in json.loads(without_thinking(body(user(TEXT))))
    assert without_thinking(b"{}") == b"{}" and without_thinking(b"odd") == b"odd"
