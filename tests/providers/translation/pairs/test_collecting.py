# ruff: noqa: E501 - an event is a line

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import Refused
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

    calls = told("openai_chat", piece("a"), piece("b"), b"[DONE]")["choices"][0]["message"]["tool_calls"]
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
@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"error": {"message": "no"}}, "no"),
        (b"out of memory", "out of memory"),
        (b'{"error": {"message": "no', "no"),
        ({"type": "ping"}, "Upstream closed the stream before its end"),
    ],
)
def test_what_is_no_whole_answer_is_an_error(dialect: str, event: Any, words: str) -> None:
    with pytest.raises(Refused) as refused:
        told(dialect, event)
    assert refused.value.failure.message == words
    assert collected(dialect, b"") is None


def test_errors_that_are_no_events_and_answers_that_broke_off() -> None:
    chunk = json.dumps({"choices": [{"index": 0, "delta": {"content": "a"}}]}).encode()
    end = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'
    for rest, words in (
        (b'{"detail": "it broke"}\n', "it broke"),
        (b"event: error\ndata: it broke\n\n", "it broke"),
        (b"", "Upstream closed the stream before its end"),
    ):
        with pytest.raises(Refused) as refused:
            collected("openai_chat", b"data: " + chunk + b"\n\n" + rest)
        assert refused.value.failure.message == words
    assert collected("openai_chat", b"data: " + chunk + b"\n\ndata: {broken\n\n" + end) is not None
    call = b'data: {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0}]}}]}\n\n'
    with pytest.raises(Refused):
        collected("openai_chat", call + b"data: {broken\n\n" + end)


@pytest.mark.parametrize("ids", [("", ""), (None, None), ("a", "a")])
def test_calls_that_come_under_one_index_stay_apart(ids: tuple[Any, Any]) -> None:
    def piece(call_id: str | None, name: str | None, arguments: str) -> Any:
        call = {"index": 0, "id": call_id, "function": {"name": name, "arguments": arguments}}
        return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}

    pieces = (
        piece(ids[0], "f", '{"a"'),
        piece(None, None, ":1}"),
        piece(ids[1], "g", '{"b":2}'),
        piece(None, None, '{"c":3}'),
    )
    calls = told("openai_chat", *pieces, b"[DONE]")["choices"][0]["message"]["tool_calls"]
    assert [(call["function"]["name"], call["function"]["arguments"]) for call in calls] == [
        ("f", '{"a":1}'),
        ("g", '{"b":2}'),
        (None, '{"c":3}'),
    ]


def test_one_choice_need_not_be_in_a_list() -> None:
    choice = {"index": "0", "delta": {"content": "hey"}, "finish_reason": "stop"}
    assert told("openai_chat", {"choices": choice})["choices"][0]["message"]["content"] == "hey"
