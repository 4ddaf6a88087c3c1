from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects import anthropic
from providers.dialects.types import UNREAD, CallFields, Failure, FailureKind, Usage


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_the_fields_of_a_call() -> None:
    body = {
        "messages": [],
        "model": "claude-x",
        "stream": True,
        "max_tokens": 9,
        "metadata": {"user_id": "u"},
    }
    assert anthropic.read_call(encoded(body)) == CallFields("claude-x", True, 9, "u", rare=())


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"{}", CallFields(rare=())),
        (b'{"model":null,"stream":null,"max_tokens":null,"metadata":null}', CallFields(rare=())),
        (b'{"model":1,"stream":true,"max_tokens":"9","metadata":{"user_id":5}}', CallFields(stream=True)),
        (b'{"model":"m","stream":"true","max_tokens":true,"metadata":[]}', CallFields("m")),
        (
            b'{"max_tokens":123456789012345678901234567890}',
            CallFields(max_tokens=123456789012345678901234567890, rare=()),
        ),
        (b"[]", CallFields(is_readable=False)),
        (b'"text"', CallFields(is_readable=False)),
        (b"", CallFields(is_readable=False)),
        (b'{"model":"m"', CallFields(is_readable=False)),
        (b'{"a":' + b"[" * 100_000, CallFields(is_readable=False)),
    ],
)
def test_wrong_types_are_absent_and_no_object_is_unreadable(body: bytes, fields: CallFields) -> None:
    assert anthropic.read_call(body) == fields


@given(st.binary(max_size=40))
def test_no_bytes_make_the_reader_raise(body: bytes) -> None:
    anthropic.read_call(body)
    anthropic.read_totals(body)
    anthropic.StreamTotals().see(b"message_delta", body)
    anthropic.read_error(500, (), body)


def test_totals_of_a_whole_answer() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 5},
    }
    assert anthropic.read_totals(encoded({"model": "m", "usage": usage})) == ("m", Usage(10, 3, 2, 5, 20))
    assert anthropic.read_totals(b"<html>") == (None, UNREAD)


def test_stream_counts_are_cumulative_and_replace() -> None:
    totals = anthropic.StreamTotals()
    start = {"input_tokens": 10, "output_tokens": 1, "cache_creation_input_tokens": 4}
    totals.see(
        b"message_start", encoded({"type": "message_start", "message": {"model": "m", "usage": start}})
    )
    assert (totals.model, totals.usage) == ("m", Usage(10, 0, 4, 0, 1))
    totals.see(
        b"message_delta", encoded({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 30}})
    )
    assert totals.usage == Usage(10, 0, 4, 0, 30)
    seen = {"input_tokens": 0, "output_tokens": 31, "cache_read_input_tokens": 9}
    totals.see(b"", encoded({"type": "message_delta", "delta": {}, "usage": seen}))
    assert totals.usage == Usage(0, 9, 4, 0, 31)
    assert not totals.is_finished
    totals.see(b"", b'{"type":"message_stop"}')
    assert totals.is_finished


@pytest.mark.parametrize(
    ("total", "split", "expected"),
    [(7, None, (7, 0)), (None, (2, 5), (2, 5)), (7, (2, 5), (2, 5)), (9, (2, 5), (4, 5)), (0, None, (0, 0))],
)
def test_cache_writes_are_split_by_ttl(total: int | None, split: Any, expected: tuple[int, int]) -> None:
    usage: dict[str, Any] = {"cache_creation_input_tokens": total}
    if split:
        usage["cache_creation"] = {
            "ephemeral_5m_input_tokens": split[0],
            "ephemeral_1h_input_tokens": split[1],
        }
    _, seen = anthropic.read_totals(encoded({"usage": usage}))
    assert (seen.cache_write_5m_tokens, seen.cache_write_1h_tokens) == expected


def test_an_error_event_ends_the_stream() -> None:
    totals = anthropic.StreamTotals()
    totals.see(b"error", b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    assert totals.is_finished
    assert totals.failure == Failure(FailureKind.OVERLOADED, "Overloaded")


def test_every_kind_has_a_word() -> None:
    for kind in FailureKind:
        error = json.loads(anthropic.error_body(Failure(kind, "text")))
        assert error["type"] == "error"
        assert error["error"]["message"] == "text"
        assert error["error"]["type"]


def test_error_forms() -> None:
    failure = Failure(FailureKind.NOT_FOUND, 'no "model"', code="model_not_found")
    body = {
        "type": "error",
        "error": {
            "type": "not_found_error",
            "message": 'no "model"',
            "details": {"error_code": "model_not_found"},
        },
        "request_id": "req_1",
    }
    assert json.loads(anthropic.error_body(failure, "req_1")) == body
    event = anthropic.error_event(failure, "req_1")
    assert event == b"event: error\ndata: " + anthropic.error_body(failure, "req_1") + b"\n\n"


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (429, b'{"error":{"type":"rate_limit_error","message":"slow"}}', FailureKind.RATE_LIMIT, "slow"),
        (529, b"", FailureKind.OVERLOADED, "the upstream answered with status 529"),
        (400, b"<html>", FailureKind.INVALID_REQUEST, "the upstream answered with status 400"),
        (418, b"[]", FailureKind.INVALID_REQUEST, "the upstream answered with status 418"),
        (502, b'{"error":{"type":"odd","message":"m"}}', FailureKind.UPSTREAM, "m"),
    ],
)
def test_an_answer_with_an_error_status_is_read(
    status: int, body: bytes, kind: FailureKind, message: str
) -> None:
    failure = anthropic.read_error(status, ((b"retry-after", b"2.5"),), body)
    assert (failure.kind, failure.message, failure.retry_after_seconds) == (kind, message, 2.5)
    assert failure.vendor_status == status


@pytest.mark.parametrize(
    ("thread", "kind", "previous", "is_continued"),
    [
        ({"type": "create"}, "create", None, False),
        ({"type": "continue", "previous_message_id": "msg_1"}, "continue", "msg_1", True),
        ({"type": "continue", "previous_message_id": 3}, None, None, True),
        ("odd", None, None, True),
    ],
)
def test_threads(thread: object, kind: str | None, previous: str | None, is_continued: bool) -> None:
    for more in ({}, {"max_tokens": "odd"}):
        fields = anthropic.read_call(json.dumps({"model": "m", "thread": thread, **more}).encode())
        assert fields.thread is not None and fields.is_continued is is_continued
        assert (fields.thread.kind, fields.thread.previous) == (kind, previous)


def test_no_thread() -> None:
    for body in (b"{}", b'{"thread": null}', b'{"thread": null, "model": 3}'):
        assert anthropic.read_call(body).thread is None and not anthropic.read_call(body).is_continued


@pytest.mark.parametrize(
    "body",
    [
        b'[{"error": {"message": "why it is so"}}]',
        b'{"detail": "why it is so"}',
        b'{"detail": [{"loc": ["body", "x"], "msg": "why it is so"}]}',
        b'{"errors": [{"message": "why it is so"}]}',
        b'{"error_msg": "why it is so"}',
        b'{"error": "why it is so"}',
        b'{"message": "why it is so"}',
        b"why it is so",
        b"<html><head><title>why it is so</title></head></html>",
    ],
)
def test_the_words_of_a_proxy_before_the_vendor(body: bytes) -> None:
    assert "why it is so" in anthropic.read_error(400, (), body).message


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'{"error": {}}'])
def test_an_error_without_words(body: bytes) -> None:
    assert anthropic.read_error(418, (), body).message == "the upstream answered with status 418"
