from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings

from providers.dialects.types import Failure, FailureKind, Refused, Target, Truncated, WireAnswer
from tests.providers.translation import accumulators
from tests.providers.translation.openai_exchanges import (
    answered,
    sent,
    streamed,
    transcripts,
    translator,
    written,
)
from tests.providers.translation.upstreams import Answer, Tool, chat_body, chat_streams
from tests.wire.feeding import parsed, sse_bytes

PAIR = "messages_over_chat"
TRANSCRIPTS = transcripts(PAIR)

CALL: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "stream": True,
    "thinking": {"type": "adaptive"},
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.mark.parametrize("case", [case for _, case in TRANSCRIPTS], ids=[name for name, _ in TRANSCRIPTS])
def test_transcript(case: dict[str, Any]) -> None:
    assert sent(PAIR, case["call"]) == case["request"]
    assert written(PAIR, case) == case["written"]


@settings(deadline=None, max_examples=40)
@given(chat_streams())
def test_any_stream_accumulates_to_the_whole_answer(drawn: tuple[Answer, list[dict[str, Any]]]) -> None:
    answer, events = drawn
    out, seen = streamed(PAIR, CALL, events)
    assert accumulators.message(out) == answered(PAIR, CALL, chat_body(answer))
    assert seen.usage.input_tokens == 20 - answer.cached and seen.usage.cache_read_tokens == answer.cached


# --- the field rule -----------------------------------------------------------------------------------

HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "claude-sonnet-5", "max_tokens": 100, "messages": HELLO, **fields}


def test_a_tool_round_with_reasoning_comes_back_as_it_was() -> None:
    """Send up what the first answer said: ids, arguments, and the reasoning under the upstream's own name."""
    call = body(thinking={"type": "adaptive"}, tools=[WEATHER])
    first = Answer(reasoning="Hm.", text="Looking.", tools=[Tool("functions.f:0", "get_weather", '{"a": 1}')])
    content = answered(PAIR, call, chat_body(first))["content"]
    assert [block["type"] for block in content] == ["thinking", "text", "tool_use"]
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", content[2]["id"])
    result = {"type": "tool_result", "tool_use_id": content[2]["id"], "content": "Sunny", "is_error": False}
    history = [*HELLO, {"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
    request = sent(PAIR, body(messages=history, tools=[WEATHER]))
    assert request["messages"][1:] == [
        {
            "role": "assistant",
            "content": "Looking.",
            "reasoning_content": "Hm.",
            "tool_calls": [
                {
                    "id": "functions.f:0",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"a":1}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "functions.f:0", "content": "Sunny"},
    ]


def test_reasoning_of_another_model_or_turn_or_hand_is_left_out() -> None:
    call = body(thinking={"type": "adaptive"})
    (thinking, text) = answered(PAIR, call, chat_body(Answer(reasoning="Hm.", text="Yes.")))["content"]
    foreign = {**thinking, "thinking": "Changed."}
    for blocks, target in (
        ([foreign, text], Target("gpt-5.1")),
        ([thinking, text], Target("another-model")),
        ([{**thinking, "signature": "EqQB"}, text], Target("gpt-5.1")),
        ([{"type": "redacted_thinking", "data": "EqQB"}, text], Target("gpt-5.1")),
    ):
        loop = [
            *HELLO,
            {"role": "assistant", "content": blocks},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "x"},
                    {"type": "text", "text": "go"},
                ],
            },
        ]
        assert sent(PAIR, body(messages=loop), target)["messages"][1] == {
            "role": "assistant",
            "content": "Yes.",
        }
    older = [*HELLO, {"role": "assistant", "content": [thinking, text]}, *HELLO]
    assert sent(PAIR, body(messages=older))["messages"][1] == {"role": "assistant", "content": "Yes."}


