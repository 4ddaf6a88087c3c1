from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.chat_totals import MEASURED_EVENTS, StreamTotals
from providers.dialects.types import UNREAD, Usage


def event(delta: dict[str, Any], **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return json.dumps({"id": "c", "model": "m", "choices": [choice], **more}).encode()


def watched(*events: bytes) -> tuple[StreamTotals, int]:
    """The totals of a stream, and its size."""
    totals = StreamTotals()
    for data in events:
        totals.see(b"", data)
    return totals, sum(len(data) + 8 for data in events)


def call(arguments: str, **more: object) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, **more, "function": {"arguments": arguments}}]}


OPENING = event({"role": "assistant", "content": ""})


@pytest.mark.parametrize("name", ["content", "reasoning_content", "reasoning"])
@pytest.mark.parametrize("text", ["word " * 300, "слово " * 136, '\n"' * 375])
def test_the_text_is_what_is_not_around_it(name: str, text: str) -> None:
    data = json.dumps({"id": "c", "model": "m", "choices": [{"delta": {name: text}}]}, ensure_ascii=False)
    totals, size = watched(OPENING, data.encode())
    assert 370 <= totals.written(size, 0) <= 410


def test_events_that_were_not_looked_at_are_counted_by_their_number() -> None:
    first, more = event({"content": "word"}), event({"content": "word " * 20})
    totals, size = watched(OPENING, first)
    assert 245 <= totals.written(size + 10 * (len(more) + 8), 10) <= 260


def test_pieces_of_a_call_have_more_around_them() -> None:
    pieces = [event(call("{}" * 200))] * 2
    totals, size = watched(OPENING, *pieces)
    assert 190 <= totals.written(size, 0) <= 260
    ended, size = watched(OPENING, event({"content": "I look"}), *pieces, event({}, choices=[
        {"index": 0, "delta": {}, "finish_reason": "tool_calls"}]))  # fmt: skip
    assert ended.has_calls and 130 <= ended.written(size, 0) <= 210


def test_a_stream_whose_events_tell_no_text_is_not_measured() -> None:
    odd = [event({"audio": {"data": "A" * 400}}, number=number) for number in range(MEASURED_EVENTS)]
    totals, size = watched(OPENING, *odd)
    assert totals.is_settled and totals.written(size, 0) == 0


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 0}, Usage(9, is_estimated=True)),
        ({"prompt_tokens": 9, "completion_tokens": -1}, Usage(9, is_estimated=True)),
        ({"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 12}, Usage(9, output_tokens=3)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, UNREAD),
        ({"total_tokens": 12}, UNREAD),
    ],
)
def test_a_usage_without_output_is_not_believed_where_there_was_some(usage: object, told: Usage) -> None:
    assert watched(OPENING, event({"content": "word"}), event({}, usage=usage))[0].usage == told


def test_an_answer_without_a_word_may_have_no_output() -> None:
    assert watched(OPENING, event({}, usage={"prompt_tokens": 9}))[0].usage == Usage(9)
