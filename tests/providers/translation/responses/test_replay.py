"""A stored response as a stream: events in the order in which a live one has them, whole again at their end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.types import FailureKind, Refused
from providers.translation.responses import replay
from tests.wire.feeding import parsed

words = st.text(max_size=20)
annotations = st.lists(st.fixed_dictionaries({"type": st.just("url_citation"), "url": words}), max_size=2)
parts = st.one_of(
    st.fixed_dictionaries({"type": st.just("output_text"), "text": words, "annotations": annotations}),
    st.fixed_dictionaries({"type": st.just("refusal"), "refusal": words}),
)
items = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "id": words,
            "status": st.just("completed"),
            "content": st.lists(parts, max_size=3),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("reasoning"),
            "id": words,
            "summary": st.lists(
                st.fixed_dictionaries({"type": st.just("summary_text"), "text": words}), max_size=2
            ),
        }
    ),
    st.fixed_dictionaries({"type": st.just("function_call"), "id": words, "arguments": words, "name": words}),
    st.fixed_dictionaries({"type": st.just("custom_tool_call"), "id": words, "input": words}),
    st.fixed_dictionaries({"type": st.just("compaction"), "id": words, "encrypted_content": words}),
)
responses = st.fixed_dictionaries(
    {
        "id": words,
        "status": st.sampled_from(["completed", "incomplete", "failed", "cancelled"]),
        "output": st.lists(items, max_size=4),
        "usage": st.just({"total_tokens": 3}),
    }
)
ENDS = {"completed": "response.completed", "failed": "response.failed"}


@given(responses)
def test_a_response_is_told_in_order_and_whole(response: dict[str, Any]) -> None:
    events = [json.loads(data) for data in replay.events_of(response)]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[0]["response"]["output"] == [] and events[0]["response"]["status"] == "in_progress"
    last = events[-1]
    assert last["type"] == ENDS.get(response["status"], "response.incomplete")
    assert last["response"] == response
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == response["output"]
    for index, item in enumerate(response["output"]):
        own = [event for event in events if event.get("output_index") == index]
        assert own[0]["type"] == "response.output_item.added" and own[-1]["item"] == item
        told = "".join(event["delta"] for event in own if event["type"].endswith(".delta"))
        members = [item, *item.get("content", ()), *item.get("summary", ())]
        whole = [one.get(name, "") for one in members for name in ("text", "refusal", "arguments", "input")]
        assert told == "".join(whole)
        assert (
            len([1 for event in own if event["type"].endswith(".added") and "part" in event])
            == len(members) - 1
        )


@given(responses, st.integers(0, 50))
def test_what_was_told_is_not_told_again(response: dict[str, Any], told: int) -> None:
    left = [json.loads(data) for data in replay.rest(response, told)]
    if told:
        assert [event["sequence_number"] for event in left] == [told]
    else:
        assert len(left) > 2
    assert left[-1]["response"] == response


@pytest.mark.parametrize(
    ("query", "after"),
    [
        (b"", None), (b"stream=false", None), (b"include[]=x&stream=", "stream"), (b"stream=1", "stream"),
        (b"stream=true", -1), (b"stream=True&starting_after=0", 0), (b"stream=true&starting_after=41", 41),
        (b"starting_after=4", "starting_after"), (b"stream=true&starting_after=", "starting_after"),
        (b"stream=true&starting_after=-1", "starting_after"), (b"stream=true&starting_after=1.5", "starting_after"),
        (b"stream=true&starting_after=x", "starting_after"),
        ("stream=true&starting_after=²".encode(), "starting_after"),
        (b"stream=true&starting_after=" + b"9" * 5000, "starting_after"),
    ],
)  # fmt: skip
def test_queries(query: bytes, after: int | str | None) -> None:
    if not isinstance(after, str):
        assert replay.asked_for(query) == after
        return
    with pytest.raises(Refused) as refused:
        replay.asked_for(query)
    assert (refused.value.failure.kind, refused.value.failure.param) == (FailureKind.INVALID_REQUEST, after)


@pytest.mark.parametrize("data", [b"", b"no", b"[1]", b'{"type":7}', b'{"sequence_number":"x"}'])
def test_what_can_t_be_read_has_no_number(data: bytes) -> None:
    assert replay.numbered(data) == replay.Numbered()


def test_an_event_is_written_as_it_is_read() -> None:
    data = b'{"type":"response.completed","sequence_number":3}'
    assert parsed(replay.written("response.completed", data)) == [("response.completed", json.loads(data))]
    assert replay.numbered(data).is_last and replay.numbered(data).sequence_number == 3
