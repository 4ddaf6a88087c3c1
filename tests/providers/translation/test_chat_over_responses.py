from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.providers.translation import accumulators
from tests.providers.translation.exchanges import (
    answered,
    sent,
    streamed,
    transcripts,
    written,
)
from tests.providers.translation.upstreams import Answer, response_body, response_streams

PAIR = "chat_over_responses"
TRANSCRIPTS = transcripts(PAIR)

CALL: dict[str, Any] = {
    "model": "my-model",
    "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [{"role": "user", "content": "Hello"}],
}


def said(completion: dict[str, Any]) -> dict[str, Any]:
    """A completion without what streams write otherwise: nulls, empty texts, the kind of object."""
    (choice,) = completion["choices"]
    message = {name: value for name, value in choice["message"].items() if value and name != "parsed"}
    calls = [
        {"id": call["id"], "name": call["function"]["name"], "arguments": call["function"]["arguments"]}
        for call in message.pop("tool_calls", [])
    ]
    head = {name: completion[name] for name in ("id", "created", "model", "usage")}
    return {**head, "message": message, "calls": calls, "finish_reason": choice["finish_reason"]}


@pytest.mark.parametrize("case", [case for _, case in TRANSCRIPTS], ids=[name for name, _ in TRANSCRIPTS])
def test_transcript(case: dict[str, Any]) -> None:
    assert sent(PAIR, case["call"]) == case["request"]
    assert written(PAIR, case) == case["written"]


@settings(deadline=None, max_examples=40)
@given(response_streams())
def test_any_stream_accumulates_to_the_whole_answer(drawn: tuple[Answer, list[dict[str, Any]]]) -> None:
    answer, events = drawn
    out, seen = streamed(PAIR, CALL, events)
    assert said(accumulators.completion(out)) == said(answered(PAIR, CALL, response_body(answer)))
    assert seen.usage.input_tokens == 20 - answer.cached and seen.usage.cache_read_tokens == answer.cached
