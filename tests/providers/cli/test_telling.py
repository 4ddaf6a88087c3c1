"""From the program's lines to one stream: several messages, whole ones, failures of each sort."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from providers.cli.failing import (
    BROKE_DOWN,
    BY_STATUS,
    DIED,
    LOGGED_OUT,
    NO_JSON,
    TOO_LONG,
    TWICE,
    CliFailed,
    Failed,
    failure_of,
)
from providers.cli.telling import Telling
from providers.translation.pairs.collecting import collected
from tests.fakes import vendor as v

RESULT = {"type": "result", "subtype": "success", "is_error": False, "result": "hi"}


def line(**fields: Any) -> bytes:
    return orjson.dumps(fields)


def events(*blocks: dict[str, Any]) -> list[bytes]:
    """Return the lines of one message."""
    told = [orjson.loads(each.split(b"data: ")[1]) for each in v.events("claude-x", *blocks)]
    return [line(type="stream_event", event=each, parent_tool_use_id=None) for each in told]


def told(*lines: bytes) -> dict[str, Any]:
    telling = Telling("claude-x")
    data = b"".join(telling.feed(each) for each in lines)
    telling.finish()
    whole = collected("anthropic", data)
    assert whole is not None and data.count(b"event: message_start\n") == 1
    assert data.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    return dict(orjson.loads(whole))


def test_a_message_passes_as_it_comes() -> None:
    message = told(
        line(type="system"), *events(v.thinking("hm"), v.text("hello")), orjson.dumps(RESULT), b"x"
    )
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]
    assert message["content"][1]["text"] == "hello"
    assert message["usage"]["output_tokens"] == v.OUTPUT_TOKENS


def test_tools_of_its_own_are_left_out_and_messages_become_one() -> None:
    usage = {"input_tokens": 5, "output_tokens": 99, "service_tier": "x"}
    first = events(v.text("let me"), v.tool_use("Bash", {"command": "ls"}))
    below = line(type="stream_event", event={"type": "ping"}, parent_tool_use_id="toolu_1")
    lines = [
        *first,
        line(type="user"),
        below,
        *events(v.text("done")),
        orjson.dumps({**RESULT, "usage": usage}),
    ]
    message = told(*lines)
    assert [block["text"] for block in message["content"]] == ["let me", "done"]
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("end_turn", 99)


@pytest.mark.parametrize(
    "lines",
    [
        [RESULT],
        [
            {"type": "assistant", "message": {"content": [{"type": "text", "text": "hi"}]}},
            {**RESULT, "result": ""},
        ],
    ],
)
def test_an_answer_that_came_whole_is_told_as_a_stream(lines: list[dict[str, Any]]) -> None:
    message = told(*map(orjson.dumps, lines))
    assert message["content"] == [{"type": "text", "text": "hi"}]
    assert message["model"] == "claude-x"


def failed(*lines: bytes) -> Failed:
    telling = Telling("claude-x")
    with pytest.raises(CliFailed) as caught:
        for each in lines:
            assert b"message_stop" not in telling.feed(each)
        telling.finish()
    return caught.value.failed


def test_what_is_no_answer() -> None:
    whole = events(v.text("a"))
    error = {**RESULT, "is_error": True, "result": "API Error: x"}
    assert failed() == failed(*whole) == failed(*whole[:3], orjson.dumps(RESULT)) == DIED
    assert failed(b"no json") == failed(b"[]") == NO_JSON
    assert failed(*whole[:4], *whole) == TWICE
    assert failed(*whole, orjson.dumps(error)) == BROKE_DOWN
    assert failed(orjson.dumps({**error, "api_error_status": 429})) == BY_STATUS[429]
    assert failed(orjson.dumps({**RESULT, "subtype": "error_max_turns"})) == BROKE_DOWN
    out = line(type="assistant", error="authentication_failed", message={"content": []})
    assert failed(out, orjson.dumps({**error, "result": "Not logged in"})) == LOGGED_OUT


def test_a_message_that_begins_anew_before_a_word_is_one() -> None:
    whole = events(v.text("a"))
    assert told(whole[0], *whole, orjson.dumps(RESULT))["content"] == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize(
    ("status", "word", "text", "expected"),
    [
        (401, None, "", 503), (403, None, "", 503), (400, None, "x", 400), (529, None, "", 529),
        (500, None, "please run /login", 502), (None, "rate_limit", "", 429), (None, None, "Invalid API key", 503),
        (None, None, "boom", 502),
    ],
)  # fmt: skip
def test_statuses(status: object, word: object, text: str, expected: int) -> None:
    found = failure_of(status, word, text)
    assert found.status == expected
    assert not text or text not in found.message
    assert b'"message"' in found.body() and found.event().startswith(b"event: error\n")


def test_a_prompt_that_is_too_long_is_told_as_that() -> None:
    assert failure_of(400, None, "API Error: prompt is too long: 9 > 8") == TOO_LONG
    assert "log in" in LOGGED_OUT.message
