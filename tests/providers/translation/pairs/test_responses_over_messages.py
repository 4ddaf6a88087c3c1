from __future__ import annotations

import base64
import json
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent

from providers.dialects.types import Failure, FailureKind, Target, Usage
from tests.fakes.sealer import CountedIds, PlainSealer
from tests.providers.translation.exchange import EVENTS, MODEL, answered, call, cut, make, sent
from tests.providers.translation.making import translator
from tests.wire import feeding, golden
from tests.wire.messages import named, streams, whole_message

SURFACE = "openai_responses"
BODY = {"model": "gpt-x", "input": "hi", "stream": True}
WHOLE = {"model": "gpt-x", "input": "hi"}
CASES = feeding.cases("anthropic")
EVENTS_BY_TYPE = {
    kind.model_fields["type"].annotation.__args__[0]: kind for kind in ResponseStreamEvent.__origin__.__args__
}


@pytest.mark.parametrize("case", CASES)
def test_transcript_however_it_is_cut(case: str) -> None:
    out = feeding.assert_same_however_cut(lambda: make(SURFACE, BODY), CASES[case], cut)
    assert_grammar(out)
    seen: dict[str, Any] = {"events": [data for _, data in feeding.parsed(out)]}
    message = whole_message(CASES[case])
    if message is not None:
        seen["whole"] = json.loads(answered(make(SURFACE, WHOLE), message).body)
    golden.check("responses_over_messages", case, seen)


def assert_grammar(out: bytes) -> None:
    """Check that names equal types, numbers count up, items open before their deltas and close after."""
    events = feeding.parsed(out)
    assert [name for name, _ in events] == [data["type"] for _, data in events]
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    assert events[0][0] == "response.created"
    assert events[1][0] in ("response.in_progress", "response.failed")
    terminal = [name for name, _ in events if name in openai_terminals]
    assert terminal == [events[-1][0]]
    open_items: dict[int, str] = {}
    for name, data in events[2:-1]:
        index = data["output_index"]
        if name == "response.output_item.added":
            assert index not in open_items
            open_items[index] = data["item"]["id"]
        elif name == "response.output_item.done":
            assert open_items[index] == data["item"]["id"]
            open_items[index] = ""
        else:
            assert data["item_id"] == open_items[index]
    if events[-1][0] != "response.failed":
        assert not any(open_items.values())


openai_terminals = ("response.completed", "response.incomplete", "response.failed")


def accumulated(events: list[tuple[str | None, Any]]) -> list[Any]:
    """Return the output as the SDK's own accumulator knows it from the events before the terminal one."""
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=[], text_format=openai.omit)
    for _, data in events:
        state.handle_event(EVENTS_BY_TYPE[data["type"]].model_validate(data))
    if state._completed_response is not None:
        return list(state._completed_response.output)
    return [state._completed_output[index] for index in sorted(state._completed_output)]


def simple(item: dict[str, Any]) -> dict[str, Any]:
    """Return the items with arguments as values, without what only one of the two ways knows."""
    kept = {
        key: value
        for key, value in item.items()
        if value is not None and key not in ("parsed", "parsed_arguments")
    }
    if kept["type"] == "function_call":
        kept["arguments"] = json.loads(kept["arguments"])
    if kept["type"] == "message":
        kept["content"] = [
            {key: part[key] for key in part if key in ("type", "text", "refusal")} for part in kept["content"]
        ]
    return kept


def is_valid(stream: list[dict[str, Any]]) -> bool:
    """Return whether the SDK's own types know the reason: they know only OpenAI's."""
    return stream[-2]["data"]["delta"]["stop_reason"] != "brand_new"


@settings(deadline=None)
@given(streams().filter(is_valid), st.data())
def test_any_stream_accumulates_to_the_whole_answer(
    stream: list[dict[str, Any]], data: st.DataObject
) -> None:
    wire = feeding.sse_bytes(stream)
    at = data.draw(st.integers(0, len(wire)))
    made = make(SURFACE, BODY)
    out = feeding.fed(made, [wire[:at], wire[at:]])
    assert_grammar(out)
    events = feeding.parsed(out)
    whole = json.loads(answered(other := make(SURFACE, WHOLE), whole_message(stream)).body)
    Response.model_validate(whole)
    last = events[-1][1]["response"]
    expected = {**whole, "output": [simple(item) for item in whole["output"]]}
    assert {**last, "output": [simple(item) for item in last["output"]]} == expected
    told = [simple(item.model_dump()) for item in accumulated(events)]
    assert told == expected["output"]
    assert made.usage == other.usage


def test_codex_gets_what_it_needs() -> None:
    """Give Codex its items in `output_item.done`, id and complete usage in the terminal event."""
    events = feeding.parsed(feeding.fed(made := make(SURFACE, BODY), [feeding.sse_bytes(CASES["tool"])]))
    items = [data["item"] for name, data in events if name == "response.output_item.done"]
    assert [item["type"] for item in items] == ["message", "function_call"]
    assert items[1]["call_id"] == "toolu_1"
    assert json.loads(items[1]["arguments"]) == {"city": "Göteborg"}
    completed = events[-1][1]["response"]
    assert completed["id"] == events[0][1]["response"]["id"]
    assert completed["usage"]["input_tokens_details"] == {"cached_tokens": 5, "cache_write_tokens": 7}
    assert completed["usage"]["output_tokens_details"] == {"reasoning_tokens": 0}
    assert made.usage == Usage(12, 5, 4, 3, 20)


