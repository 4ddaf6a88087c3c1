"""Over Messages: of events that nobody can read, pieces of a text alone are passed by."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from providers.dialects.types import Refused, Truncated
from providers.translation.messages.spoiled import readable
from tests.providers.translation.exchange import EVENTS, answered, make
from tests.wire.feeding import cases, sse_bytes


def over_messages(surface: str, events: list[bytes]) -> tuple[str, Any]:
    asked = (
        {"input": "hi"}
        if surface == "openai_responses"
        else {"messages": [{"role": "user", "content": "hi"}]}
    )
    made = make(surface, {"model": "gpt-x", **asked, "stream": True})
    answered(made, b"", 200, EVENTS)
    out = b"".join(made.feed(event) for event in events)
    with contextlib.suppress(Truncated):
        out += made.finish()
    return out.decode(), made.failure


def split(case: str) -> list[bytes]:
    return [part + b"\n\n" for part in sse_bytes(cases("anthropic")[case]).split(b"\n\n") if part]


@pytest.mark.parametrize("surface", ["openai_chat", "openai_responses"])
def test_over_messages_prose_alone_is_passed_by(surface: str) -> None:
    for case, is_told in (("text", False), ("tool", True), ("thinking", True)):
        events = split(case)
        at = next(number for number, event in enumerate(events) if b"_delta" in event) + 1
        if case == "tool":
            at = next(number for number, event in enumerate(events) if b"input_json_delta" in event) + 1
        out, failure = over_messages(surface, [*events[:at], b"data: {broken\n\n", *events[at:]])
        assert (failure is not None) is is_told, case
        if not is_told:
            assert out == over_messages(surface, events)[0]


@pytest.mark.parametrize("surface", ["openai_chat", "openai_responses"])
def test_over_messages_what_the_course_depends_on_is_not_passed_by(surface: str) -> None:
    events = split("text")
    for name in (b'"message_delta"', b'"message_stop"'):
        at = next(number for number, event in enumerate(events) if name in event)
        torn = events[at][: events[at].index(name) + len(name)] + b"\n\n"
        _, failure = over_messages(surface, [*events[:at], torn, *events[at + 1 :]])
        assert failure is not None, name
    for bare in (
        b'{"type": "error", "error": {"type": "api_error", "message": "it broke"}}\n\n',
        b'{"detail": "it broke"}\n\n',
    ):
        _, failure = over_messages(surface, [*events[:3], bare])
        assert failure is not None and failure.message == "it broke"


@pytest.mark.parametrize("surface", ["openai_chat", "openai_responses"])
def test_over_messages_what_can_be_mended_is_read(surface: str) -> None:
    events = split("text")
    whole = over_messages(surface, events)
    data = [json.loads(event.partition(b"data: ")[2]) for event in events]
    lines = b"".join(b"data: " + json.dumps(each).encode() + b"\n" for each in data)
    assert over_messages(surface, [lines]) == whole
    raw = [event.replace(b"{", b'{"note": "a\tb", ', 1) for event in events]
    assert over_messages(surface, raw) == whole


@pytest.mark.parametrize(
    ("data", "is_in_prose", "found"),
    [
        (b'{"type": "ping"}{"type": "message_stop"}', False, 2),
        (b"null", False, 0),
        (b"{broken", True, 0),
        (b"{broken", False, None),
        (b'{"type": "content_block_delta"}', True, 0),
        (b'{"type": "message_delta", "us', True, None),
        (b'{"type": "content_block_start"}', True, None),
    ],
)
def test_what_is_readable(data: bytes, is_in_prose: bool, found: int | None) -> None:
    if found is None:
        with pytest.raises(Refused):
            readable(data, is_in_prose=is_in_prose)
    else:
        assert len(readable(data, is_in_prose=is_in_prose)) == found
