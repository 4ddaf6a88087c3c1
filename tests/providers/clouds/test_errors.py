"""Errors of clouds in sentences of ours, with nothing of theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.clouds.errors import clean_event, forwarded, masked, read, told
from providers.dialects.types import WireAnswer

ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x"


def answer(status: int, document: Any, *headers: tuple[bytes, bytes]) -> WireAnswer:
    return WireAnswer(status, headers, json.dumps(document).encode())


def shown(
    status: int, document: Any, *headers: tuple[bytes, bytes], **how: Any
) -> tuple[int, dict[str, Any]]:
    raw = answer(status, document, *headers)
    out = told(raw, read(raw), ("secret-project",), **how)
    return out.status, json.loads(out.body)


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (400, {"__type": "com.amazon#ValidationException", "message": ARN}, "invalid_request_error"),
        (403, {"__type": "ExpiredTokenException", "message": ARN}, "authentication_error"),
        (403, {"message": f"Signature expired: {ARN}"}, "authentication_error"),
        (403, {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": ARN}}, "permission_error"),
        (503, [{"error": {"code": 503, "status": "UNAVAILABLE", "message": ARN}}], "overloaded_error"),
        (429, {"error": {"code": "RateLimitReached", "message": ARN}}, "rate_limit_error"),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": ARN}}, "overloaded_error"),
        (502, "<html>", "api_error"),
    ],
)
def test_every_form_has_a_type_and_no_id(status: int, document: Any, kind: str) -> None:
    seen, body = shown(status, document)
    assert (seen, body["error"]["type"]) == (status, kind)
    assert body["error"]["message"] and "arn:" not in str(body) and "1234" not in str(body)


def test_anthropics_own_envelope_passes_byte_for_byte_unless_it_names_what_is_ours() -> None:
    raw = WireAnswer(
        400, (), b'{"type":"error",  "error":{"type":"invalid_request_error","message":"max_tokens"}}'
    )
    assert told(raw, read(raw)).body == raw.body
    _, body = shown(
        400, {"type": "error", "error": {"type": "invalid_request_error", "message": f"{ARN} no"}}
    )
    assert body["error"]["message"] == "… no"


def test_what_clients_act_on_is_said_in_their_words() -> None:
    assert shown(400, {"message": "Input is too long for requested model."})[1]["error"]["message"] == (
        "Input is too long."
    )
    words = "messages.1.content.0: Invalid `signature` in `thinking` block"
    assert "signature" in shown(400, {"message": words})[1]["error"]["message"]


def test_a_count_that_is_not_there_is_501() -> None:
    named = (b"x-amzn-errortype", b"UnknownOperationException:http://x/")
    assert shown(404, {"message": "?"}, named, is_count=True)[0] == 501
    assert (
        shown(429, {"message": "?"}, (b"x-amzn-errortype", b"ThrottlingException"), is_count=True)[0] == 429
    )


def test_ids_are_masked_in_texts() -> None:
    text = f"{ARN} of 123456789012 in projects/abc/locations, secret-project, wrkspc_01AB, 1234567890123"
    assert masked(text, ("secret-project",)) == "… of … in …, …, …, 1234567890123"


def test_headers_of_clouds_stay_here() -> None:
    headers = (
        (b"x-amzn-requestid", b"1"),
        (b"content-type", b"x"),
        (b"request-id", b"r"),
        (b"x-goog-a", b"b"),
    )
    assert forwarded(headers) == ((b"content-type", b"x"), (b"request-id", b"r"))


def test_an_error_event_is_told_anew() -> None:
    event = (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"arn:aws:x"}}\n\n'
    )
    assert b"arn:" not in clean_event(event) and b"overloaded_error" in clean_event(event)
    other = b'event: content_block_delta\ndata: {"type":"x","error":{}}\n\n'
    assert clean_event(other) is other


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ThrottlingException", 429),
        ("ServiceQuotaExceededException", 429),
        ("ExpiredTokenException", 403),
        ("AccessDeniedException", 403),
        ("ResourceNotFoundException", 404),
        ("ServiceUnavailableException", 503),
        ("ValidationException", 400),
        ("SomethingElse", 400),
    ],
)
def test_what_aws_answers_with_a_400_has_the_status_of_its_name(name: str, status: int) -> None:
    headers = ((b"x-amzn-errortype", name.encode() + b":http://internal.amazon.com/"),)
    answer = WireAnswer(400, headers, b'{"message": "words"}')
    assert told(answer, read(answer)).status == status
