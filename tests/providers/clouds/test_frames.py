"""Frames become events, split anywhere; what breaks them ends the stream. botocore reads the stand-in's frames, too."""

from __future__ import annotations

import json
import struct
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer

from providers.clouds.frames import CUT, Frames
from tests.fakes.clouds import chunk, exception, frame, frames

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
