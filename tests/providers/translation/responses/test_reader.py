from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import FailureKind, Usage
from providers.translation.common.parts import PartList, ReaderContext, Sequencer
from providers.translation.responses.reader import ResponsesReader


def read(*events: dict[str, Any]) -> tuple[ResponsesReader, PartList]:
    parts = PartList()
    context = ReaderContext(lambda plain: "sealed", lambda prefix: prefix + "1", lambda: 50)
    made = ResponsesReader(Sequencer(parts), context)
    for event in events:
        made.event(json.dumps(event).encode())
    return made, parts


def told(parts: PartList) -> list[tuple[str, str]]:
    return [(part.kind.value, part.text) for part in parts.parts]


def completed(*output: Any, **fields: Any) -> dict[str, Any]:
    return {
        "type": "response.completed",
        "response": {"status": "completed", "output": list(output), **fields},
    }


def delta(kind: str, text: str, **place: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "delta": text, "output_index": 0, **place}


MESSAGE = {
    "type": "message",
    "id": "m",
    "content": [{"type": "output_text", "text": "ab", "annotations": [{"type": "x"}]}],
}
CALL = {"type": "function_call", "id": "f", "call_id": "c", "name": "t", "arguments": '{"a":1}'}


def test_closing_events_add_only_what_was_not_heard() -> None:
    made, parts = read(
        delta("output_text", "a", content_index=0),
        {"type": "response.output_text.done", "text": "ab", "output_index": 0, "content_index": 0},
        {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE},
        completed(MESSAGE, CALL),
    )
    assert told(parts) == [("text", "ab"), ("tool", '{"a":1}')]
    assert parts.parts[0].annotations == [{"type": "x"}]
    assert made.is_complete and made.outcome().reason == "tool_calls"


def test_a_call_whose_beginning_was_not_told() -> None:
    _, parts = read(delta("function_call_arguments", '{"a"', item_id="f"), completed(CALL))
    assert told(parts) == [("tool", '{"a":1}')]
    made, _ = read(delta("function_call_arguments", '{"a"', item_id="f"), completed())
    assert made.failure is not None and made.failure.kind is FailureKind.UPSTREAM


def test_a_call_without_a_name_is_nonsense() -> None:
    made, _ = read(completed({**CALL, "name": None}))
    assert made.failure is not None and not made.is_complete


def test_custom_calls() -> None:
    item = {"type": "custom_tool_call", "id": "x", "call_id": "c", "name": "patch", "input": "*** Begin"}
    _, parts = read(
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "input": ""}},
        delta("custom_tool_call_input", "*** "),
        {"type": "response.custom_tool_call_input.done", "output_index": 0, "input": "*** Begin"},
        completed(item),
    )
    assert told(parts) == [("custom", "*** Begin")]


def test_raw_reasoning_where_a_server_gives_that() -> None:
    item = {
        "type": "reasoning",
        "id": "r",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "Hm."}],
    }
    _, parts = read(delta("reasoning_text", "Hm", content_index=0), completed(item))
    assert told(parts) == [("reasoning", "Hm.")] and parts.parts[0].sealed == "sealed"


def test_a_summary_wins_over_raw_reasoning() -> None:
    _, parts = read(
        delta("reasoning_summary_text", "One.", summary_index=0),
        delta("reasoning_text", "raw", content_index=0),
        delta("reasoning_summary_text", "Two.", summary_index=1),
    )
    assert told(parts) == [("reasoning", "One.\n\nTwo.")]


def test_reasoning_without_a_word_or_a_seal_is_nothing() -> None:
    _, parts = read(completed({"type": "reasoning", "id": "r", "summary": []}))
    assert told(parts) == []


def test_two_texts_of_one_message_come_one_after_the_other() -> None:
    _, parts = read(
        delta("output_text", "a", content_index=0),
        delta("output_text", "b", content_index=1),
        {
            "type": "response.output_text.annotation.added",
            "output_index": 0,
            "content_index": 1,
            "annotation": {"type": "url_citation"},
        },
        completed(),
    )
    assert told(parts) == [("text", "a"), ("text", "b")]
    assert parts.parts[1].annotations == [{"type": "url_citation"}]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "completed"}, "stop"),
        ({"status": None}, "stop"),
        ({"status": "incomplete"}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, "steered"),
    ],
)
def test_reasons(fields: dict[str, Any], reason: str) -> None:
    made, _ = read(completed(**fields))
    assert made.outcome().reason == reason


def test_failures() -> None:
    made, _ = read(
        {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "m"}}}
    )
    assert made.failure is not None and made.failure.kind is FailureKind.RATE_LIMIT
    made, _ = read({"type": "error", "message": "m", "code": "server_error"})
    assert made.failure is not None and made.failure.message == "m"
    made, _ = read(completed(status="cancelled"))
    assert made.failure is not None


def test_usage_is_estimated_when_none_is_told() -> None:
    made, _ = read(delta("output_text", "fours", content_index=0))
    assert made.outcome().usage == Usage(50, output_tokens=2, is_estimated=True) and not made.can_end()


def test_unknown_events_pass_by() -> None:
    made, parts = read({"type": "response.web_search_call.searching"}, {"type": "response.future"}, {"x": 1})
    assert told(parts) == [] and made.failure is None


def test_the_served_model_is_read() -> None:
    made, _ = read({"type": "response.created", "response": {"model": "gpt-x"}})
    assert made.model == "gpt-x"
