"""What has a price beside the plain counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects import anthropic, chat_totals, openai_chat, openai_responses
from providers.dialects.types import UNREAD, Part, Usage

PLAIN = {"input_tokens": 100, "output_tokens": 50}


def told(**usage: Any) -> Usage:
    return anthropic.read_totals(json.dumps({"model": "m", "usage": {**PLAIN, **usage}}).encode())[1]


@pytest.mark.parametrize(
    ("usage", "modes"),
    [
        ({}, ()),
        ({"service_tier": "standard", "inference_geo": "not_available"}, ()),
        ({"service_tier": "batch"}, ("batch",)),
        ({"service_tier": "priority"}, ()),
        ({"speed": "fast"}, ("fast",)),
        ({"speed": "standard", "inference_geo": "us"}, ("region",)),
        ({"speed": "fast", "inference_geo": "us", "service_tier": "batch"}, ("batch", "fast", "region")),
        ({"speed": 5, "inference_geo": [], "service_tier": {}}, ()),
    ],
)
def test_modes(usage: dict[str, Any], modes: tuple[str, ...]) -> None:
    assert told(**usage).modes == modes


def test_searches() -> None:
    assert told(server_tool_use={"web_search_requests": 3, "web_fetch_requests": 9}).web_searches == 3
    assert told(server_tool_use=None).web_searches == told(server_tool_use="x").web_searches == 0


MESSAGE = {"type": "message", **PLAIN}
COMPACTION = {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500}
ADVISER = {"type": "advisor_message", "model": "claude-opus-5-5", "input_tokens": 823, "output_tokens": 1612}
FALLBACK = {"type": "fallback_message", "model": "claude-sonnet-5", "input_tokens": 40, "output_tokens": 7}


def test_steps_of_their_own_are_counted_beside_the_whole() -> None:
    usage = told(iterations=[MESSAGE, COMPACTION, ADVISER, FALLBACK])
    assert (usage.input_tokens, usage.output_tokens) == (100, 50)
    assert usage.parts == (
        Part(None, 180_000, output_tokens=3500),
        Part("claude-opus-5-5", 823, output_tokens=1612),
        Part("claude-sonnet-5", 40, output_tokens=7),
    )


def test_a_fallback_that_the_whole_tells_is_not_counted_twice() -> None:
    nothing = {"type": "message", "input_tokens": 90, "output_tokens": 0}
    usage = told(iterations=[nothing, {**FALLBACK, **PLAIN}])
    assert usage.parts == ()


def test_caches_of_steps_and_odd_steps() -> None:
    step = {**COMPACTION, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 7}
    step["cache_creation"] = {"ephemeral_1h_input_tokens": 3}
    usage = told(iterations=[step, 5, {"type": "compaction", "input_tokens": "x"}, {"type": "new"}])
    assert usage.parts == (Part(None, 180_000, 5, 4, 3, 3500), Part())
    assert told(iterations={"a": 1}).parts == ()


def test_a_streams_steps_stand_in_its_last_event_and_are_counted_once() -> None:
    totals = anthropic.StreamTotals()
    start = {
        "type": "message_start",
        "message": {"model": "m", "usage": {"input_tokens": 9, "output_tokens": 1}},
    }
    delta = {
        "type": "message_delta",
        "usage": {"output_tokens": 5, "iterations": [COMPACTION], "speed": "fast"},
    }
    for event in (start, delta, delta):
        totals.see(event["type"].encode(), json.dumps(event).encode())
    assert totals.usage == Usage(
        9, output_tokens=5, modes=("fast",), parts=(Part(None, 180_000, output_tokens=3500),)
    )


@pytest.mark.parametrize("usage", [None, {}, {"service_tier": "standard"}])
def test_an_answer_that_tells_no_usage_is_not_free(usage: Any) -> None:
    body = json.dumps({"model": "m", "usage": usage}).encode()
    assert anthropic.read_totals(body)[1] == UNREAD
    assert anthropic.StreamTotals().usage == UNREAD


def test_a_refusal_before_any_output_costs_nothing() -> None:
    assert told(input_tokens=0, output_tokens=0) == Usage()


COUNTS = {"prompt_tokens": 100, "completion_tokens": 5}


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (
            {"usage": {**COUNTS, "prompt_tokens_details": {"cached_tokens": 60}}},
            Usage(40, 60, output_tokens=5),
        ),
        ({"usage": {**COUNTS, "prompt_cache_hit_tokens": 60}}, Usage(40, 60, output_tokens=5)),
        ({"usage": {**COUNTS, "cached_tokens": 60}}, Usage(40, 60, output_tokens=5)),
        *(
            ({"usage": {**COUNTS, name: 60}}, Usage(40, 60, output_tokens=5))
            for name in ("cache_read_input_tokens", "num_cached_tokens", "cached_content_token_count")
        ),
        (
            {"usage": {**COUNTS, "input_tokens_details": {"cached_tokens": 60}}},
            Usage(40, 60, output_tokens=5),
        ),
        ({"usage": {**COUNTS, "cache_creation_input_tokens": 60}}, Usage(40, 0, 60, output_tokens=5)),
        ({"usage": {**COUNTS, "cached_tokens": 999}}, Usage(0, 999, output_tokens=5)),
        ({"x_groq": {"usage": COUNTS}}, Usage(100, output_tokens=5)),
        ({"choices": [{"index": 0, "usage": COUNTS}]}, Usage(100, output_tokens=5)),
        ({"usage": COUNTS, "service_tier": "flex"}, Usage(100, output_tokens=5, modes=("batch",))),
        ({"usage": COUNTS, "service_tier": "priority"}, Usage(100, output_tokens=5, modes=("fast",))),
        ({"usage": COUNTS, "service_tier": "default"}, Usage(100, output_tokens=5)),
        ({"usage": None}, UNREAD),
        ({}, UNREAD),
        ({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}, UNREAD),
    ],
)
def test_chat_upstreams_tell_it_in_many_places(answer: Any, usage: Usage) -> None:
    assert openai_chat.read_totals(json.dumps({"model": "m", **answer}).encode()) == ("m", usage)
    totals = chat_totals.StreamTotals()
    chunk = {"model": "m", "choices": [], **answer}
    if answer.get("choices"):
        chunk["choices"] = [{**answer["choices"][0], "delta": {}, "finish_reason": "stop"}]
    totals.see(b"", b'{"model":"m","choices":[{"index":0,"delta":{"content":"x"}}]}')
    totals.see(b"", json.dumps(chunk).encode())
    assert totals.usage == usage


def test_searches_of_responses() -> None:
    counts = {"input_tokens": 10, "output_tokens": 2}
    output = [{"type": "web_search_call"}, {"type": "message"}, {"type": "web_search_call"}]
    response = {"model": "m", "usage": counts, "output": output, "service_tier": "flex"}
    usage = Usage(10, output_tokens=2, web_searches=2, modes=("batch",))
    assert openai_responses.read_totals(json.dumps(response).encode()) == ("m", usage)
    totals = openai_responses.StreamTotals()
    event = {"type": "response.completed", "response": response}
    totals.see(b"response.completed", json.dumps(event).encode())
    assert totals.usage == usage
