from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.dialects.openai_responses import (
    StreamTotals,
    cut_off,
    failed_event,
    read_call,
    read_totals,
    response_error,
    usage_from,
    usage_object,
)
from providers.dialects.types import UNREAD, CallFields, Failure, FailureKind, Usage


def test_the_road_s_fields() -> None:
    body = {
        "model": "m",
        "stream": True,
        "max_output_tokens": 7,
        "user": "u",
        "prompt_cache_key": "k",
        "input": [{}],
    }
    assert read_call(json.dumps(body).encode()) == CallFields("m", True, 7, "u", "k")
    assert read_call(b"[]") == CallFields(is_readable=False)
    assert read_call(b'{"model": 7, "stream": null, "max_output_tokens": "x"}') == CallFields()


def test_cached_tokens_are_not_input_tokens() -> None:
    usage = usage_from(
        {
            "input_tokens": 100,
            "output_tokens": 9,
            "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        }
    )
    assert usage == Usage(input_tokens=30, cache_read_tokens=60, cache_write_5m_tokens=10, output_tokens=9)
    assert usage_from(None) is None


@settings(deadline=None)
@given(st.builds(Usage, *[st.integers(0, 10**9)] * 3, st.just(0), st.integers(0, 10**9)))
def test_usage_comes_back_as_it_was_written(usage: Usage) -> None:
    written = usage_object(usage, reasoning=3)
    assert usage_from(written) == usage
    assert written["output_tokens_details"] == {"reasoning_tokens": 3}


def test_totals_of_a_whole_answer() -> None:
    assert read_totals(b'{"model": "m", "usage": {"input_tokens": 2}, "output": [{}]}') == ("m", Usage(2))
    assert read_totals(b"nonsense") == (None, UNREAD)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Failure(FailureKind.UPSTREAM, "x"), "server_error"),
        (Failure(FailureKind.RATE_LIMIT, "x"), "rate_limit_exceeded"),
        (Failure(FailureKind.OVERLOADED, "x"), "server_is_overloaded"),
        (Failure(FailureKind.BILLING, "x"), "insufficient_quota"),
        (Failure(FailureKind.INVALID_REQUEST, "x"), "invalid_prompt"),
        (Failure(FailureKind.INVALID_REQUEST, "prompt is too long"), "context_length_exceeded"),
        (Failure(FailureKind.UPSTREAM, "x", code="cyber_policy"), "cyber_policy"),
    ],
)
def test_codes_that_codex_tells_apart(failure: Failure, code: str) -> None:
    assert response_error(failure)["code"] == code


def test_a_failed_response_keeps_what_is_known_of_it() -> None:
    out = failed_event(Failure(FailureKind.UPSTREAM, "cut"), {"id": "resp_1", "status": "in_progress"}, 4)
    name, data = out.decode().strip().split("\n")
    assert name == "event: response.failed"
    assert json.loads(data[6:]) == {
        "type": "response.failed",
        "sequence_number": 4,
        "response": {
            "id": "resp_1",
            "status": "failed",
            "error": {"code": "server_error", "message": "cut"},
        },
    }


def watched(*events: dict[str, Any], has_names: bool = True) -> StreamTotals:
    totals = StreamTotals()
    for event in events:
        totals.see(event["type"].encode() if has_names else b"", json.dumps(event).encode())
    return totals


CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "m", "status": "in_progress"}}
DELTA = {"type": "response.output_text.delta", "delta": 'say "type": "response.failed"'}
USAGE = {"input_tokens": 3, "output_tokens": 2}


@pytest.mark.parametrize("has_names", [True, False])
@pytest.mark.parametrize("closing", ["completed", "incomplete"])
def test_a_stream_that_goes_by(closing: str, has_names: bool) -> None:
    assert not watched(CREATED, DELTA, has_names=has_names).is_finished
    end = {"type": f"response.{closing}", "response": {"id": "resp_1", "model": "m", "usage": USAGE}}
    totals = watched(CREATED, DELTA, end, has_names=has_names)
    assert totals.is_finished and totals.model == "m" and totals.usage == Usage(3, output_tokens=2)
    assert totals.failure is None and cut_off(totals, Failure(FailureKind.UPSTREAM, "late")) == b""


def test_errors_that_go_by() -> None:
    failed = {
        "type": "response.failed",
        "response": {"error": {"code": "rate_limit_exceeded", "message": "slow"}},
    }
    assert (
        watched(CREATED, failed).failure or Failure(FailureKind.INTERNAL, "")
    ).kind is FailureKind.RATE_LIMIT
    bare = {"type": "error", "code": "server_is_overloaded", "message": "busy", "param": None}
    failure = watched(CREATED, bare).failure
    assert failure is not None and failure.kind is FailureKind.OVERLOADED and failure.message == "busy"


def test_a_cut_stream_ends_as_the_response_it_was() -> None:
    out = cut_off(watched(CREATED, DELTA), Failure(FailureKind.UPSTREAM, "cut"))
    payload = json.loads(out.decode().split("data: ")[1])
    assert payload["response"]["id"] == "resp_1" and payload["sequence_number"] == 2


def test_a_stream_cut_before_its_first_event_gets_one() -> None:
    names = [
        line
        for line in cut_off(StreamTotals(), Failure(FailureKind.UPSTREAM, "cut")).decode().split("\n")
        if line.startswith("event")
    ]
    assert names == ["event: response.created", "event: response.failed"]
