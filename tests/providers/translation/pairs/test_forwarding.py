"""Forwarded paths: nothing is put in, nothing taken out, the end is the connection's; usage from whatever tells it."""

# ruff: noqa: E501 - a case is a line

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import UNREAD, Call, CallFields, Failure, FailureKind, Target, Usage, WireAnswer
from providers.translation.pairs.forwarding import Forwarding

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n\x00\xff\r\n--b--\r\n'
)
EVENTS: list[dict[str, Any]] = [
    {"type": "image_generation.partial_image", "b64_json": "AAAA"},
    {
        "type": "image_generation.completed",
        "b64_json": "BBBB",
        "usage": {"input_tokens": 5, "output_tokens": 7},
    },
]


def call(body: bytes, kind: bytes = b"application/json", **fields: Any) -> Call:
    headers = ((b"content-type", kind),)
    return Call("openai_forward", "POST", b"/v1/images/generations", b"", headers, body, CallFields(**fields))


def started(
    body: bytes, target: Target, kind: bytes = b"application/json", **fields: Any
) -> tuple[Forwarding, bytes]:
    made = Forwarding()
    return made, made.request(call(body, kind, **fields), target).body


def stream(made: Forwarding, data: bytes) -> bytes:
    head = WireAnswer(200, ((b"content-type", b"text/event-stream"), (b"content-length", b"9")))
    assert made.response(head) is head
    return b"".join(made.feed(data[at : at + 11]) for at in range(0, len(data), 11)) + made.finish()


def test_a_stream_passes_with_all_its_events() -> None:
    body = json.dumps({"model": "m", "stream": True, "prompt": "x"}).encode()
    made, sent = started(body, Target("m"), model="m", stream=True)
    data = b"".join(
        b"event: %b\ndata: %b\n\n" % (each["type"].encode(), json.dumps(each).encode()) for each in EVENTS
    )
    assert sent == body and stream(made, data) == data
    assert made.usage == Usage(5, output_tokens=7) and made.failure is None


@pytest.mark.parametrize(
    ("event", "usage"),
    [
        ({"type": "transcript.text.done", "usage": {"type": "tokens", "input_tokens": 3, "output_tokens": 4}}, Usage(3, output_tokens=4)),
        ({"type": "x", "response": {"model": "served", "usage": {"input_tokens": 3, "output_tokens": 4}}}, Usage(3, output_tokens=4)),
        ({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}, Usage(3, output_tokens=4)),
        ({"type": "x", "usage": {"type": "duration", "seconds": 3}}, Usage()),
        ({"type": "x"}, UNREAD),
    ],
)  # fmt: skip
def test_usage_of_the_last_event_that_has_any(event: dict[str, Any], usage: Usage) -> None:
    made, _ = started(b"{}", Target("m"))
    data = b"data: " + json.dumps(event).encode() + b'\n\ndata: {"type": "end"}\n\ndata: odd\n\n'
    assert stream(made, data) == data and made.usage == usage


def test_nothing_is_said_in_a_stream_that_breaks() -> None:
    made, _ = started(b"{}", Target("m"), stream=True)
    made.response(WireAnswer(200, ((b"content-type", b"text/event-stream"),)))
    made.feed(b'data: {"type"')
    assert made.keepalive() == b"" and made.fail(Failure(FailureKind.UPSTREAM, "cut")) == b""


def test_an_alias_in_json_both_ways() -> None:
    made, sent = started(b'{"model": "alias", "input": {"model": "alias"}}', Target("real"), model="alias")
    assert sent == b'{"model": "real", "input": {"model": "alias"}}'
    made.response(WireAnswer(200, ((b"content-type", b"application/json"),)))
    answer = {"data": [{"model": "real"}], "model": "real", "usage": {"prompt_tokens": 2, "total_tokens": 2}}
    out = made.feed(json.dumps(answer).encode()) + made.finish()
    assert json.loads(out) == {**answer, "model": "alias"} and made.usage == Usage(2)


def test_an_alias_in_a_form_and_sound_that_passes() -> None:
    made, sent = started(FORM, Target("real"), b"multipart/form-data; boundary=b", model="whisper")
    assert sent == FORM.replace(b"whisper", b"real")
    made.response(WireAnswer(200, ((b"content-type", b"audio/mpeg"),)))
    assert made.feed(b"\x00model") == b"\x00model" and made.finish() == b""


def test_a_form_that_names_the_right_model_is_the_same_object() -> None:
    assert started(FORM, Target("whisper"), b"multipart/form-data; boundary=b", model="whisper")[1] is FORM
