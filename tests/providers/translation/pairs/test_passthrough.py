"""Same to same: bytes untouched in any split, usage read as they go by."""

import gzip
import json
from typing import Any

import pytest

from providers.dialects import anthropic
from providers.dialects.sse import Quiet
from providers.dialects.types import (
    UNREAD,
    Call,
    CallFields,
    Failure,
    FailureKind,
    Headers,
    Target,
    Truncated,
    Usage,
    WireAnswer,
)
from providers.translation.pairs.passthrough import Passthrough
from tests.wire.feeding import LINE_ENDS, splits, sse_bytes

STREAM: Headers = ((b"content-type", b"text/event-stream; charset=utf-8"),)
JSON: Headers = ((b"content-type", b"application/json"), (b"content-length", b"1"))
USAGE = {
    "input_tokens": 12,
    "output_tokens": 1,
    "cache_read_input_tokens": 5,
    "cache_creation_input_tokens": 3,
    "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 1},
}
EVENTS: list[dict[str, Any]] = [
    {
        "event": "message_start",
        "data": {
            "type": "message_start",
            "message": {"id": "msg_1", "model": "claude-served", "usage": USAGE},
        },
    },
    {"event": "ping", "data": {"type": "ping"}},
    {
        "event": "content_block_delta",
        "data": {"type": "content_block_delta", "delta": {"type": "text_delta", "text": 'h€llo "usage" 🦀'}},
    },
    {"event": "a_new_event", "data": {"type": "a_new_event", "x": 1}},
    {
        "event": "message_delta",
        "data": {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 30},
        },
    },
    {"event": "message_stop", "data": {"type": "message_stop"}},
]
READ = Usage(12, 5, 2, 1, 30)


def call(body: bytes = b'{"model":"claude-asked","stream":true}', *headers: tuple[bytes, bytes]) -> Call:
    return Call("messages", "POST", b"/v1/messages", b"beta=true", headers, body, anthropic.read_call(body))


def streamed(headers: Headers = STREAM) -> Passthrough:
    passing = Passthrough()
    passing.request(call(), Target(model="claude-asked"))
    assert passing.response(WireAnswer(200, headers)).headers == headers
    return passing


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_a_stream_passes_byte_for_byte_in_any_split(line_end: bytes) -> None:
    data = sse_bytes(EVENTS, line_end)
    for chunks in splits(data):
        passing = streamed()
        out = b"".join(passing.feed(chunk) for chunk in chunks) + passing.finish()
        assert out == data
        assert passing.usage == READ
        assert passing.model == "claude-served"
        assert passing.failure is None


@pytest.mark.parametrize("encoding", [b"gzip", b"identity"])
def test_a_whole_answer_passes_and_its_usage_is_read(encoding: bytes) -> None:
    body = json.dumps({"id": "msg_1", "model": "claude-served", "usage": USAGE}).encode()
    sent = gzip.compress(body) if encoding == b"gzip" else body
    for chunks in splits(sent):
        passing = Passthrough()
        passing.response(WireAnswer(200, (*JSON, (b"content-encoding", encoding))))
        assert b"".join(passing.feed(chunk) for chunk in chunks) + passing.finish() == sent
        assert passing.usage == Usage(12, 5, 2, 1, 1)
        assert passing.model == "claude-served"


def test_the_request_is_the_clients_own() -> None:
    asked = call(
        b'{ "model":"claude-asked", "unknown": [1.0, 1e400], "stream":false }', (b"accept-encoding", b"br")
    )
    request = Passthrough().request(asked, Target(model="claude-asked"))
    assert request.body is asked.body
    assert (request.path, request.query, request.headers) == (b"/v1/messages", b"beta=true", asked.headers)


def test_a_stream_is_asked_for_uncompressed() -> None:
    request = Passthrough().request(
        call(headers := call().body, (b"accept-encoding", b"gzip, br")), Target(None)
    )
    assert request.headers == ((b"accept-encoding", b"identity"),)
    assert request.body == headers


def test_an_alias_changes_one_value_up_and_one_down() -> None:
    passing = Passthrough()
    request = passing.request(call(), Target(model="claude-served"))
    assert request.body == b'{"model":"claude-served","stream":true}'
    data = sse_bytes(EVENTS)
    expected = data.replace(b'"claude-served"', b'"claude-asked"')
    for chunks in splits(data):
        passing = Passthrough()
        passing.request(call(), Target(model="claude-served"))
        passing.response(WireAnswer(200, STREAM))
        assert b"".join(map(passing.feed, chunks)) + passing.finish() == expected
        assert passing.model == "claude-served"


