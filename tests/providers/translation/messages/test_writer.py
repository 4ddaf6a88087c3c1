from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.dialects.types import Failure, FailureKind, Usage
from providers.translation.common.parts import Outcome, Part, PartKind
from providers.translation.messages.writer import (
    MessageHead,
    MessagesWriter,
    Thinking,
    ending,
    in_anthropics_words,
    stop_reason,
    thinking_of,
    tool_input,
    tool_use_id,
    upstream_id,
    usage_object,
)


@settings(deadline=None)
@given(st.text(min_size=1))
def test_ids_are_made_allowed_and_come_back(raw: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", tool_use_id(raw))
    assert upstream_id(tool_use_id(raw)) == raw


def test_plain_ids_stay() -> None:
    assert tool_use_id("call_1-a") == "call_1-a" == upstream_id("call_1-a")
    assert upstream_id("hex_zz") == "hex_zz"


def test_usage_is_complete() -> None:
    usage = usage_object(Usage(1, 2, 3, 4, 5), 6)
    assert usage["cache_creation_input_tokens"] == 7 and usage["output_tokens_details"] == {
        "thinking_tokens": 6
    }
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}
    assert set(usage_object(Usage())) == {
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cache_creation",
        "output_tokens",
        "service_tier",
        "inference_geo",
    }


@pytest.mark.parametrize(
    ("reason", "has_refusal", "expected"),
    [
        ("stop", False, "end_turn"),
        ("stop", True, "refusal"),
        ("length", True, "max_tokens"),
        ("tool_calls", False, "tool_use"),
        ("content_filter", False, "refusal"),
        ("recitation", False, "recitation"),
    ],
)
def test_stop_reasons(reason: str, has_refusal: bool, expected: str) -> None:
    assert stop_reason(Outcome(reason, Usage(), 0, has_refusal)) == expected


def test_a_stop_sequence_that_the_upstream_tells() -> None:
    met = {"stop_reason": "stop_sequence", "stop_sequence": "END", "stop_details": None}
    head = MessageHead("msg_1", "m", lambda: 1, str, stop_sequences=["END"])
    assert ending(head, Outcome("stop", Usage(), stop_sequence="END")) == met
    for outcome in (
        Outcome("stop", Usage(), stop_sequence="eos"),
        Outcome("length", Usage(), stop_sequence="END"),
        Outcome("stop", Usage()),
    ):
        assert ending(head, outcome)["stop_sequence"] is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("", {}), (" ", {}), ('{"a": 1}', {"a": 1}), ("[1]", {"_raw": "[1]"}), ('{"a', {"_raw": '{"a'})],
)
def test_arguments_become_an_object_and_nothing_is_lost(arguments: str, expected: object) -> None:
    assert tool_input(arguments) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, Thinking.NONE),
        ({"type": "disabled"}, Thinking.NONE),
        ({"type": "adaptive"}, Thinking.SHOWN),
        ({"type": "enabled", "budget_tokens": 2000, "display": "omitted"}, Thinking.OMITTED),
    ],
)
def test_how_much_reasoning_the_caller_wants(wanted: object, expected: Thinking) -> None:
    assert thinking_of({"thinking": wanted}) is expected


@pytest.mark.parametrize("thinking", list(Thinking))
def test_reasoning_in_a_stream(thinking: Thinking) -> None:
    writer = MessagesWriter(MessageHead("msg_1", "m", lambda: 1, str, thinking))
    for part in (
        Part(PartKind.REASONING, sealed="S"),
        Part(PartKind.REDACTED, sealed="D"),
        Part(PartKind.TEXT),
    ):
        writer.open(part)
        if part.kind is not PartKind.REDACTED:
            writer.delta(part, "x")
        writer.close(part)
    out = writer.take()
    assert (b"thinking_delta" in out) is (thinking is Thinking.SHOWN)
    assert (b'"signature":"S"' in out) is (b'"data":"D"' in out) is (thinking is not Thinking.NONE)
    assert out.count(b"content_block_start\n") == (1 if thinking is Thinking.NONE else 3)
    assert writer.take() == b""


def test_errors_keep_kind_and_delay_but_not_foreign_words() -> None:
    told = in_anthropics_words(Failure(FailureKind.RATE_LIMIT, "slow", 3.0, code="x", type="y", param="z"))
    assert told == Failure(FailureKind.RATE_LIMIT, "slow", 3.0)
    full = in_anthropics_words(Failure(FailureKind.INVALID_REQUEST, "maximum context length is 8192 tokens"))
    assert full.message.startswith("prompt is too long: ")
    assert in_anthropics_words(full).message == full.message