def test_thinking_comes_back_to_the_model_that_thought_it() -> None:
    answer = json.loads(answered(make(SURFACE, WHOLE), whole_message(CASES["thinking"])).body)
    history = [{"role": "user", "content": "hi"}, *answer["output"], {"role": "user", "content": "and?"}]
    assert sent(SURFACE, {**WHOLE, "input": history})["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "First, think.", "signature": "c2lnbmF0dXJl"},
        {"type": "redacted_thinking", "data": "b3BhcXVl"},
        {"type": "text", "text": "Done."},
    ]
    elsewhere = sent(SURFACE, {**WHOLE, "input": history}, Target("claude-opus-4-5"))
    assert elsewhere["messages"][1]["content"] == "Done."
    for item in answer["output"]:
        if item["type"] == "reasoning":
            item["encrypted_content"] = base64.b64encode(b"forged").decode()
    history = [{"role": "user", "content": "hi"}, *answer["output"]]
    assert sent(SURFACE, {**WHOLE, "input": history})["messages"][1]["content"] == "Done."


def test_the_request_is_echoed() -> None:
    body = {
        **WHOLE,
        "instructions": "be",
        "temperature": 0.5,
        "metadata": {"a": "b"},
        "tools": None,
        "store": False,
    }
    answer = json.loads(answered(make(SURFACE, body), whole_message(CASES["text"])).body)
    assert answer["model"] == "gpt-x"
    assert (answer["instructions"], answer["temperature"], answer["metadata"]) == ("be", 0.5, {"a": "b"})
    assert (answer["tools"], answer["store"], answer["created_at"]) == ([], False, 1700000000)


CUSTOM_AND_NAMESPACE = [
    {
        "type": "custom",
        "name": "apply_patch",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
    },
    {
        "type": "namespace",
        "name": "crm",
        "description": "The CRM.",
        "tools": [{"type": "function", "name": "get"}],
    },
    {"type": "web_search"},
]
BOTH_CALLED = {
    "id": "m",
    "content": [
        {"type": "tool_use", "id": "t1", "name": "apply_patch", "input": {"input": "*** Begin\n"}},
        {"type": "tool_use", "id": "t2", "name": "crm__get", "input": {}},
    ],
    "stop_reason": "tool_use",
}


def test_a_custom_tool_and_a_namespace() -> None:
    told = sent(SURFACE, {**WHOLE, "tools": CUSTOM_AND_NAMESPACE})["tools"]
    assert [tool["name"] for tool in told] == ["apply_patch", "crm__get"]
    assert "start: x" in told[0]["description"]
    assert told[0]["input_schema"]["required"] == ["input"]
    output = json.loads(answered(make(SURFACE, {**WHOLE, "tools": CUSTOM_AND_NAMESPACE}), BOTH_CALLED).body)[
        "output"
    ]
    assert output == [
        {
            "id": "ctc_2",
            "type": "custom_tool_call",
            "call_id": "t1",
            "name": "apply_patch",
            "input": "*** Begin\n",
        },
        {
            "id": "fc_3",
            "type": "function_call",
            "call_id": "t2",
            "name": "get",
            "arguments": "{}",
            "status": "completed",
            "namespace": "crm",
        },
    ]
    history = [{"role": "user", "content": "go"}, *output]
    calls = sent(SURFACE, {**WHOLE, "tools": CUSTOM_AND_NAMESPACE, "input": history})["messages"][1][
        "content"
    ]
    assert [(block["name"], block["input"]) for block in calls] == [
        ("apply_patch", {"input": "*** Begin\n"}),
        ("crm__get", {}),
    ]


def test_a_failure_before_the_first_event_is_a_whole_stream() -> None:
    made = make(SURFACE, BODY)
    events = feeding.parsed(made.fail(Failure(FailureKind.RATE_LIMIT, "try again in 1.5s")))
    assert [name for name, _ in events] == ["response.created", "response.in_progress", "response.failed"]
    assert events[-1][1]["response"]["error"] == {
        "code": "rate_limit_exceeded",
        "message": "try again in 1.5s",
    }
    assert events[-1][1]["response"]["usage"] is None
    assert made.fail(Failure(FailureKind.INTERNAL, "twice")) == b""


def test_an_upstream_that_does_not_stream_is_streamed() -> None:
    answer = answered(make(SURFACE, BODY), whole_message(CASES["parallel_tools"]))
    assert answer.headers == EVENTS
    assert_grammar(answer.body)


def test_a_retry_starts_again_from_the_same_call() -> None:
    made = translator(SURFACE, "anthropic", CountedIds(), 0, PlainSealer())
    first = made.request(call(WHOLE), Target(MODEL))
    assert made.request(call(WHOLE), Target(MODEL)) == first


def test_a_cut_tool_call_is_never_told_as_complete() -> None:
    blocks = [event["data"] for event in CASES["max_tokens_in_tool"]]
    made = make(SURFACE, BODY)
    before = feeding.parsed(made.feed(feeding.sse_bytes(named(blocks[:-2]))))
    assert "response.output_item.done" not in [name for name, _ in before]
    after = feeding.parsed(made.feed(feeding.sse_bytes(named(blocks[-2:]))))
    assert after[1][1]["item"]["status"] == "incomplete"
