from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from providers.dialects.types import FailureKind, Refused, Usage, WireAnswer
from tests.providers.translation.exchange import EVENTS, JSON, answered, cut, make, sent
from tests.wire import feeding, golden
from tests.wire.messages import named, streams, whole_message

SURFACE = "openai_chat"
BODY = {"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}], "stream": True}
ASKING = {**BODY, "stream_options": {"include_usage": True}}
CASES = feeding.cases("anthropic")


@pytest.mark.parametrize("case", CASES)
def test_transcript_however_it_is_cut(case: str) -> None:
    out = feeding.assert_same_however_cut(lambda: make(SURFACE, ASKING), CASES[case], cut)
    seen: dict[str, Any] = {"events": [data for _, data in feeding.parsed(out)]}
    message = whole_message(CASES[case])
    if message is not None:
        seen["whole"] = json.loads(answered(make(SURFACE, {**BODY, "stream": False}), message).body)
    golden.check("chat_over_messages", case, seen)


def accumulated(chunks: list[Any]) -> ChatCompletion:
    state = ChatCompletionStreamState()
    for chunk in chunks:
        if chunk != "[DONE]":
            state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    return state.current_completion_snapshot


def simple(completion: Any) -> dict[str, Any]:
    """Return what must be equal whether streamed or not; arguments are compared as values."""
    choice = completion.choices[0]
    calls = [
        (tool.id, tool.type, tool.function.name, json.loads(tool.function.arguments))
        for tool in choice.message.tool_calls or []
    ]
    return {
        "id": completion.id,
        "model": completion.model,
        "created": completion.created,
        "content": choice.message.content,
        "refusal": choice.message.refusal,
        "finish_reason": choice.finish_reason,
        "calls": calls,
        "usage": completion.usage.model_dump(),
    }


def is_valid(stream: list[dict[str, Any]]) -> bool:
    """Return whether ChatCompletionChunk knows the finish reason: it knows only OpenAI's."""
    return stream[-2]["data"]["delta"]["stop_reason"] != "brand_new"


@settings(deadline=None)
@given(streams().filter(is_valid), st.data())
def test_any_stream_accumulates_to_the_whole_answer(
    stream: list[dict[str, Any]], data: st.DataObject
) -> None:
    wire = feeding.sse_bytes(stream)
    at = data.draw(st.integers(0, len(wire)))
    made = make(SURFACE, ASKING)
    chunks = [data for _, data in feeding.parsed(feeding.fed(made, [wire[:at], wire[at:]]))]
    assert chunks[-1] == "[DONE]"
    whole = answered(other := make(SURFACE, {**BODY, "stream": False}), whole_message(stream))
    assert simple(accumulated(chunks)) == simple(ChatCompletion.model_validate_json(whole.body))
    assert made.usage == other.usage
    assert made.model == "claude-x"


def test_usage_is_told_only_to_a_client_that_asked() -> None:
    wire = feeding.sse_bytes(CASES["text"])
    silent = make(SURFACE, BODY)
    out = feeding.fed(silent, [wire])
    assert b"usage" not in out
    assert silent.usage == Usage(12, 5, 4, 3, 20)
    asked = feeding.parsed(feeding.fed(make(SURFACE, ASKING), [wire]))
    assert [data["usage"] is None for _, data in asked[:-2]] == [True] * (len(asked) - 2)
    assert asked[-2][1]["choices"] == []
    assert asked[-2][1]["usage"]["prompt_tokens"] == 24


def test_a_question_in_the_query_streams() -> None:
    body = {"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}], "stream": False}
    assert sent(SURFACE, body, query=b"a=b&stream=true")["stream"] is True
    assert "stream" not in sent(SURFACE, body, query=b"stream=false")


def test_an_upstream_that_does_not_stream_is_streamed() -> None:
    message = whole_message(CASES["tool"])
    made = make(SURFACE, ASKING)
    answer = answered(made, message)
    assert answer.headers == EVENTS
    completion = accumulated([data for _, data in feeding.parsed(answer.body)])
    whole = answered(make(SURFACE, {**BODY, "stream": False}), message)
    assert simple(completion) == simple(ChatCompletion.model_validate_json(whole.body))


def test_nothing_follows_the_end() -> None:
    made = make(SURFACE, BODY)
    out = made.feed(feeding.sse_bytes(CASES["error_later"]))
    assert made.failure is not None
    assert made.failure.kind is FailureKind.UPSTREAM
    assert b"[DONE]" not in out
    assert made.feed(feeding.sse_bytes(CASES["text"])) == b""
    assert made.fail(made.failure) == b""
    assert made.finish() == b""
    assert made.keepalive() == b""


def test_a_comment_keeps_the_stream_open() -> None:
    made = make(SURFACE, BODY)
    assert made.keepalive() == b": ping\n\n"


@pytest.mark.parametrize(
    ("status", "error", "told", "code"),
    [
        (
            400,
            {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"},
            400,
            "context_length_exceeded",
        ),
        (401, {"type": "authentication_error", "message": "m"}, 401, "invalid_api_key"),
        (429, {"type": "rate_limit_error", "message": "m"}, 429, "rate_limit_exceeded"),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, 503, "server_is_overloaded"),
        (500, {"type": "api_error", "message": "m"}, 500, "server_error"),
    ],
)
def test_errors_are_told_in_the_callers_words(
    status: int, error: dict[str, str], told: int, code: str
) -> None:
    headers = (
        *JSON,
        (b"retry-after", b"7"),
        (b"x-should-retry", b"true"),
        (b"anthropic-organization-id", b"o"),
    )
    answer = answered(make(SURFACE, BODY), {"type": "error", "error": error}, status, headers)
    body = json.loads(answer.body)["error"]
    assert (answer.status, body["message"], body["code"]) == (told, error["message"], code)
    assert answer.headers == (*JSON, (b"retry-after", b"7"), (b"x-should-retry", b"true"))


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"type":"error","error":{"type":"api_error"}}'])
def test_a_200_that_is_no_message_is_a_failure(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        answered(make(SURFACE, {**BODY, "stream": False}), body)
    assert refused.value.failure.kind is FailureKind.UPSTREAM


def test_a_redirect_is_not_passed_on() -> None:
    answer = make(SURFACE, BODY).response(WireAnswer(302, ((b"location", b"http://elsewhere"),), b""))
    assert answer.status == 502
    assert answer.headers == JSON


def test_a_long_tool_name_comes_back_whole() -> None:
    name = "mcp__a_server_with_a_long_name__" + "x" * 60
    tools = [{"type": "function", "function": {"name": name}}]
    made = make(SURFACE, {**BODY, "tools": tools})
    short = sent(SURFACE, {**BODY, "tools": tools})["tools"][0]["name"]
    assert len(short) <= 64
    block = {"type": "tool_use", "id": "t", "name": short, "input": {}}
    out = made.feed(
        feeding.sse_bytes(
            [{"event": None, "data": {"type": "content_block_start", "index": 0, "content_block": block}}]
        )
    )
    assert feeding.parsed(out)[-1][1]["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] == name


def test_a_custom_tool_gives_its_text() -> None:
    tools = [{"type": "custom", "custom": {"name": "patch", "description": "d"}}]
    made = make(SURFACE, {**BODY, "tools": tools})
    block = {"type": "tool_use", "id": "t", "name": "patch", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": '{"input":"*** Begin"}'}
    events = [
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
    ]
    out = made.feed(feeding.sse_bytes(named(events)))
    deltas = [data["choices"][0]["delta"] for _, data in feeding.parsed(out)[1:]]
    assert deltas == [
        {"tool_calls": [{"index": 0, "id": "t", "type": "custom", "custom": {"name": "patch", "input": ""}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "*** Begin"}}]},
    ]


def test_duplicate_tool_ids_are_made_unique() -> None:
    block = {"type": "tool_use", "id": "same", "name": "f", "input": {}}
    message = {"id": "m", "content": [block, block], "stop_reason": "tool_use"}
    body = json.loads(answered(make(SURFACE, {**BODY, "stream": False}), message).body)
    assert [tool["id"] for tool in body["choices"][0]["message"]["tool_calls"]] == ["same", "same_2"]


@pytest.mark.parametrize("size", [4, 400])
def test_what_a_cut_stream_has_written_is_known(size: int) -> None:
    made = make(SURFACE, BODY)
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    text = "word " * 400
    deltas = [{"type": "text_delta", "text": text[at : at + size]} for at in range(0, len(text), size)]
    events = [block, *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas)]
    wire = feeding.sse_bytes([{"event": event["type"], "data": event} for event in events])
    assert made.feed(wire)
    assert 495 <= made.written(len(wire)) <= 510
