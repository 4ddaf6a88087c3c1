from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import Response

from providers.dialects.openai_response import Resource, repeated
from providers.dialects.types import Failure, FailureKind, Usage
from providers.translation.common.parts import Outcome, Part, PartKind
from providers.translation.common.tool_names import Tool, ToolTable
from providers.translation.responses.writer import (
    ResponseHead,
    ResponsesWriter,
    custom_input,
    ended,
    whole_response,
)
from tests.providers.translation import accumulators
from tests.providers.translation.openai_exchanges import counting_ids
from tests.wire.feeding import parsed

OUTCOME = Outcome("stop", Usage(1, output_tokens=2), 3)


def head() -> ResponseHead:
    table = ToolTable()
    table.add(Tool("patch", is_custom=True))
    table.add(Tool("search", namespace="docs"))
    return ResponseHead(Resource("resp_1", 7, "m", repeated({"instructions": "x"})), counting_ids(), table, 9)


PARTS = [
    Part(PartKind.REASONING, fragments=["h", "m"], sealed="S"),
    Part(PartKind.REDACTED, sealed="R"),
    Part(PartKind.TEXT, fragments=["a", "b"], annotations=[]),
    Part(PartKind.REFUSAL, fragments=["no"]),
    Part(PartKind.TOOL, "call_1", "docs__search", ['{"a"', ":1}"]),
    Part(PartKind.TOOL, "call_2", "patch", ['{"input": "x"}']),
    Part(PartKind.TOOL, "call_3", "f"),
]


def stream(*parts: Part) -> list[list[Any]]:
    writer = ResponsesWriter(head())
    writer.begin()
    for part in parts:
        writer.open(part)
        for text in part.fragments:
            writer.delta(part, text)
        writer.close(part)
    writer.end(OUTCOME)
    return [[name, data] for name, data in parsed(writer.take())]


def test_every_kind_of_part_streams_to_what_the_whole_answer_says() -> None:
    whole = json.loads(whole_response(head(), PARTS, OUTCOME))
    assert accumulators.response(stream(*PARTS)) == whole
    Response.model_validate(whole)
    assert [item["type"] for item in whole["output"]] == [
        "reasoning",
        "reasoning",
        "message",
        "message",
        "function_call",
        "custom_tool_call",
        "function_call",
    ]
    assert whole["output"][4]["namespace"] == "docs" and whole["output"][6]["arguments"] == "{}"
    assert whole["output"][1]["summary"] == [] and whole["output"][1]["encrypted_content"] == "R"


def test_the_order_of_a_text_s_events() -> None:
    names = [name for name, _ in stream(PARTS[2])]
    assert names == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


def test_annotations_are_told_before_the_text_is_done() -> None:
    note = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    events = stream(Part(PartKind.TEXT, fragments=["a"], annotations=[note]))
    added = next(data for name, data in events if name == "response.output_text.annotation.added")
    assert added["annotation"] == note and added["annotation_index"] == 0
    assert accumulators.response(events)["output"][0]["content"][0]["annotations"] == [note]


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (Outcome("stop", Usage()), "completed", None),
        (Outcome("tool_calls", Usage()), "completed", None),
        (Outcome("length", Usage()), "incomplete", "max_output_tokens"),
        (Outcome("content_filter", Usage()), "incomplete", "content_filter"),
        (Outcome("content_filter", Usage(), 0, True), "completed", None),
        (Outcome("recitation", Usage()), "incomplete", "recitation"),
    ],
)
def test_how_it_ended(outcome: Outcome, status: str, reason: str | None) -> None:
    response = ended(head(), [], outcome)
    assert response["status"] == status
    assert response["incomplete_details"] == (None if reason is None else {"reason": reason})


def test_a_failure_comes_after_the_response_began() -> None:
    writer = ResponsesWriter(head())
    writer.fail(Failure(FailureKind.OVERLOADED, "busy"))
    told = parsed(writer.take())
    assert [name for name, _ in told] == ["response.created", "response.in_progress", "response.failed"]
    assert [data["sequence_number"] for _, data in told] == [0, 1, 2]
    assert told[2][1]["response"]["error"] == {"code": "server_is_overloaded", "message": "busy"}
    assert told[2][1]["response"]["id"] == "resp_1"


def test_the_time_of_the_end_is_told_of_an_answer_that_is_whole() -> None:
    assert ended(head(), [], OUTCOME)["completed_at"] == 9
    assert ended(head(), [], Outcome("length", Usage()))["completed_at"] is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [('{"input": "x"}', "x"), ('{"input": 7}', '{"input": 7}'), ("[]", "[]"), ('{"inp', '{"inp'), ("", "")],
)
def test_free_text_out_of_arguments(arguments: str, text: str) -> None:
    assert custom_input(Part(PartKind.TOOL, fragments=[arguments])) == text
    assert custom_input(Part(PartKind.CUSTOM, fragments=["plain"])) == "plain"
