"""Events that nobody can read: prose is passed by, nothing else is, over every upstream dialect."""

from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Truncated
from providers.translation.common.spoiled import failure_in
from tests.providers.translation.openai_exchanges import transcripts, translator
from tests.wire.feeding import sse_bytes

OVER_OPENAI = ("messages_over_chat", "messages_over_responses", "responses_over_chat", "chat_over_responses")
TEXT = {
    "chat": {"choices": [{"index": 0, "delta": {"content": "lost"}}]},
    "responses": {
        "type": "response.output_text.delta",
        "delta": "lost",
        "output_index": 0,
        "content_index": 0,
    },
}


@pytest.mark.parametrize(
    ("rest", "is_in_call", "words"),
    [
        (b"", True, None),
        (b'{"choices": [{"delta": {"content": "ha', False, None),
        (b'{"choices": [{"delta": {"content": "ha', True, "none"),
        (b'{"choices": [{"delta": {"tool_calls": [{"ind', False, "none"),
        (b'{"type": "response.function_call_arguments.delta", "de', False, "none"),
        (b'{"choices": [{"delta": {}, "finish_reason": "stop"', False, "none"),
        (b'{"error": {"message": "no \\"room\\" le", "type"', False, 'no \\"room\\" le'),
        (b'{"detail": "no room", ', False, "no room"),
        (b'{"error": null, "choices": [', False, None),
        (b"upstream connect error", False, "upstream connect error"),
    ],
)
def test_what_is_passed_by(rest: bytes, is_in_call: bool, words: str | None) -> None:
    failure = failure_in(rest, "none", is_in_call=is_in_call)
    assert (failure and failure.message) == words


def events_of(pair: str, case: str) -> tuple[Any, list[bytes]]:
    one = next(found for name, found in transcripts(pair) if name == case)
    wire = sse_bytes(one["upstream"])
    return one["call"], [part + b"\n\n" for part in wire.split(b"\n\n") if part]


def fed(pair: str, call: Any, events: list[bytes]) -> tuple[bytes, Any]:
    made = translator(pair, call)
    out = b"".join(made.feed(event) for event in events)
    try:
        return out + made.finish(), made.failure
    except Truncated:
        return out, made.failure


@pytest.mark.parametrize("pair", OVER_OPENAI)
def test_a_piece_of_prose_is_passed_by(pair: str) -> None:
    call, events = events_of(pair, "text")
    whole, _ = fed(pair, call, events)
    for at in range(1, len(events) - 1):
        assert fed(pair, call, [*events[:at], b"data: {broken\n\n", *events[at:]]) == (whole, None)


@pytest.mark.parametrize("pair", OVER_OPENAI)
def test_nothing_is_passed_by_in_a_call(pair: str) -> None:
    call, events = events_of(pair, "tool")
    begun = next(number for number, event in enumerate(events) if b"arguments" in event)
    _, failure = fed(pair, call, [*events[: begun + 1], b"data: {broken\n\n", *events[begun + 1 :]])
    assert failure is not None and "something that is no" in failure.message


@pytest.mark.parametrize("pair", OVER_OPENAI)
@pytest.mark.parametrize("ways", ["raw", "joined", "lines", "odd"])
def test_what_can_be_mended_is_read(pair: str, ways: str) -> None:
    """Controls in texts as they are, two values in one event, single line ends, what is no object."""
    call, events = events_of(pair, "text")
    data = [event.partition(b"data: ")[2].strip() for event in events]
    whole, _ = fed(pair, call, events)
    told = {
        "raw": [event.replace(b"{", b'{"note": "a\tb\x01", ', 1) for event in events],
        "joined": [b"data: " + data[0] + data[1] + b"\n\n", *events[2:]],
        "lines": [b"".join(b"data: " + each + b"\n" for each in data)],
        "odd": [events[0], b"data: null\n\n", b"data: 7\n\n", b"data: {}\n\n", *events[1:]],
    }[ways]
    assert fed(pair, call, told) == (whole, None)


@pytest.mark.parametrize("pair", OVER_OPENAI)
@pytest.mark.parametrize(
    "bare",
    [
        b'{"error": {"message": "it broke", "type": "server_error"}}\n',
        b'{\n "error": {\n  "message": "it broke"\n }\n}\n\n',
        b'{"detail": "it broke"}',
        b'data: {"error": {"message": "it broke"}}\n\n',
        b'event: error\ndata: {"message": "it broke"}\n\n',
    ],
)
def test_an_error_need_not_be_an_event(pair: str, bare: bytes) -> None:
    call, events = events_of(pair, "text")
    out, failure = fed(pair, call, [*events[:2], bare])
    assert failure is not None and failure.message == "it broke"
    assert out.count(b"it broke") == 1


def test_odd_fields_of_a_response_s_event_are_read() -> None:
    call, events = events_of("messages_over_responses", "text")
    whole, _ = fed("messages_over_responses", call, events)
    odd = [event.replace(b'"output_index": 0', b'"output_index": "0"') for event in events]
    assert odd != events
    assert fed("messages_over_responses", call, odd) == (whole, None)
