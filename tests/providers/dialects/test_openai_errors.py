from __future__ import annotations

import json

import pytest

from providers.dialects.openai_errors import (
    WORDS,
    error_body,
    error_object,
    failure_from_object,
    kind_of,
    read_failure,
)
from providers.dialects.types import Failure, FailureKind


def test_every_kind_has_words() -> None:
    assert set(WORDS) == set(FailureKind)


def test_the_body_has_the_four_members() -> None:
    failure = Failure(FailureKind.RATE_LIMIT, "Slow down", param="model")
    assert json.loads(error_body(failure, "req_1")) == {
        "error": {
            "message": "Slow down",
            "type": "rate_limit_error",
            "param": "model",
            "code": "rate_limit_exceeded",
        }
    }


def test_a_field_without_a_name_is_null() -> None:
    failure = Failure(FailureKind.INVALID_REQUEST, "the body is not valid JSON", param="")
    assert json.loads(error_body(failure))["error"]["param"] is None


def test_a_failure_s_own_words_win() -> None:
    failure = Failure(FailureKind.NOT_FOUND, "No such model", code="model_not_found", type="not_found_error")
    assert error_object(failure)["code"] == "model_not_found"
    assert error_object(failure)["type"] == "not_found_error"


@pytest.mark.parametrize(
    "message", ["prompt is too long: 210000 tokens > 200000", "exceeds the context window"]
)
def test_a_full_context_has_the_code_that_codex_branches_on(message: str) -> None:
    assert error_object(Failure(FailureKind.INVALID_REQUEST, message))["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    ("status", "code", "type_word", "kind"),
    [
        (400, None, "invalid_request_error", FailureKind.INVALID_REQUEST),
        (401, "invalid_api_key", "invalid_request_error", FailureKind.AUTHENTICATION),
        (401, None, "invalid_request_error", FailureKind.AUTHENTICATION),
        (403, None, None, FailureKind.PERMISSION),
        (404, "model_not_found", "invalid_request_error", FailureKind.NOT_FOUND),
        (413, None, None, FailureKind.TOO_LARGE),
        (418, None, None, FailureKind.INVALID_REQUEST),
        (422, None, None, FailureKind.INVALID_REQUEST),
        (429, "rate_limit_exceeded", "tokens", FailureKind.RATE_LIMIT),
        (429, "insufficient_quota", "insufficient_quota", FailureKind.BILLING),
        (500, None, "server_error", FailureKind.INTERNAL),
        (503, None, None, FailureKind.OVERLOADED),
        (504, None, None, FailureKind.TIMEOUT),
        (599, None, None, FailureKind.UPSTREAM),
        (None, "server_is_overloaded", "server_error", FailureKind.OVERLOADED),
        (None, None, None, FailureKind.UPSTREAM),
        (None, 17, ["x"], FailureKind.UPSTREAM),
    ],
)
def test_what_an_error_means(status: int | None, code: object, type_word: object, kind: FailureKind) -> None:
    assert kind_of(status, code, type_word) is kind


def test_a_vendor_s_error_keeps_status_body_and_delay() -> None:
    body = b'{"error": {"message": "Slow", "type": "tokens", "param": null, "code": "rate_limit_exceeded"}}'
    failure = read_failure(429, ((b"retry-after", b"20"), (b"retry-after-ms", b"19500")), body)
    assert failure == Failure(
        FailureKind.RATE_LIMIT,
        "Slow",
        retry_after_seconds=19.5,
        vendor_status=429,
        vendor_body=body,
        code="rate_limit_exceeded",
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"detail": "no"}', b'{"error": null}'])
def test_an_error_of_unknown_shape_is_still_one(body: bytes) -> None:
    failure = read_failure(502, ((b"retry-after", b"Wed, 21 Oct 2026 07:28:00 GMT"),), body)
    assert failure.kind is FailureKind.UPSTREAM and failure.message
    assert failure.retry_after_seconds is None


def test_errors_inside_events() -> None:
    assert failure_from_object("overloaded").message == "overloaded"
    assert (
        failure_from_object({"error": {"message": "inner", "code": "slow_down"}}).kind
        is FailureKind.OVERLOADED
    )
    by_number = failure_from_object({"message": "busy", "code": 503})
    assert (
        by_number.kind is FailureKind.OVERLOADED and by_number.vendor_status == 503 and by_number.code is None
    )
    assert failure_from_object({"message": "m", "param": "n"}).param == "n"
