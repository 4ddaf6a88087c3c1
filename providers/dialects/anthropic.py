"""The Anthropic Messages dialect: what the road must read, usage, events, and errors. Pure.

Reading is partial and tolerant: unknown fields and event types pass by, and a JSON null is an absent
field. What translators need beyond this stands in `anthropic_messages.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from providers.dialects import sse
from providers.dialects.anthropic_messages import (
    ErrorEvent,
    ErrorFields,
    MessageDelta,
    MessageStart,
    MessageStop,
    UsageFields,
    event_type,
    merge_usage,
    read_event,
)
from providers.dialects.types import (
    NO_VALUE,
    CallFields,
    Failure,
    FailureKind,
    Headers,
    Refused,
    Usage,
    header,
    long_values,
)

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
VERSION = b"2023-06-01"
"""The `anthropic-version` for callers that sent none."""

VERSION_WITHOUT_SAMPLING = b"2026-10-21"
"""From this version on `temperature`, `top_p` and `top_k` are refused by every model."""


# --- what a call asks -------------------------------------------------------------------------------


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Call(msgspec.Struct):
    model: str | None = None
    stream: bool | None = None
    max_tokens: int | None = None
    metadata: _Metadata | None = None
    system: msgspec.Raw = NO_VALUE
    tools: msgspec.Raw = NO_VALUE
    messages: msgspec.Raw = NO_VALUE


class _LooseCall(msgspec.Struct):
    model: Any = None
    stream: Any = None
    max_tokens: Any = None
    metadata: Any = None


_call_decoder = msgspec.json.Decoder(_Call)
_loose_call_decoder = msgspec.json.Decoder(_LooseCall)


def read_call(body: bytes) -> CallFields:
    """The fields of a messages body. Of a wrong type: None. No JSON object: `is_readable` is False."""
    try:
        call = _call_decoder.decode(body)
    except msgspec.ValidationError:
        return _read_loosely(body)
    except (msgspec.DecodeError, RecursionError):
        return CallFields(is_readable=False)
    user_id = call.metadata.user_id if call.metadata is not None else None
    return CallFields(
        model=call.model,
        stream=call.stream is True,
        max_tokens=call.max_tokens,
        user_id=user_id,
        long=long_values(call.system, call.tools, call.messages),
    )


def _read_loosely(body: bytes) -> CallFields:
    try:
        call = _loose_call_decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return CallFields(is_readable=False)
    user_id = call.metadata.get("user_id") if isinstance(call.metadata, dict) else None
    is_count = isinstance(call.max_tokens, int) and not isinstance(call.max_tokens, bool)
    return CallFields(
        model=call.model if isinstance(call.model, str) else None,
        stream=call.stream is True,
        max_tokens=call.max_tokens if is_count else None,
        user_id=user_id if isinstance(user_id, str) else None,
    )


# --- usage ------------------------------------------------------------------------------------------


class _Totals(msgspec.Struct):
    model: str | None = None
    usage: UsageFields | None = None


_totals_decoder = msgspec.json.Decoder(_Totals)


def read_totals(body: bytes) -> tuple[str | None, Usage]:
    """`(model, usage)` of a whole answer, nothing else decoded. Unreadable: `(None, Usage())`."""
    try:
        seen = _totals_decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None, Usage()
    return seen.model, merge_usage(Usage(), seen.usage)


class StreamTotals:
    """Watches a stream go by: usage, model, error, and whether its closing event has come.

    Parses only the events that carry one of these. Never raises: what it cannot read, it passes by.
    """

    __slots__ = ("failure", "is_finished", "model", "usage")

    def __init__(self) -> None:
        self.usage = Usage()
        self.model: str | None = None
        self.failure: Failure | None = None
        self.is_finished = False  # `message_stop` or `error` was seen

    def see(self, name: bytes, data: bytes) -> None:
        if (name or event_type(data).encode()) not in _TOTAL_EVENTS:
            return
        try:
            event = read_event(data)
        except Refused:
            return
        if isinstance(event, MessageDelta):
            self.usage = merge_usage(self.usage, event.usage)
        elif isinstance(event, MessageStart):
            self.model = event.message.model
            self.usage = merge_usage(self.usage, event.message.usage)
        elif isinstance(event, MessageStop):
            self.is_finished = True
        elif isinstance(event, ErrorEvent):
            self.is_finished = True
            self.failure = failure_of(event.error)


_TOTAL_EVENTS = frozenset((b"message_start", b"message_delta", b"message_stop", b"error"))


# --- errors -----------------------------------------------------------------------------------------

_WORDS = {
    FailureKind.INVALID_REQUEST: "invalid_request_error",
    FailureKind.AUTHENTICATION: "authentication_error",
    FailureKind.BILLING: "billing_error",
    FailureKind.PERMISSION: "permission_error",
    FailureKind.NOT_FOUND: "not_found_error",
    FailureKind.METHOD_NOT_ALLOWED: "invalid_request_error",
    FailureKind.MEDIA_TYPE: "invalid_request_error",
    FailureKind.CONFLICT: "conflict_error",
    FailureKind.TOO_LARGE: "request_too_large",
    FailureKind.RATE_LIMIT: "rate_limit_error",
    FailureKind.INTERNAL: "api_error",
    FailureKind.UPSTREAM: "api_error",
    FailureKind.UNAVAILABLE: "api_error",
    FailureKind.OVERLOADED: "overloaded_error",
    FailureKind.TIMEOUT: "timeout_error",
}

_KINDS = {
    "invalid_request_error": FailureKind.INVALID_REQUEST,
    "authentication_error": FailureKind.AUTHENTICATION,
    "billing_error": FailureKind.BILLING,
    "permission_error": FailureKind.PERMISSION,
    "not_found_error": FailureKind.NOT_FOUND,
    "conflict_error": FailureKind.CONFLICT,
    "request_too_large": FailureKind.TOO_LARGE,
    "rate_limit_error": FailureKind.RATE_LIMIT,
    "api_error": FailureKind.UPSTREAM,
    "overloaded_error": FailureKind.OVERLOADED,
    "timeout_error": FailureKind.TIMEOUT,
}

_KINDS_BY_STATUS = {
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
    503: FailureKind.OVERLOADED,
    504: FailureKind.TIMEOUT,
    529: FailureKind.OVERLOADED,
}


def error_type(failure: Failure) -> str:
    """The dialect's word for it: `rate_limit_error`."""
    return failure.type or _WORDS[failure.kind]


