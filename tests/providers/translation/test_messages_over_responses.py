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

PAIR = "messages_over_responses"
TRANSCRIPTS = transcripts(PAIR)

CALL: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "stream": True,
    "thinking": {"type": "adaptive"},
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.mark.parametrize("case", [case for _, case in TRANSCRIPTS], ids=[name for name, _ in TRANSCRIPTS])
def test_transcript(case: dict[str, Any]) -> None:
    assert sent(PAIR, case["call"]) == case["request"]
    assert written(PAIR, case) == case["written"]


@settings(deadline=None, max_examples=40)
@given(response_streams())
def test_any_stream_accumulates_to_the_whole_answer(drawn: tuple[Answer, list[dict[str, Any]]]) -> None:
    answer, events = drawn
    out, seen = streamed(PAIR, CALL, events)
    assert accumulators.message(out) == answered(PAIR, CALL, response_body(answer))
    assert seen.usage.input_tokens == 20 - answer.cached and seen.usage.cache_read_tokens == answer.cached
