from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import Usage
from providers.translation.chat.reader import ChatReader
from providers.translation.common.parts import PartKind, PartList, ReaderContext, Sequencer


def reader() -> tuple[ChatReader, PartList]:
    parts = PartList()
    context = ReaderContext(lambda plain: plain.hex(), lambda prefix: prefix + "1", lambda: 50)
    return ChatReader(Sequencer(parts), context), parts


def read(*deltas: Any, reason: str | None = "stop", usage: Any = None) -> tuple[ChatReader, PartList]:
    made, parts = reader()
    for delta in deltas:
        made.event(json.dumps({"model": "m", "choices": [{"index": 0, "delta": delta}]}).encode())
    if reason is not None:
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage}
        made.event(json.dumps(end).encode())
    return made, parts


def told(parts: PartList) -> list[tuple[str, str]]:
    return [(part.kind.value, part.text) for part in parts.parts]


def test_reasoning_under_both_names_is_told_once() -> None:
    made, parts = read({"reasoning_content": "a", "reasoning": "a"}, {"reasoning": "b"}, {"content": "c"})
    assert told(parts) == [("reasoning", "ab"), ("text", "c")]
    assert parts.parts[0].sealed is not None and made.outcome().reason == "stop"


def test_content_as_a_list_of_parts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}
    _, parts = read({"content": [thinking, {"type": "text", "text": "b"}, "odd", {"type": "x"}]})
    assert told(parts) == [("reasoning", "a"), ("text", "b")]


def test_text_after_a_call_is_a_part_of_its_own() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    _, parts = read({"content": "a"}, {"tool_calls": [call]}, {"content": "b"}, {"content": "c"})
    assert told(parts) == [("text", "a"), ("tool", "{}"), ("text", "bc")]


def test_text_waits_for_a_call_that_is_not_whole() -> None:
    start = {"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a"'}}
    _, parts = read(
        {"tool_calls": [start]},
        {"content": "b"},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
        {"content": "c"},
    )
    assert told(parts) == [("tool", '{"a":1}'), ("text", "bc")]


def test_a_name_that_comes_late() -> None:
    _, parts = read(
        {"tool_calls": [{"index": 0, "id": "c", "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ":1}"}}]},
    )
    assert told(parts) == [("tool", '{"a":1}')] and parts.parts[0].name == "f"


def test_a_call_of_the_first_days() -> None:
    made, parts = read({"function_call": {"name": "f", "arguments": "{}"}}, reason="function_call")
    assert told(parts) == [("tool", "{}")] and made.outcome().reason == "tool_calls"


@pytest.mark.parametrize(
    "deltas",
    [
        [{"tool_calls": [{"index": 0, "id": "c", "function": {"arguments": "{}"}}]}],
        [
            {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]},
            {"content": "x"},
            {"tool_calls": [{"index": 0, "function": {"arguments": "more"}}]},
        ],
    ],
    ids=["never named", "more after the whole"],
)
def test_broken_calls_are_the_upstream_s_failure(deltas: list[Any]) -> None:
    made, _ = read(*deltas)
    assert made.failure is not None


def test_the_reason_follows_what_was_said() -> None:
    made, _ = read({"content": "x"}, reason="tool_calls")
    assert made.outcome().reason == "stop"
    made, _ = read({"refusal": "no"})
    assert made.outcome().has_refusal
    made, _ = read({"content": "x"}, reason="recitation")
    assert made.outcome().reason == "recitation"


def test_the_stop_sequence_that_was_met() -> None:
    made, _ = reader()
    made.event(b'{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": "END"}]}')
    assert made.outcome().stop_sequence == "END"
    made.event(b'{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": 128001}]}')
    assert made.outcome().stop_sequence is None


def test_usage_with_the_last_choice_or_none_at_all() -> None:
    made, _ = read({"content": "four"}, usage={"prompt_tokens": 3, "completion_tokens": 1})
    assert made.outcome().usage == Usage(3, output_tokens=1) and not made.is_complete
    made.event(b"[DONE]")
    assert made.is_complete
    made, _ = read({"content": "fours"})
    assert made.outcome().usage == Usage(50, output_tokens=2, is_estimated=True)


def test_done_without_a_reason_is_no_end() -> None:
    made, _ = read({"content": "x"}, reason=None)
    made.event(b"[DONE]")
    assert not made.is_complete and not made.can_end()


def test_other_choices_are_not_mixed_in() -> None:
    made, parts = reader()
    made.event(
        b'{"choices": [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]}'
    )
    assert told(parts) == [("text", "a")]


def test_parts_know_their_kind() -> None:
    _, parts = read({"refusal": "no"})
    assert parts.parts[0].kind is PartKind.REFUSAL


@pytest.mark.parametrize("data", [b"", b"  ", b"\t"])
def test_an_event_without_data_says_nothing(data: bytes) -> None:
    made, _ = reader()
    made.event(data)
    assert made.failure is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"out of memory", "out of memory"),
        (b'{"tool_calls": [', "The upstream sent something that is no chat completion"),
        (b"<html></html>", "The upstream sent something that is no chat completion"),
        (b'{"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"message":"bad"}}]}', "bad"),
        (b'{"choices":[{"index":0,"finish_reason":"error"}]}', "The upstream's answer ended with an error"),
    ],
)
def test_what_ends_an_answer_is_told_in_its_words(data: bytes, words: str) -> None:
    made, _ = reader()
    made.event(data)
    assert made.failure is not None and made.failure.message == words


def test_nothing_is_no_completion() -> None:
    made, _ = reader()
    made.whole(b" ")
    assert made.failure is not None