def _error(failure: Failure, request_id: str | None) -> bytes:
    error: dict[str, object] = {"type": error_type(failure), "message": failure.message}
    if failure.code is not None:
        error["details"] = {"error_code": failure.code}
    body: dict[str, object] = {"type": "error", "error": error}
    if request_id is not None:
        body["request_id"] = request_id
    return orjson.dumps(body)


def error_body(failure: Failure, request_id: str | None = None) -> bytes:
    """The JSON body of an answer that is an error."""
    return _error(failure, request_id)


def error_event(failure: Failure, request_id: str | None = None) -> bytes:
    """The event that ends a stream with an error."""
    return sse.event(b"error", _error(failure, request_id))


def failure_of(error: ErrorFields) -> Failure:
    """What an `error` event inside a 200 says. An unknown type word is kept, as kind `upstream`."""
    word = error.type or "api_error"
    kind = _KINDS.get(word, FailureKind.UPSTREAM)
    return Failure(kind, error.message or word, type=None if word in _KINDS else word)


class _ErrorBody(msgspec.Struct):
    error: ErrorFields | None = None


_error_decoder = msgspec.json.Decoder(_ErrorBody)


def read_error(status: int, headers: Headers, body: bytes) -> Failure:
    """What an answer with an error status says. The status decides where the body has no known word."""
    try:
        error = _error_decoder.decode(body).error or ErrorFields()
    except msgspec.DecodeError:
        error = ErrorFields()
    kind = _KINDS.get(error.type or "") or _KINDS_BY_STATUS.get(status)
    if kind is None:
        kind = FailureKind.INVALID_REQUEST if 400 <= status < 500 else FailureKind.UPSTREAM
    return Failure(
        kind,
        error.message or f"the upstream answered with status {status}",
        retry_after_seconds=_seconds(header(headers, b"retry-after")),
        vendor_status=status,
        vendor_body=body,
        type=None if error.type in _KINDS else error.type,
    )


def _seconds(value: bytes | None) -> float | None:
    """`retry-after` in seconds. The date form needs a clock: the header itself is passed on."""
    try:
        seconds = float(value) if value is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < 1e9 else None