def test_an_aliased_whole_answer_loses_its_length_and_errors_stay_as_they_are() -> None:
    passing = Passthrough()
    asked = call(b'{"model":"claude-asked"}')
    passing.request(asked, Target(model="claude-served"))
    assert passing.response(WireAnswer(200, JSON)).headers == JSON[:1]
    body = b'{"id":"msg_1","model":"claude-served","content":[{"text":"claude-served"}]}'
    assert passing.feed(body) + passing.finish() == body.replace(b"claude-served", b"claude-asked", 1)
    refused = WireAnswer(404, JSON, b'{"error":{"message":"model: claude-served"}}')
    assert passing.response(refused) is refused


def test_a_stream_without_its_end_is_truncated() -> None:
    passing = streamed()
    passing.feed(sse_bytes(EVENTS[:-1]))
    with pytest.raises(Truncated):
        passing.finish()
    assert passing.usage == READ


def test_an_error_inside_a_200_is_seen() -> None:
    passing = streamed()
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    data = sse_bytes([*EVENTS[:3], {"event": "error", "data": error}])
    assert passing.feed(data) + passing.finish() == data
    assert passing.failure is not None
    assert passing.failure.kind is FailureKind.OVERLOADED


def test_pings_only_between_events_and_never_inside_json_or_compression() -> None:
    passing = Passthrough()
    assert passing.keepalive() == anthropic.PING  # nothing has come yet
    passing.response(WireAnswer(200, STREAM))
    passing.feed(b"event: ping\ndata: {")
    assert passing.keepalive() == b""
    passing.feed(b'"type":"ping"}\n\n')
    assert passing.keepalive() == anthropic.PING
    for headers in (JSON, (*STREAM, (b"content-encoding", b"gzip"))):
        silent = Passthrough()
        silent.response(WireAnswer(200, headers))
        assert silent.keepalive() == b""


def test_an_endless_event_passes_unread() -> None:
    passing = streamed()
    chunk = b"data: " + b"x" * (1 << 20)
    for _ in range(18):
        assert passing.feed(chunk) == chunk
    assert passing.finish() == b""


def test_a_failure_is_told_as_an_error_event() -> None:
    told = streamed().fail(Failure(FailureKind.UPSTREAM, "cut"))
    assert told.startswith(b"event: error\ndata: {")
    assert told.endswith(b"\n\n")


def test_fields_of_a_call_are_kept() -> None:
    assert call().fields == CallFields(model="claude-asked", stream=True, rare=())


BOMB = gzip.compress(b'{"a":"' + b" " * (1 << 26))


@pytest.mark.parametrize("kind", [STREAM, JSON])
def test_a_bomb_passes_and_is_not_read(kind: Headers) -> None:
    passing = streamed((*kind, (b"content-encoding", b"gzip")))
    assert b"".join(map(passing.feed, (BOMB[:9000], BOMB[9000:]))) + passing.finish() == BOMB
    assert passing.usage == UNREAD
    assert passing.keepalive() == b""


def test_a_bomb_behind_a_beginning_keeps_what_was_told() -> None:
    passing = streamed((*STREAM, (b"content-encoding", b"gzip")))
    passing.feed(gzip.compress(sse_bytes(EVENTS[:1])))
    told = passing.usage
    passing.feed(BOMB)
    assert passing.finish() == b""
    assert passing.usage == told != Usage()


@pytest.mark.parametrize(
    "broken", [b"\xff", b"\\ud83d", b"\xed\xa0\xbd", b"[" * 100_000], ids=["byte", "half", "utf-8", "deep"]
)
def test_broken_text_passes(broken: bytes) -> None:
    whole = Passthrough()
    whole.response(WireAnswer(200, JSON))
    body = b'{"model":"claude-served","x":"' + broken + b'","usage":{"input_tokens":3}}'
    assert whole.feed(body) + whole.finish() == body
    assert whole.usage == Usage(3)
    event = b'event: message_start\ndata: {"type":"message_start","message":{"model":"' + broken + b'"}}\n\n'
    passing = streamed()
    stop = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    assert passing.feed(event + stop) + passing.finish() == event + stop


def test_an_answer_that_is_no_json_is_unread() -> None:
    passing = Passthrough()
    passing.response(WireAnswer(200, JSON))
    assert passing.feed(b"[" * 100_000) + passing.finish() == b"[" * 100_000
    assert passing.usage == UNREAD


