"""What may steer a response, and the frames that tell of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.beta import (
    BetaResponseSteerFailedEvent,
    beta_response_steer_accepted_event,
    beta_response_steer_pending_event,
)

from providers.dialects import openai_steering as steering
from providers.dialects.openai_steering import Steer

USER = {"role": "user", "content": "x"}
PARTS = [
    {"type": "input_text", "text": "x"},
    {"type": "input_image", "image_url": "data:,"},
    {"type": "input_file"},
]


def message(**fields: Any) -> bytes:
    return json.dumps({"type": "response.steer", "previous_response_id": "resp_1", **fields}).encode()


@pytest.mark.parametrize(
    "given_input",
    ["shorter", [USER], [{**USER, "type": "message"}, USER], [{"role": "user", "content": PARTS}]],
)
def test_a_user_s_words_can_be_taken(given_input: Any) -> None:
    steer = steering.read(message(input=given_input))
    assert (steer.problem, steer.previous_response_id) == ("", "resp_1")
    assert all(item["role"] == "user" for item in steer.items)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"input": ""}, "input"), ({"input": []}, "input"), ({}, "input"), ({"input": 7}, "input"),
        ({"input": [{"role": "system", "content": "x"}]}, "input.0"), ({"input": [USER, "x"]}, "input.1"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input.0"),
        ({"input": [{**USER, "phase": "x"}]}, "input.0.phase"),
        ({"input": [{"role": "user", "content": []}]}, "input.0.content"),
        ({"input": [{"role": "user"}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}]}, "input.0.content.0"),
        ({"input": "x", "stream_id": "a"}, "stream_id"), ({"input": "x", "model": "m"}, "model"),
        ({"input": "x", "previous_response_id": ""}, "previous_response_id"),
        ({"input": "x", "previous_response_id": 3}, "previous_response_id"),
    ],
)  # fmt: skip
def test_anything_else_comes_back(fields: dict[str, Any], word: str) -> None:
    steer = steering.read(message(**fields))
    assert steer.problem.startswith(word + ":")
    told = json.loads(steering.failed(steer, steering.INVALID))
    assert told["steer"]["input"] == fields.get("input") and told["error"]["code"] == "invalid_input"
    assert "id" not in told["steer"] and told["error"]["message"] == steer.problem


@pytest.mark.parametrize(
    ("fields", "can_be"),
    [
        ({}, True),
        ({"conversation": None}, True),
        ({"conversation": "c"}, False),
        ({"context_management": [1]}, False),
    ],
)
def test_some_responses_take_no_input(fields: dict[str, Any], can_be: bool) -> None:
    assert steering.can_be_steered(json.dumps({"model": "m", **fields}).encode()) is can_be


def test_a_successor_keeps_the_settings() -> None:
    body = json.dumps({"model": "m", "tools": [], "input": "old", "previous_response_id": "resp_0"}).encode()
    steers = [Steer("resp_1", "one"), Steer("resp_1", [USER])]
    assert json.loads(steering.successor(body, "resp_1", steers)) == {
        "model": "m", "tools": [], "previous_response_id": "resp_1",
        "input": [{"type": "message", "role": "user", "content": "one"}, USER],
    }  # fmt: skip


OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "1"}


@pytest.mark.parametrize(
    ("own", "after"),
    [([OUTPUT], [OUTPUT]), ("on", [{"type": "message", "role": "user", "content": "on"}]), ([], [])],
)
def test_what_has_waited_goes_before(own: Any, after: list[Any]) -> None:
    body = steering.with_steers(json.dumps({"model": "m", "input": own}).encode(), [Steer("resp_1", [USER])])
    assert json.loads(body)["input"] == [USER, *after]


def test_results_that_are_missing_are_named() -> None:
    output = [
        {"type": "message", "content": []},
        {"type": "function_call", "call_id": "c1", "name": "f"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g"},
        {"type": "mcp_approval_request", "id": "m1"},
    ]
    needed = steering.required_input(json.dumps({"output": output}).encode())
    assert needed == [
        {"type": "function_call_output", "call_id": "c1", "name": "f"},
        {"type": "custom_tool_call_output", "call_id": "c2"},
        {"type": "mcp_approval_response", "approval_request_id": "m1"},
    ]
    assert steering.required_input(b'{"output":null}') == []


@pytest.mark.parametrize("code", sorted(steering.WORDS))
def test_frames_have_the_form_of_the_vendor_s_client(code: str) -> None:
    steer = Steer("resp_1", "x")
    told = BetaResponseSteerFailedEvent.model_validate_json(
        steering.failed(steer, code, 4, "steer_1"), strict=True
    )
    assert (told.error.code, told.steer.id, told.sequence_number) == (code, "steer_1", 4)
    accepted = beta_response_steer_accepted_event.BetaResponseSteerAcceptedEvent
    assert (
        accepted.model_validate_json(steering.accepted(steer, "steer_1", 3), strict=True).steer.id
        == "steer_1"
    )
    pending = beta_response_steer_pending_event.BetaResponseSteerPendingEvent
    needed = [{"type": "function_call_output", "call_id": "c", "name": "f"}]
    frame = steering.in_lane(steering.pending(steer, "steer_1", 5, needed), "a")
    assert pending.model_validate_json(frame, strict=True).stream_id == "a"


@given(st.text(min_size=1), st.integers(0, 9), st.integers(0, 9))
def test_a_frame_gets_its_lane_and_its_number(lane: str, number: int, by: int) -> None:
    event = {"type": "x", "sequence_number": number, "response": {"sequence_number": 1}}
    told = steering.in_lane(steering.renumbered(json.dumps(event), by), lane)
    assert json.loads(told) == {**event, "sequence_number": number + by, "stream_id": lane}
    assert steering.in_lane("{}", None) == "{}"


@pytest.mark.parametrize("text", ["no", '{"type":"x"}', '{"sequence_number":"1"}'])
def test_what_has_no_number_stays(text: str) -> None:
    assert steering.renumbered(text, 3) == text
