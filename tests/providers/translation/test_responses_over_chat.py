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
from tests.providers.translation.upstreams import Answer, chat_body, chat_streams

PAIR = "responses_over_chat"
TRANSCRIPTS = transcripts(PAIR)

CALL: dict[str, Any] = {"model": "codex-model", "stream": True, "input": "Hello"}


@pytest.mark.parametrize("case", [case for _, case in TRANSCRIPTS], ids=[name for name, _ in TRANSCRIPTS])
def test_transcript(case: dict[str, Any]) -> None:
    assert sent(PAIR, case["call"]) == case["request"]
    assert written(PAIR, case) == case["written"]


@settings(deadline=None, max_examples=40)
@given(chat_streams())
def test_any_stream_accumulates_to_the_whole_answer(drawn: tuple[Answer, list[dict[str, Any]]]) -> None:
    answer, events = drawn
    out, seen = streamed(PAIR, CALL, events)
    assert accumulators.response(out) == answered(PAIR, CALL, chat_body(answer))
    assert seen.usage.input_tokens == 20 - answer.cached and seen.usage.cache_read_tokens == answer.cached