@pytest.mark.parametrize("display", ["omitted", "summarized"])
def test_reasoning_goes_back_whether_the_caller_saw_it_or_not(display: str) -> None:
    call = body(thinking={"type": "adaptive", "display": display}, messages=HELLO)
    answer = chat_body(Answer(reasoning="Hm. 😀", tools=[Tool("call_1", "f", "{}")]))
    blocks = answered(PAIR, call, answer)["content"]
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "x"}
    loop = [*HELLO, {"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
    turn = sent(PAIR, body(messages=loop, thinking=call["thinking"]))["messages"][1]
    assert turn["reasoning_content"] == "Hm. 😀"


def test_call_ids_of_the_history_are_not_used_again() -> None:
    used = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "x"}
    call = body(
        messages=[*HELLO, {"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]
    )
    answer = chat_body(Answer(tools=[Tool("call_1", "f", "{}"), Tool("", "f", "{}")]))
    assert [block["id"] for block in answered(PAIR, call, answer)["content"]] == ["call_1_2", "call_1_3"]


# --- answers ------------------------------------------------------------------------------------------


def test_thinking_is_for_callers_that_asked() -> None:
    answer = chat_body(Answer(reasoning="Hm.", text="Yes."))
    assert [block["type"] for block in answered(PAIR, body(), answer)["content"]] == ["text"]
    omitted = body(thinking={"type": "adaptive", "display": "omitted"})
    thinking = answered(PAIR, omitted, answer)["content"][0]
    assert thinking["thinking"] == "" and thinking["signature"]


def test_an_error_keeps_status_and_delay() -> None:
    upstream = WireAnswer(
        429,
        (
            (b"content-type", b"application/json"),
            (b"retry-after", b"7"),
            (b"x-ratelimit-limit-requests", b"1"),
        ),
        b'{"error": {"message": "Slow down", "type": "tokens", "param": null, "code": "rate_limit_exceeded"}}',
    )
    answer = translator(PAIR, body()).response(upstream)
    assert answer.status == 429
    assert answer.headers == ((b"content-type", b"application/json"), (b"retry-after", b"7"))
    assert json.loads(answer.body)["error"] == {"type": "rate_limit_error", "message": "Slow down"}


def test_a_full_context_is_told_in_the_words_that_claude_code_recovers_from() -> None:
    told = b'{"error": {"message": "Your input exceeds the limit.", "code": "context_length_exceeded"}}'
    answer = translator(PAIR, body()).response(WireAnswer(400, (), told))
    assert json.loads(answer.body)["error"]["message"] == "prompt is too long: Your input exceeds the limit."


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": "x"}}]}',
        b'{"error": "no"}',
    ],
)
def test_a_200_that_is_no_answer_raises(raw: bytes) -> None:
    made = translator(PAIR, body())
    with pytest.raises(Refused) as refused:
        made.response(WireAnswer(200, ((b"content-type", b"application/json"),), raw))
    assert refused.value.failure is made.failure and refused.value.failure.kind is FailureKind.UPSTREAM


def test_an_upstream_that_does_not_stream_is_streamed_for() -> None:
    answer = chat_body(Answer(text="Yes.", tools=[Tool("call_1", "f", "{}")]))
    head = ((b"content-type", b"application/json"),)
    got = translator(PAIR, body(stream=True)).response(WireAnswer(200, head, json.dumps(answer).encode()))
    assert (b"content-type", b"text/event-stream; charset=utf-8") in got.headers
    events = [[name, data] for name, data in parsed(got.body)]
    assert accumulators.message(events) == answered(PAIR, body(), answer)


def test_the_stop_sequence_that_was_met_is_told() -> None:
    answer = chat_body(Answer(text="Yes."))
    answer["choices"][0]["stop_reason"] = "END"
    told = answered(PAIR, body(stop_sequences=["END"]), answer)
    assert (told["stop_reason"], told["stop_sequence"]) == ("stop_sequence", "END")
    assert answered(PAIR, body(), answer)["stop_reason"] == "end_turn"


def test_a_stream_without_usage_is_estimated() -> None:
    _, made = streamed(PAIR, body(stream=True), dict(TRANSCRIPTS)["no_done"]["upstream"])
    assert made.usage.is_estimated and made.usage.input_tokens > 0 and made.usage.output_tokens == 2


def test_a_whole_answer_without_usage_is_estimated_as_a_stream_is() -> None:
    _, streaming = streamed(PAIR, body(stream=True), dict(TRANSCRIPTS)["no_done"]["upstream"])
    answer = chat_body(Answer(text="Yes."))
    del answer["usage"]
    told = answered(PAIR, body(), answer)
    assert told["usage"]["input_tokens"] == streaming.usage.input_tokens > 1


def test_truncation_is_told_once() -> None:
    made = translator(PAIR, body(stream=True))
    made.feed(sse_bytes(dict(TRANSCRIPTS)["eof_without_end"]["upstream"]))
    assert made.keepalive().startswith(b"event: ping\n")
    with pytest.raises(Truncated):
        made.finish()
    assert made.fail(Failure(FailureKind.UPSTREAM, "cut")).startswith(b"event: error\n")
    assert (
        made.fail(Failure(FailureKind.UPSTREAM, "cut"))
        == b""
        == made.keepalive()
        == made.feed(b"data: {}\n\n")
    )


def test_tool_calls_as_odd_servers_send_them() -> None:
    """Read calls without index and id, with the name in every fragment, with arguments as an object.

    Two calls under one index are two calls.
    """

    def chunk(*calls: dict[str, Any]) -> dict[str, Any]:
        delta = {"role": "assistant", "tool_calls": list(calls)}
        return {"event": None, "data": {"id": "x", "choices": [{"index": 0, "delta": delta}]}}

    end = {"event": None, "data": {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}}
    events = [
        chunk({"id": "a", "function": {"name": "f", "arguments": ""}}),
        chunk({"id": "a", "function": {"name": "f", "arguments": '{"x"'}}),
        chunk({"function": {"arguments": ":1}"}}),
        chunk({"index": 5, "id": "b", "function": {"name": "g", "arguments": {"y": 2}}}),
        chunk({"index": 5, "id": "c", "function": {"name": "g", "arguments": "{}"}}),
        end,
    ]
    out, _ = streamed(PAIR, body(stream=True), events)
    told = accumulators.message(out)
    assert [(b["id"], b["name"], b["input"]) for b in told["content"]] == [
        ("a", "f", {"x": 1}),
        ("b", "g", {"y": 2}),
        ("c", "g", {}),
    ]
    assert told["stop_reason"] == "tool_use"


def test_a_compressed_stream_is_read_all_the_same() -> None:
    case = dict(TRANSCRIPTS)["text"]
    made = translator(PAIR, case["call"])
    made.response(WireAnswer(200, ((b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip"))))
    out = made.feed(gzip.compress(sse_bytes(case["upstream"]))) + made.finish()
    assert [[name, data] for name, data in parsed(out)] == case["written"]
