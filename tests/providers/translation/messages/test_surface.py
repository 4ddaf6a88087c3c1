from __future__ import annotations

import json

from providers.dialects import anthropic
from providers.dialects.types import Failure, FailureKind, WireAnswer
from tests.providers.translation.openai_exchanges import translator

BODY = {
    "model": "claude-sonnet-5",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Hello " * 400}],
}


def test_both_pairs_start_with_an_estimate_and_ping_in_the_surface_s_way() -> None:
    for pair, first in (
        ("messages_over_chat", {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}),
        ("messages_over_responses", {"type": "response.created", "response": {}}),
    ):
        made = translator(pair, {**BODY, "stream": True})
        assert made.keepalive() == anthropic.PING
        out = made.feed(b"data: " + json.dumps(first).encode() + b"\n\n")
        usage = json.loads(out.split(b"data: ")[1])["message"]["usage"]
        assert 350 < usage["input_tokens"] < 500 and usage["cache_creation"]["ephemeral_1h_input_tokens"] == 0


def test_errors_are_anthropic_s_whole_and_mid_stream() -> None:
    made = translator("messages_over_chat", BODY)
    answer = made.response(WireAnswer(404, (), b'{"error": {"message": "no", "code": "model_not_found"}}'))
    assert json.loads(answer.body) == {"type": "error", "error": {"type": "not_found_error", "message": "no"}}
    assert made.fail(Failure(FailureKind.TIMEOUT, "late")).startswith(b"event: error\n")
