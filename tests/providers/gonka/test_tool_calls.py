"""Tool calls that share an id, or have none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.gonka.tool_calls import Mending


def call(id: Any, index: int | None = None, **more: Any) -> dict[str, Any]:
    function = {"name": "f", "arguments": "{}"}
    return {
        "id": id,
        "type": "function",
        "function": function,
        **({} if index is None else {"index": index}),
        **more,
    }


def chunk(*calls: dict[str, Any], choice: int = 0) -> bytes:
    choices = [{"index": choice, "delta": {"tool_calls": list(calls)}}]
    return json.dumps({"id": "chatcmpl-9", "choices": choices}).encode()


def ids(data: bytes, part: str = "delta") -> list[Any]:
    choices = json.loads(data)["choices"]
    return [one.get("id") for choice in choices for one in choice[part]["tool_calls"]]


def whole(*calls: dict[str, Any]) -> bytes:
    message = {"role": "assistant", "content": None, "tool_calls": list(calls)}
    return json.dumps({"id": "chatcmpl-9", "choices": [{"index": 0, "message": message}]}).encode()


def test_later_calls_of_the_same_id_get_a_suffix() -> None:
    assert ids(Mending().mended(whole(call("a"), call("a"), call("b"), call("a"))), "message") == [
        "a",
        "a_2",
        "b",
        "a_3",
    ]
    assert ids(Mending().mended(whole(call("a_2"), call("a"), call("a"))), "message") == ["a_2", "a", "a_3"]


def test_an_empty_id_is_made_up_and_is_another_one_for_each_call() -> None:
    made = ids(Mending().mended(whole(call(""), call(None), call("a"))), "message")
    assert made[2] == "a" and len(set(made)) == 3 and all(one.startswith("call_") for one in made[:2])
    assert ids(Mending().mended(whole(call(""), call(None), call("a"))), "message") == made


def test_in_a_stream_a_call_keeps_the_id_that_it_got() -> None:
    mending = Mending()
    assert ids(mending.mended(chunk(call("a", 0)))) == ["a"]
    assert ids(mending.mended(chunk(call("a", 1)))) == ["a_2"]
    assert ids(mending.mended(chunk(call("a", 1)))) == ["a_2"]
    assert ids(mending.mended(chunk(call("", 1)))) == ["a_2"]
    assert ids(mending.mended(chunk(call("a", 0)))) == ["a"]
    assert ids(mending.mended(chunk(call("a", 0), choice=1))) == ["a_3"]
    later = chunk({"index": 1, "function": {"arguments": "x"}})
    assert mending.mended(later) is later


def test_a_made_up_id_stays_for_fragments_with_an_empty_one() -> None:
    mending = Mending()
    [first] = ids(mending.mended(chunk(call("", 0))))
    assert first.startswith("call_")
    assert ids(mending.mended(chunk(call("", 0)))) == [first]


def test_calls_without_an_index_are_told_apart_by_their_places() -> None:
    assert ids(Mending().mended(chunk(call("a"), call("a")))) == ["a", "a_2"]


def test_content_in_parts_becomes_one_text() -> None:
    mending = Mending()
    for part in ("delta", "message"):
        content = [{"type": "text", "text": "he"}, {"type": "text", "text": "y"}]
        data = json.dumps({"choices": [{"index": 0, part: {"content": content}}]}).encode()
        assert json.loads(mending.mended(data))["choices"][0][part]["content"] == "hey"


@pytest.mark.parametrize(
    "data",
    [
        whole(call("a"), call("b")),
        chunk(call("a", 0)),
        b'{"choices":[{"delta":{"content":"\\"tool_calls\\""}}]}',
        b'{"choices":[{"delta":{"content": [{"type":"image"}]}}]}',
        b'{"choices":[5,{"delta":5},{"delta":{"tool_calls":5}},{"delta":{"tool_calls":[5,{"id":5}]}}]}',
        b'{"choices":"tool_calls","tool_calls":1}',
        b'["tool_calls"]',
        b'{"tool_calls"',
        b"[DONE]",
    ],
)
def test_what_needs_no_mending_keeps_every_byte(data: bytes) -> None:
    assert Mending().mended(data) is data
