"""Errors in OpenAI's words, both ways: our `Failure` written out, a vendor's error body read in.

Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from providers.dialects.error_shapes import UNTOLD, error_in, plain_words, words_of
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.overflow import TOO_LONG, overflow_of
from providers.dialects.types import Failure, FailureKind, Headers, header

Words = tuple[str, str | None]

WORDS: dict[FailureKind, Words] = {
    FailureKind.INVALID_REQUEST: ("invalid_request_error", None),
    FailureKind.AUTHENTICATION: ("authentication_error", "invalid_api_key"),
    FailureKind.BILLING: ("insufficient_quota", "insufficient_quota"),
    FailureKind.PERMISSION: ("permission_error", None),
    FailureKind.NOT_FOUND: ("invalid_request_error", None),
    FailureKind.METHOD_NOT_ALLOWED: ("invalid_request_error", "method_not_allowed"),
    FailureKind.MEDIA_TYPE: ("invalid_request_error", None),
    FailureKind.CONFLICT: ("invalid_request_error", "conflict"),
    FailureKind.TOO_LARGE: ("invalid_request_error", "request_too_large"),
    FailureKind.RATE_LIMIT: ("rate_limit_error", "rate_limit_exceeded"),
    FailureKind.INTERNAL: ("server_error", "server_error"),
    FailureKind.UPSTREAM: ("server_error", "server_error"),
    FailureKind.UNAVAILABLE: ("server_error", "service_unavailable"),
    FailureKind.OVERLOADED: ("server_error", "server_is_overloaded"),
    FailureKind.TIMEOUT: ("server_error", "timeout"),
}

_KIND_BY_CODE: dict[str, FailureKind] = {
    "invalid_api_key": FailureKind.AUTHENTICATION,
    "authentication_error": FailureKind.AUTHENTICATION,
    "insufficient_quota": FailureKind.BILLING,
    "billing_error": FailureKind.BILLING,
    "permission_error": FailureKind.PERMISSION,
    "model_not_found": FailureKind.NOT_FOUND,
    "not_found_error": FailureKind.NOT_FOUND,
    "rate_limit_exceeded": FailureKind.RATE_LIMIT,
    "rate_limit_error": FailureKind.RATE_LIMIT,
    "server_is_overloaded": FailureKind.OVERLOADED,
    "overloaded_error": FailureKind.OVERLOADED,
    "slow_down": FailureKind.OVERLOADED,
    "timeout": FailureKind.TIMEOUT,
    "timeout_error": FailureKind.TIMEOUT,
    TOO_LONG: FailureKind.INVALID_REQUEST,
    "invalid_prompt": FailureKind.INVALID_REQUEST,
    "invalid_image": FailureKind.INVALID_REQUEST,
    "invalid_request_error": FailureKind.INVALID_REQUEST,
}

_KIND_BY_STATUS: dict[int, FailureKind] = {
    400: FailureKind.INVALID_REQUEST,
    401: FailureKind.AUTHENTICATION,
    402: FailureKind.BILLING,
    403: FailureKind.PERMISSION,
    404: FailureKind.NOT_FOUND,
    405: FailureKind.METHOD_NOT_ALLOWED,
    415: FailureKind.MEDIA_TYPE,
    408: FailureKind.TIMEOUT,
    409: FailureKind.CONFLICT,
    413: FailureKind.TOO_LARGE,
    422: FailureKind.INVALID_REQUEST,
    429: FailureKind.RATE_LIMIT,
    500: FailureKind.INTERNAL,
    502: FailureKind.UPSTREAM,
    503: FailureKind.OVERLOADED,
    504: FailureKind.TIMEOUT,
    529: FailureKind.OVERLOADED,
}


def is_too_long(message: str) -> bool:
    """Return whether the text says that the call does not fit the model's context."""
    return overflow_of(message) is not None


def words(failure: Failure) -> Words:
    """Return `(type, code)` of a failure.

    Codex and others branch on the code `context_length_exceeded`.
    """
    kind_type, kind_code = WORDS[failure.kind]
    code = failure.code or kind_code
    if failure.kind is FailureKind.INVALID_REQUEST and code is None and is_too_long(failure.message):
        code = TOO_LONG
    return failure.type or kind_type, code


def error_object(failure: Failure) -> dict[str, Any]:
    """Return `{"message", "type", "param", "code"}`."""
    kind_type, code = words(failure)
    return {"message": failure.message, "type": kind_type, "param": failure.param or None, "code": code}


def error_body(failure: Failure, request_id: str | None = None) -> bytes:
    """Return `{"error": {…}}`.

    The dialect has no place for the request id; it travels as `x-request-id`.
    """
    return orjson.dumps({"error": error_object(failure)})


def kind_of(status: int | None, code: object, type_word: object) -> FailureKind:
    """Return the kind that an OpenAI-style error means.

    The code says more than the type, both more than the status.
    """
    for word in (code, type_word):
        kind = _KIND_BY_CODE.get(word) if isinstance(word, str) else None
        if kind is not None and not (kind is FailureKind.INVALID_REQUEST and (status or 400) != 400):
            return kind
    if status is None:
        return FailureKind.UPSTREAM
    by_status = _KIND_BY_STATUS.get(status)
    if by_status is not None:
        return by_status
    return FailureKind.UPSTREAM if status >= 500 else FailureKind.INVALID_REQUEST


def failure_from_object(error: object, status: int | None = None) -> Failure:
    """Convert an `error` member of a body or an event, of whatever shape, to a `Failure`.

    One that says that the call does not fit the context is `context_length_exceeded`, whatever its code was.
    """
    error = error_in(error) or error
    if not isinstance(error, dict):
        message = error if isinstance(error, str) and error else UNTOLD
        code = type_word = param = None
    else:
        message, code, param = words_of(error) or UNTOLD, error.get("code"), error.get("param")
        type_word = error.get("type")
        if status is None and isinstance(code, int) and 400 <= code <= 599:
            status = code
    if overflow_of(message, status, code, type_word) is not None:
        return Failure(FailureKind.INVALID_REQUEST, message, vendor_status=status, code=TOO_LONG)
    return Failure(
        kind_of(status, code, type_word),
        message,
        param=param if isinstance(param, str) else None,
        vendor_status=status,
        code=code if isinstance(code, str) else None,
    )


def read_failure(status: int, headers: Headers, body: bytes) -> Failure:
    """Convert an answer that is no success to a `Failure` that keeps the vendor's status, body and delay."""
    try:
        told: object = tolerant(orjson.loads, body)
    except UNREADABLE:
        told = plain_words(body)
    seen = failure_from_object(told or f"The upstream answered {status}", status)
    if seen.message == UNTOLD:
        seen = replace(seen, message=f"The upstream answered {status}")
    return replace(seen, retry_after_seconds=_retry_after(headers), vendor_status=status, vendor_body=body)


def _retry_after(headers: Headers) -> float | None:
    """Return the delay in seconds.

    A date (which needs a clock) is left to the code that passes the header on.
    """
    for name, unit in ((b"retry-after-ms", 1000.0), (b"retry-after", 1.0)):
        raw = header(headers, name)
        if raw is None:
            continue
        try:
            seconds = float(raw) / unit
        except ValueError:
            continue
        if 0 <= seconds < 1e9:  # neither of them is NaN
            return seconds
    return None
