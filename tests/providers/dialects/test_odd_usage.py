"""Answers whose `usage` is not what the vendor documents: they are answers all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.anthropic_messages import (
    MessageDelta,
    MessageStart,
    merge_usage,
    read_event,
    read_message,
    read_totals,
)
from providers.dialects.types import UNREAD, Refused

TEXT = [{"type": "text", "text": "Hello \ud83d"}]
USAGES: list[tuple[Any, tuple[int, int]]] = [
    ("none", (0, 0)),
    ([], (0, 0)),
    (5, (0, 0)),
    (None, (0, 0)),
    ({"input_tokens": "x", "output_tokens": 3}, (0, 3)),
    ({"input_tokens": -1, "output_tokens": 3.0}, (0, 3)),
    ({"input_tokens": 1e30, "output_tokens": 2.5}, (0, 0)),
    ({"input_tokens": True, "output_tokens": {}}, (0, 0)),
    ({"input_tokens": 3, "cache_creation": "x", "output_tokens_details": 4}, (3, 0)),
    ({"input_tokens": 3, "output_tokens": 4, "cache_creation": {"ephemeral_5m_input_tokens": "x"}}, (3, 4)),
]


def counts(usage: Any) -> tuple[int, int]:
    merged = merge_usage(UNREAD, usage)
    return merged.input_tokens, merged.output_tokens


@pytest.mark.parametrize(("usage", "expected"), USAGES, ids=[str(usage) for usage, _ in USAGES])
def test_an_answer_counts_what_can_be_counted(usage: Any, expected: tuple[int, int]) -> None:
    message = {"id": "msg_1", "type": "message", "content": TEXT, "stop_reason": "end_turn", "usage": usage}
    body = json.dumps(message).encode()
    read = read_message(body)
    assert read.content is not None and read.content[0].text == "Hello \ufffd"
    assert counts(read.usage) == expected
    total = read_totals(body)[1]
    assert (total.input_tokens, total.output_tokens) == expected
    start = read_event(json.dumps({"type": "message_start", "message": message}).encode())
    assert isinstance(start, MessageStart) and counts(start.message.usage) == expected
    delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
    seen = read_event(json.dumps(delta).encode())
    assert isinstance(seen, MessageDelta) and counts(seen.usage) == expected


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"content": 5, "usage": 5}', b'"x"', b'{"content": 5}'])
def test_what_is_no_message_stays_none(body: bytes) -> None:
    with pytest.raises(Refused):
        read_message(body)
