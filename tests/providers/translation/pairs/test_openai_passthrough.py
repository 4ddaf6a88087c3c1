from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from providers.dialects.types import UNREAD, Failure, FailureKind, Target, Truncated, Usage, WireAnswer
from providers.translation.pairs.openai_passthrough import (
    ChatPassthrough,
    ResponsesPassthrough,
    with_stream,
    with_usage_option,
)
from tests.fakes.sealer import PlainSealer
from tests.providers.translation.openai_exchanges import call_of, transcripts
from tests.wire.feeding import LINE_ENDS, splits, sse_bytes

HEAD = WireAnswer(200, ((b"content-type", b"text/event-stream"),))
CUT = Failure(FailureKind.UPSTREAM, "cut")
CHAT = dict(transcripts("messages_over_chat"))
RESPONSES = dict(transcripts("messages_over_responses"))
ASKS_NOT: dict[str, Any] = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
ASKS: dict[str, Any] = {**ASKS_NOT, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (b'{"model":"m"}', b'{"stream_options":{"include_usage":true},"model":"m"}'),
        (b"  { }", b'  {"stream_options":{"include_usage":true} }'),
        (b'{"stream_options": null, "a": 1.0}', b'{"stream_options": {"include_usage":true}, "a": 1.0}'),
        (b'{"stream_options" : { "x": 1 }}', b'{"stream_options" : {"include_usage":true, "x": 1 }}'),
        (b'{"stream_options":{}}', b'{"stream_options":{"include_usage":true}}'),
        (b'{"stream_options":{"include_usage":false}}', b'{"stream_options":{"include_usage":true}}'),
        (b'{"stream_options":{"include_usage":true}}', None),
        (
            b'{"a":"\\"stream_options\\":{}","stream_options":{}}',
            b'{"a":"\\"stream_options\\":{}","stream_options":{"include_usage":true}}',
        ),
        (b'{"tools":[{"stream_options":{}}],"stream_options":{}}', None),
        (b"[]", None),
        (b"nonsense", None),
    ],
)
def test_only_the_option_s_bytes_are_inserted(body: bytes, changed: bytes | None) -> None:
    assert with_usage_option(body) == changed


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (b'{"stream":false,"x":1}', b'{"stream":true,"x":1}'),
        (b'{"x": 1}', b'{"stream":true,"x": 1}'),
        (b'{"stream": true}', b'{"stream": true}'),
        (b"nonsense", b"nonsense"),
    ],
)
def test_a_stream_that_the_query_asks_for(body: bytes, changed: bytes) -> None:
    assert with_stream(body) == changed


def passed(made: ChatPassthrough | ResponsesPassthrough, body: dict[str, Any], chunks: list[bytes]) -> bytes:
    made.request(call_of(body), Target(None))
    assert made.response(HEAD) == HEAD
    return b"".join(made.feed(chunk) for chunk in chunks) + made.finish()


@pytest.mark.parametrize("line_end", LINE_ENDS)
@pytest.mark.parametrize("name", ["text", "parallel_tools", "reasoning"])
def test_the_usage_chunk_is_hidden_from_a_client_that_did_not_ask(name: str, line_end: bytes) -> None:
    events = CHAT[name]["upstream"]
    without = [event for event in events if event["data"] == "[DONE]" or event["data"]["choices"]]
    assert len(without) == len(events) - 1
    for chunks in splits(sse_bytes(events, line_end)):
        made = ChatPassthrough()
        assert passed(made, ASKS_NOT, chunks) == sse_bytes(without, line_end)
        assert made.usage == Usage(12, 8, output_tokens=7) and made.model == "gpt-5.1-2026"


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_a_client_that_asked_gets_every_byte_at_once(line_end: bytes) -> None:
    stream = sse_bytes(CHAT["text"]["upstream"], line_end)
    for chunks in splits(stream):
        made = ChatPassthrough()
        made.request(call_of(ASKS), Target(None))
        made.response(HEAD)
        for chunk in chunks:
            assert made.feed(chunk) == chunk
        assert made.finish() == b"" and made.usage.output_tokens == 7


def test_a_call_that_asks_goes_up_untouched() -> None:
    call = call_of(ASKS)
    assert ChatPassthrough().request(call, Target(None)).body == call.body
    plain = call_of({"model": "m", "messages": []})
    assert ChatPassthrough().request(plain, Target(None)).body == plain.body


def test_a_retry_starts_from_the_same_call() -> None:
    made, call = ChatPassthrough(), call_of(ASKS_NOT)
    assert made.request(call, Target(None)) == made.request(call, Target(None))


def test_the_query_s_stream_reaches_the_body() -> None:
    call = call_of({"model": "m", "messages": []})
    call = replace(call, fields=replace(call.fields, stream=True), query=b"stream=true")
    sent = json.loads(ChatPassthrough().request(call, Target(None)).body)
    assert sent["stream"] is True and sent["stream_options"] == {"include_usage": True}


FIRST = b'data: {"model":"m","choices":[]}\n\n'
SPEAKING = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":null}\n\n'
TELLING = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'