def test_events_that_are_stepped_over_hide_none_that_count() -> None:
    delta = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0}\n\n'
    message = b'{"type":"message_start","message":{"model":"m","usage":{"input_tokens":7}}}'
    start = b"event: message_start\ndata: %b\n\n" % message
    stop = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    for chunks in (
        [start, delta, delta, stop],
        [start, delta + delta + stop],
        [start + delta[:9], delta[9:] + stop],
    ):
        translator = Passthrough()
        translator.response(WireAnswer(200, ((b"content-type", b"text/event-stream"),)))
        assert b"".join(map(translator.feed, chunks)) == b"".join(chunks)
        assert translator.finish() == b"" and translator.usage.input_tokens == 7 and translator.model == "m"


@pytest.mark.parametrize(
    ("answer", "renamed"),
    [
        ('{"model":"served","id":"m"}', '{"model":"asked","id":"m"}'),
        ('{"id": "m", "model": "served", "x": 1}', '{"id": "m", "model": "asked", "x": 1}'),
        ('{"model":"other","model":"served"}', '{"model":"other","model":"asked"}'),
        ('{"id":{"model":"served"},"model":"served"}', '{"id":{"model":"served"},"model":"asked"}'),
        ('{"content":[{"model":"served"}],"mod\\u0065l":"served"}', None),
        ('{"model":"asked","id":"m"}', '{"model":"asked","id":"m"}'),
        ('{"id":"m","model":null}', '{"id":"m","model":null}'),
    ],
)
def test_wherever_a_whole_answer_names_its_model_it_names_the_asked_one(
    answer: str, renamed: str | None
) -> None:
    passing = Passthrough()
    passing.request(call(b'{"model":"asked"}'), Target(model="there"))
    passing.response(WireAnswer(200, JSON))
    out = passing.feed(answer.encode()) + passing.finish()
    if renamed is None:
        assert json.loads(out)["model"] == "asked" and json.loads(out)["content"] == [{"model": "served"}]
    else:
        assert out.decode() == renamed


def test_events_that_are_known_to_be_quiet_are_not_read() -> None:
    passing = streamed()
    assert passing.feed(sse_bytes(EVENTS[:1], b"\n")) and passing.usage.input_tokens == 12
    first = Quiet(b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0}\n\n')
    assert passing.feed(first) == first  # the first is looked at, for its size
    quiet = Quiet(b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":9}}\n\n')
    assert passing.feed(quiet) == quiet and passing.usage.output_tokens == 1
    passing.feed(sse_bytes(EVENTS[4:], b"\n"))
    assert passing.finish() == b"" and passing.usage == READ


def said(text: str, size: int, kind: str = "text_delta", field: str = "text") -> list[bytes]:
    """The events of a stream that says a text in pieces of so many letters, up to where it is cut."""
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": kind, field: piece}} for piece in pieces
    ]
    return [
        sse_bytes(EVENTS[:1], b"\n"),
        *[b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode())
          for event in (start, *deltas)],
    ]  # fmt: skip


@pytest.mark.parametrize("size", [4, 25, 400, 4000])
@pytest.mark.parametrize("network", [1, 7, 10**6])
@pytest.mark.parametrize(
    ("kind", "field"),
    [("text_delta", "text"), ("thinking_delta", "thinking"), ("input_json_delta", "partial_json")],
)
def test_what_was_written_is_known_however_large_the_pieces_are(
    size: int, network: int, kind: str, field: str
) -> None:
    events = said("word " * 400, size, kind, field)
    chunks = [b"".join(events[start : start + network]) for start in range(0, len(events), network)]
    passing = streamed()
    assert b"".join(map(passing.feed, chunks)) == b"".join(events)
    assert 495 <= passing.written(sum(map(len, chunks))) <= 510


def test_what_was_written_is_known_of_a_compressed_stream() -> None:
    events = b"".join(said("word " * 400, 25))
    passing = streamed((*STREAM, (b"content-encoding", b"gzip")))
    packed = gzip.compress(events)
    assert passing.feed(packed) == packed
    assert 495 <= passing.written(len(packed)) <= 510


def test_of_a_stream_that_says_nothing_it_is_not_known_what_was_written() -> None:
    passing = streamed()
    passing.feed(sse_bytes(EVENTS[:1], b"\n"))
    assert passing.written(4000) == 0
