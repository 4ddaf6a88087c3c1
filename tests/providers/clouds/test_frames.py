"""Frames become events, split anywhere; what breaks them ends the stream. botocore reads the stand-in's frames, too."""

from __future__ import annotations

import base64
import json
import struct
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from providers.clouds.frames import CUT, Frames
from providers.dialects.sse import Quiet, SseReader
from tests.fakes.clouds import ARN, chunk, exception, frame, frames

BODY = {"messages": [{"role": "user", "content": "hello"}]}
START = {"type": "message_start", "message": {"id": "m", "model": "x"}}


def told(raw: bytes) -> list[dict[str, object]]:
    return [json.loads(part.partition(b"data: ")[2]) for part in raw.split(b"\n\n") if part]


def test_the_stand_ins_frames_are_those_that_botocore_reads() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(frames("m", BODY)))
    names = {event.headers[":event-type"] for event in buffer}
    assert names == {"chunk"}


@pytest.mark.parametrize("size", [1, 2, 7, 13, 100, 4096])
def test_frames_split_anywhere_are_the_same_events(size: int) -> None:
    raw = b"".join(frames("m", BODY))
    reader = Frames()
    out = b"".join(reader.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + reader.finish()
    events = told(out)
    assert events[0]["type"] == "message_start" and events[-1] == {"type": "message_stop"}
    assert "invocationMetrics" not in out.decode() and reader.refusal is None


def test_an_exception_first_is_a_refusal() -> None:
    reader = Frames()
    reader.feed(exception("throttlingException", "slow"))
    assert reader.refusal is not None and reader.refusal[:2] == (429, "rate_limit_error")
    assert reader.words == ("throttlingException", "slow")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("internalServerException", "api_error"),
        ("modelStreamErrorException", "api_error"),
        ("validationException", "invalid_request_error"),
        ("throttlingException", "rate_limit_error"),
        ("modelTimeoutException", "timeout_error"),
        ("serviceUnavailableException", "overloaded_error"),
        ("expiredTokenException", "authentication_error"),
    ],
)
def test_an_exception_later_is_an_error_event_and_the_last(name: str, kind: str) -> None:
    reader = Frames()
    out = reader.feed(chunk(START) + exception(name, "words") + chunk(START))
    events = told(out)
    assert [event["type"] for event in events] == ["message_start", "error"]
    assert events[1]["error"]["type"] == kind  # type: ignore[index]
    assert reader.feed(chunk(START)) == b"" == reader.finish()


def wrong_crc() -> bytes:
    return chunk(START)[:-1] + b"\x00"


def of_length(total: int) -> bytes:
    prelude = struct.pack(">II", total, 0)
    return prelude + struct.pack(">I", zlib.crc32(prelude)) + b"\0" * 16


@pytest.mark.parametrize(
    "broken",
    [
        wrong_crc(),
        of_length(15),
        of_length(17 * 1024 * 1024),
        frame([(":message-type", "error"), (":error-code", "x"), (":error-message", "y")], b""),
        frame([(":message-type", "event"), (":event-type", "chunk")], b"no json"),
    ],
)
def test_what_is_broken_ends_the_stream_with_an_error(broken: bytes) -> None:
    reader = Frames()
    events = told(reader.feed(chunk(START)) + reader.feed(broken))
    assert [event["type"] for event in events] == ["message_start", "error"]
    assert reader.is_over and reader.feed(chunk(START)) == b""


@pytest.mark.parametrize("rest", [b"", chunk(START)[:20]])
def test_an_end_without_the_closing_event_is_an_error(rest: bytes) -> None:
    reader = Frames()
    events = told(reader.feed(chunk(START) + rest) + reader.finish())
    assert events[-1]["error"] == {"type": "api_error", "message": CUT}


def test_an_unknown_event_is_passed_over() -> None:
    reader = Frames()
    unknown = frame([(":message-type", "event"), (":event-type", "weather")], b"{}")
    assert [event["type"] for event in told(reader.feed(unknown + chunk(START)))] == ["message_start"]


DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a\n\r b"}}


def compact(data: dict[str, object]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def framed(event: bytes, rest: str = ',"p":"abc"') -> bytes:
    names = [(":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")]
    return frame(names, b'{"bytes":"%b"%b}' % (base64.b64encode(event), rest.encode()))


def test_a_delta_alone_says_that_it_says_nothing_of_totals() -> None:
    reader = Frames()
    out = reader.feed(framed(compact(DELTA)))
    assert type(out) is Quiet and told(out) == [DELTA]
    assert type(reader.feed(framed(compact(START)))) is bytes
    words = {**DELTA, "delta": {"type": "text_delta", "text": "an error"}}
    out = reader.feed(framed(compact(words)))
    assert told(out) == [words]


def test_line_ends_between_the_members_of_an_event_end_no_line() -> None:
    for data in (b'{"type":"content_block_delta",\r\n"index":0}', b'{"type":"ping",\r"x":1}'):
        out = Frames().feed(framed(data))
        assert SseReader().feed(out)[0][1].count(b"\r") == 0 and json.loads(told_data(out)) == json.loads(
            data
        )


def told_data(raw: bytes) -> bytes:
    return raw.partition(b"data: ")[2].rstrip(b"\n")


texts = st.text(max_size=20)
deltas = st.builds(lambda text: {**DELTA, "delta": {"type": "text_delta", "text": text}}, texts)
metrics = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}}
others = st.sampled_from([{"type": "ping"}, {**DELTA, **metrics}, {"type": "content_block_stop", "index": 0}])
pads = st.sampled_from(["", ',"p":"abcdefg"', ', "p": "\\u0061"'])


@given(
    st.lists(st.tuples(deltas | others, pads), min_size=1, max_size=5),
    st.lists(st.integers(1, 400), max_size=6),
)
def test_any_events_cut_anywhere_are_these_events(
    some: list[tuple[dict[str, object], str]], cuts: list[int]
) -> None:
    raw = b"".join(framed(compact(event), pad) for event, pad in some)
    reader, out, at = Frames(), b"", 0
    for cut in cuts:
        out += reader.feed(raw[at : at + cut])
        at += cut
    out += reader.feed(raw[at:])
    expected = [{key: value for key, value in event.items() if key not in metrics} for event, _ in some]
    assert told(out) == expected and not reader.is_over


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_wrong_byte_anywhere_is_never_an_event(place: int, change: int) -> None:
    whole = framed(compact(DELTA))
    at = place % len(whole)
    broken = whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :]
    reader = Frames()
    out = reader.feed(broken) + reader.finish()
    assert [event["type"] for event in told(out)] == ["error"]


def test_what_a_guardrail_traced_names_no_account() -> None:
    action, trace = "amazon-bedrock-guardrailAction", "amazon-bedrock-trace"
    for before in ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, DELTA):
        event = {**before, action: "INTERVENED", trace: {"guardrailArn": ARN, "n": [123456789012, ARN, None]}}
        (out,) = told(Frames().feed(framed(compact(event))))
        assert out == {
            **before,
            action: "INTERVENED",
            trace: {"guardrailArn": "…", "n": [123456789012, "…", None]},
        }
