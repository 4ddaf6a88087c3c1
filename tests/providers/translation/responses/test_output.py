from __future__ import annotations

from typing import Any

from providers.dialects.openai_response import Resource
from providers.translation.responses.output import CallItem, MessageItem, ReasoningItem, ResponseOutput
from tests.wire.feeding import parsed


def output() -> ResponseOutput:
    return ResponseOutput(Resource("resp_1", 7, "m"))


def names(events: bytes) -> list[Any]:
    return [name.removeprefix("response.") for name, _ in parsed(events) if name]


def test_events_are_numbered_from_0() -> None:
    out = output()
    item = MessageItem(out, "msg_1")
    events = parsed(item.start() + item.text('a"b') + item.text("ü") + item.close("completed"))
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    assert [data["delta"] for name, data in events if name == "response.output_text.delta"] == ['a"b', "ü"]


def test_a_message_of_two_parts_and_a_refusal() -> None:
    out = output()
    item = MessageItem(out, "msg_1")
    events = item.start() + item.text("one") + item.close_part() + item.text("two") + item.close_part()
    events += item.close_part() + item.refusal("no") + item.close("incomplete")
    assert names(events) == [
        "output_item.added",
        *(["content_part.added", "output_text.delta", "output_text.done", "content_part.done"] * 2),
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
    ]
    assert [data["content_index"] for _, data in parsed(events) if "content_index" in data] == [0] * 4 + [
        1
    ] * 4 + [2] * 4
    (done,) = out.done_items
    assert [part.get("text") or part["refusal"] for part in done["content"]] == ["one", "two", "no"]
    assert done["status"] == "incomplete"


def test_a_reasoning_item_without_words() -> None:
    out = output()
    item = ReasoningItem(out, "rs_1")
    assert names(item.start() + item.close("sealed")) == ["output_item.added", "output_item.done"]
    assert out.items == [{"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "sealed"}]


def test_a_call_given_whole_still_has_a_delta() -> None:
    out = output()
    item = CallItem(out, {"id": "fc_1", "type": "function_call", "name": "f", "arguments": ""}, '{"a":1}')
    events = parsed(item.start() + item.close(item.whole, "completed"))
    assert events[1][1]["delta"] == events[2][1]["arguments"] == '{"a":1}'


def test_items_that_are_not_done_are_known() -> None:
    out = output()
    first, second = MessageItem(out, "msg_1"), MessageItem(out, "msg_2")
    first.start()
    second.start()
    second.close("completed")
    assert [item["id"] for item in out.done_items] == ["msg_2"]
    assert out.response("failed", usage=None)["model"] == "m"