@settings(deadline=None)
@given(st.data())
def test_events_that_nobody_reads_change_nothing_of_the_others(data: st.DataObject) -> None:
    some = st.sampled_from(
        [SPEAKING, SPEAKING.replace(b"\n", b"\r"), SPEAKING.replace(b"\n", b"\r\n"), b": on\n\n", b"\n"]
    )
    before, after = (b"".join(data.draw(st.lists(some, max_size=4))) for _ in range(2))
    stream = FIRST + before + TELLING + after + b"data: [DONE]\n\n"
    ends = [found.end() for found in re.finditer(rb"\n\n|\r\r|\r\n\r\n", stream)]
    cuts = sorted(data.draw(st.lists(st.sampled_from(ends) | st.integers(0, len(stream)), max_size=12)))
    made = ChatPassthrough()
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    told = passed(made, ASKS_NOT, chunks)
    assert told.replace(b"\r", b"").replace(b"\n", b"") == stream.replace(TELLING, b"").replace(
        b"\r", b""
    ).replace(b"\n", b"")
    assert made.usage == Usage(3, output_tokens=1) and made.model == "m"


def test_a_usage_told_with_a_choice_passes() -> None:
    event = (
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n'
    )
    made = ChatPassthrough()
    assert passed(made, ASKS_NOT, [event]) == event
    assert made.usage == Usage(1)


def test_no_ping_inside_a_held_event() -> None:
    made = ChatPassthrough()
    made.request(call_of(ASKS_NOT), Target(None))
    made.response(HEAD)
    assert made.keepalive() == b": ping\n\n"
    assert made.feed(b'data: {"choices"') == b"" and made.keepalive() == b""


def test_a_cut_chat_stream() -> None:
    made = ChatPassthrough()
    made.request(call_of(ASKS_NOT), Target(None))
    made.response(HEAD)
    out = made.feed(sse_bytes(CHAT["eof_without_end"]["upstream"]))
    with pytest.raises(Truncated):
        made.finish()
    assert b"Half" in out and made.fail(CUT).startswith(b'data: {"error":')


def test_a_whole_answer_is_counted() -> None:
    made = ChatPassthrough()
    made.request(call_of({"model": "m", "messages": []}), Target(None))
    made.response(WireAnswer(200, ((b"content-type", b"application/json"),)))
    body = b'{"model":"m2","usage":{"prompt_tokens":4,"completion_tokens":1}}'
    assert made.feed(body) + made.finish() == body
    assert made.usage == Usage(4, output_tokens=1) and made.model == "m2"


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_responses_pass_untouched(line_end: bytes) -> None:
    stream = sse_bytes(RESPONSES["reasoning"]["upstream"], line_end)
    for chunks in splits(stream):
        made = ResponsesPassthrough(PlainSealer())
        assert passed(made, {"model": "m", "input": "x", "stream": True}, chunks) == stream
        assert made.usage == Usage(12, 8, output_tokens=7) and made.failure is None


def test_an_error_that_passes_is_told() -> None:
    made = ResponsesPassthrough(PlainSealer())
    passed(
        made, {"model": "m", "input": "x", "stream": True}, [sse_bytes(RESPONSES["error_at_2"]["upstream"])]
    )
    assert made.failure is not None and made.failure.kind is FailureKind.OVERLOADED


def test_a_cut_responses_stream_fails_as_codex_needs_it() -> None:
    made = ResponsesPassthrough(PlainSealer())
    made.request(call_of({"model": "m", "input": "x", "stream": True}), Target(None))
    made.response(HEAD)
    made.feed(sse_bytes(RESPONSES["eof_without_end"]["upstream"]))
    with pytest.raises(Truncated):
        made.finish()
    told = made.fail(CUT)
    assert told.startswith(b"event: response.failed\n") and b'"id":"resp_9"' in told


def spoken(text: str, size: int, **more: object) -> list[bytes]:
    """The events of a stream that says a text in pieces of so many letters, and nothing of its usage."""
    head = {"id": "c", "object": "chat.completion.chunk", "model": "m", **more}
    deltas = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[start : start + size]} for start in range(0, len(text), size)]
    events = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events] + [b"data: [DONE]\n\n"]


@pytest.mark.parametrize("size", [4, 25, 400, 4000])
@pytest.mark.parametrize("network", [0, 1, 7])
def test_what_was_written_is_known_however_large_the_pieces_are(size: int, network: int) -> None:
    text = "word " * 400
    chunks = spoken(text, size)
    if network:
        chunks = [b"".join(chunks[start : start + network]) for start in range(0, len(chunks), network)]
    made = ChatPassthrough()
    passed(made, ASKS_NOT, chunks)
    assert made.usage == UNREAD
    assert 450 <= made.written(sum(map(len, chunks))) <= 600


@pytest.mark.parametrize(
    "last",
    [{"detail": "no more"}, {"errors": [{"message": "no more"}]}, {"error_msg": "no more"},
     {"code": 5, "message": "no more", "status": 500}],
)  # fmt: skip
def test_a_stream_may_end_with_an_error_of_any_form(last: object) -> None:
    made = ChatPassthrough()
    chunks = [*spoken("words", 1)[:-2], b"data: " + json.dumps(last).encode() + b"\n\n"]
    with pytest.raises(Truncated):
        passed(made, ASKS_NOT, chunks)
    assert made.failure is not None and "no more" in made.failure.message


def test_a_stream_that_is_only_cut_tells_no_error() -> None:
    made = ChatPassthrough()
    with pytest.raises(Truncated):
        passed(made, ASKS_NOT, spoken("words", 1)[:-2])
    assert made.failure is None
