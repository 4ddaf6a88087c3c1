from __future__ import annotations

import json

import pytest

from providers.dialects.openai_responses import StreamTotals
from providers.dialects.responses_usage import guessed
from providers.dialects.types import UNREAD, Usage

OUTPUT = [
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a" * 40}], "encrypted_content": "z" * 900},
    {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "b" * 100, "annotations": []}]},
    {"type": "function_call", "id": "fc_1", "name": "f", "arguments": "c" * 20},
]  # fmt: skip


def test_texts_and_arguments_are_counted() -> None:
    assert guessed({"output": OUTPUT}) == Usage(output_tokens=40, is_estimated=True)


def test_nothing_was_said() -> None:
    assert guessed({"output": []}) is guessed({}) is guessed(None) is UNREAD


def event(name: str, **more: object) -> tuple[bytes, bytes]:
    return name.encode(), json.dumps(
        {"type": name, "sequence_number": 1, "item_id": "msg_1", **more}
    ).encode()


@pytest.mark.parametrize("size", [4, 25, 400, 4000])
def test_what_a_stream_that_was_cut_has_written(size: int) -> None:
    text, totals, seen = "word " * 400, StreamTotals(), 0
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    events = [
        event("response.created", response={"id": "r", "output": []}),
        event("response.output_item.added"),
    ]
    events += [event("response.output_text.delta", delta=piece) for piece in pieces]
    events += [
        event("response.output_text.done", text=text),
        event("response.content_part.done", part={"text": text}),
    ]
    for name, data in events:
        totals.see(name, data)
        seen += len(name) + len(data) + 16
    assert 450 <= totals.written(seen, 0) <= 600


@pytest.mark.parametrize("odd", [b"{", b"[]", b'{"delta": 5}', b'{"delta": ""}'])
def test_a_piece_that_tells_no_text_is_no_measure(odd: bytes) -> None:
    totals = StreamTotals()
    totals.see(b"response.output_text.delta", odd)
    assert totals.frame == totals.written(9000, 0) == 0
