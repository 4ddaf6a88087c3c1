from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects import openai_socket
from providers.dialects.types import Refused


def create(**fields: Any) -> openai_socket.Create:
    made = openai_socket.read_message(json.dumps({"type": "response.create", **fields}))
    assert made is not None
    return made


def test_a_create_is_a_body_that_asks_for_a_stream() -> None:
    made = create(
        model="m", input="hi", stream=False, background=False, generate=False, event_id="e", store=False
    )
    assert json.loads(made.body) == {"model": "m", "input": "hi", "store": False, "stream": True}
    assert (made.is_stored, made.is_generated, made.previous_response_id) == (False, False, None)
    assert create(previous_response_id="resp_1") == openai_socket.Create(
        b'{"previous_response_id":"resp_1","stream":true}', "resp_1"
    )


def test_what_the_body_holds_is_not_touched() -> None:
    raw = '{"type":"response.create", "input": [ {"a" : 1e2} ]}'
    made = openai_socket.read_message(raw)
    assert made is not None
    assert b'[ {"a" : 1e2} ]' in made.body
    assert openai_socket.read_message('{"type":"response.create","input":"\\ud83d"}') is not None


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("hello", None), ("[]", None), ('{"type": "session.update"}', "type"), ("{}", "type"), (b"\xff", None),
        ('{"type": "response.create", "stream_id": ""}', "stream_id"),
        ('{"type": "response.create", "stream_id": 7}', "stream_id"),
        ('{"type": "response.create", "stream_id": "a\\nb"}', "stream_id"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_naming_the_field(message: str | bytes, param: str | None) -> None:
    with pytest.raises(Refused) as refused:
        openai_socket.read_message(message)
    assert refused.value.failure.param == param


def test_an_answer_that_was_read_wants_none() -> None:
    assert openai_socket.read_message('{"type": "response.processed", "response_id": "resp_1"}') is None


def test_a_refusal_as_a_frame() -> None:
    error = {"message": "no", "type": "invalid_request_error", "param": "model", "code": None}
    headers = ((b"retry-after", b"7"), (b"content-type", b"application/json"), (b"x-request-id", b"r"))
    frame = json.loads(openai_socket.error_frame(429, headers, json.dumps({"error": error}).encode()))
    assert frame == {
        "type": "error", "status": 429, "error": error, "headers": {"retry-after": "7", "x-request-id": "r"},
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"error": "x"}', b"[]", b"\xff"])
def test_a_refusal_in_no_form_has_all_keys(body: bytes) -> None:
    frame = json.loads(openai_socket.error_frame(502, (), body))
    assert set(frame["error"]) == {"type", "code", "message", "param"}
    assert frame["error"]["message"] and "headers" not in frame


def test_an_unknown_previous_response_is_the_vendor_s_400() -> None:
    body = b'{"error": {"message": "m", "type": "t", "code": "previous_response_not_found", "param": "p"}}'
    assert json.loads(openai_socket.error_frame(404, (), body))["status"] == 400


def test_other_frames() -> None:
    assert json.loads(openai_socket.lifetime_frame())["error"]["code"] == "websocket_connection_limit_reached"
    assert json.loads(openai_socket.whole_frame(b'{"id":"x"}'))["response"] == {"id": "x"}
    assert openai_socket.type_of(b'{"type":"response.failed"}') == b"response.failed"
    assert [openai_socket.type_of(data) for data in (b"nothing", b'{"type": 7}')] == [b"", b""]
