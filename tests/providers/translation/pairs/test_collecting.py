# ruff: noqa: E501 - an event is a line

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.translation.pairs.collecting import collected, looks_like_events


def told(dialect: str, *events: Any) -> Any:
    data = b"".join(
        b"data: " + (each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n\n"
        for each in events
    )
    whole = collected(dialect, data)
    return None if whole is None else json.loads(whole)


@pytest.mark.parametrize(
    ("start", "is_stream"),
    [
        (b"data: {", True), (b"\xef\xbb\xbfevent: x", True), (b"\n\n: ping", True), (b"id: 1", True), (b"retry: 5", True),
        (b'{"data": 1}', False), (b"<html>", False), (b"", False), (b"database", False),
    ],
)  # fmt: skip
def test_what_looks_like_events(start: bytes, is_stream: bool) -> None:
    assert looks_like_events(start) is is_stream


def test_chat_keeps_every_member() -> None:
    first = {
        "id": "c",
        "created": 1,
        "object": "chat.completion.chunk",
        "model": "m",
        "system_fingerprint": "s",
    }
    choice = {"index": 1, "delta": {"role": "assistant", "content": "a", "reasoning_content": "r", "x": [1]}}
    other = {
        "index": 1,
        "delta": {"content": "b", "reasoning_content": "s", "x": [2]},
        "finish_reason": "stop",
    }
    whole = told(
        "openai_chat",
        {**first, "choices": [choice]},
        {"choices": [other]},
        {"choices": [], "usage": {"a": 1}},
        b"[DONE]",
    )
    message = {"role": "assistant", "content": "ab", "reasoning_content": "rs", "x": [1, 2]}
    assert whole == {
        **first, "object": "chat.completion", "usage": {"a": 1},
        "choices": [{"index": 1, "message": message, "finish_reason": "stop"}],
    }  # fmt: skip


def test_chat_calls_under_one_index_with_other_ids() -> None:
    def piece(name: str) -> Any:
        call = {"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}}
        return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}

    calls = told("openai_chat", piece("a"), piece("b"))["choices"][0]["message"]["tool_calls"]
    assert [call["id"] for call in calls] == ["a", "b"]


def test_messages_are_filled() -> None:
    start = {"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 3}}}
    blocks = [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "S"}},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"a"'},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": ":1}"},
        },
        {"type": "content_block_delta", "index": 9, "delta": {"text": "nowhere"}},
    ]
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}
    assert told("anthropic", start, *blocks, end, {"type": "message_stop"}) == {
        "id": "m",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "S"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 5},
    }


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses", "anthropic"])
def test_an_error_is_the_answer_and_nothing_is_none(dialect: str) -> None:
    assert told(dialect, {"error": {"message": "no"}}) == {"error": {"message": "no"}}
    assert told(dialect, b"odd", {"type": "ping"}) is None and collected(dialect, b"") is None
