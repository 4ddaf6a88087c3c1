"""Calls read back out of whole answers and streams: the same ones, whatever the split."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from providers.translation.pairs.collecting import collected
from providers.xml.answers import XmlEvents, whole

NAMES = frozenset(("get",))
ONE = '<tool_call>{"name": "get", "arguments": {"x": 1}}</tool_call>'
TWO = '<tool_call>{"name": "get", "arguments": {"x": 2}}</tool_call>'
TEXT = f"Let me see. {ONE}\n{TWO}"


def ids() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}{next(numbers)}"


def answer(content: object, reason: str = "stop") -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": reason}
    return orjson.dumps({"id": "c", "model": "m", "choices": [choice], "usage": {"total_tokens": 3}})


def stream(text: str, size: int, reason: str | None = "stop") -> bytes:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[at : at + size]} for at in range(0, len(text), size)]
    chunks = [{"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if reason is not None:
        chunks.append(
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
        )
    chunks.append({"id": "c", "model": "m", "choices": [], "usage": {"total_tokens": 3}})
    return b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def check(document: dict[str, Any]) -> None:
    choice = document["choices"][0]
    message = choice["message"]
    assert message["content"].strip() == "Let me see."
    assert [call["id"] for call in message["tool_calls"]] == ["call_1", "call_2"]
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ['{"x":1}', '{"x":2}']
    assert choice["finish_reason"] == "tool_calls"
    assert document["usage"] == {"total_tokens": 3}


def test_a_whole_answer() -> None:
    check(orjson.loads(whole(answer(TEXT), NAMES, ids())))
    alone = orjson.loads(whole(answer(ONE, "length"), NAMES, ids()))["choices"][0]
    assert (alone["message"]["content"], alone["finish_reason"]) == (None, "length")


@pytest.mark.parametrize("data", [answer("plain <tool_call>"), answer(None), b"no json", b'{"choices": [5]}'])
def test_a_whole_answer_without_calls_keeps_every_byte(data: bytes) -> None:
    assert whole(data, NAMES, ids()) is data


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("cut", [1, 13, 100000])
def test_a_stream_split_anywhere(size: int, cut: int) -> None:
    data, events = stream(TEXT, size), XmlEvents(NAMES, ids())
    out = b"".join(events.feed(data[at : at + cut]) for at in range(0, len(data), cut)) + events.flush()
    assert out.endswith(b"data: [DONE]\n\n") and b"tool_call>" not in out
    made = collected("openai_chat", out)
    assert made is not None
    check(orjson.loads(made))


@pytest.mark.parametrize("text", ["hello", "a <b> c"])
def test_a_stream_without_calls_keeps_every_byte(text: str) -> None:
    data, events = stream(text, 3), XmlEvents(NAMES, ids())
    if "<" not in text:
        assert events.feed(data) + events.flush() == data
        return
    made = collected("openai_chat", events.feed(data) + events.flush())
    assert made is not None and orjson.loads(made)["choices"][0]["message"]["content"] == text


def test_what_is_held_at_the_end_is_told() -> None:
    events = XmlEvents(NAMES, ids())
    out = events.feed(stream("a <tool_call>{", 100, reason=None)) + events.flush()
    assert out.index(b"<tool_call>{") < out.index(b"[DONE]")
    assert not events.is_holding
