"""The Anthropic Messages dialect: fields of a call, usage, events, and errors.

Pure. Reading is partial and tolerant: unknown fields and event types pass by, and a JSON null is an absent
field. What translators need beyond this stands in `anthropic_messages.py`.
"""

from __future__ import annotations

import msgspec
import orjson

from providers.dialects import sse
from providers.dialects.anthropic_call import read_call as read_call
from providers.dialects.anthropic_messages import (
    BlockDelta,
    ErrorEvent,
    ErrorFields,
    MessageDelta,
    MessageStart,
    MessageStop,
    event_type,
    merge_usage,
    read_event,
)
from providers.dialects.anthropic_messages import read_totals as read_totals
from providers.dialects.error_shapes import MAX_WORDS, UNTOLD, error_in, event_error, plain_words
from providers.dialects.made import by_messages
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.openai_errors import failure_from_object
from providers.dialects.responses_usage import tokens_in
from providers.dialects.types import (
    UNREAD,
    Failure,
    FailureKind,
    Headers,
    Made,
    Refused,
    Usage,
    header,
)

PING, VERSION = b'event: ping\ndata: {"type": "ping"}\n\n', b"2023-06-01"
"""The `anthropic-version` for callers that sent none."""
VERSION_WITHOUT_SAMPLING = b"2026-10-21"
"""From this version on `temperature`, `top_p` and `top_k` are refused by every model."""


# --- usage ------------------------------------------------------------------------------------------


class _Identified(msgspec.Struct):
    id: str | None = None


_id_decoder = msgspec.json.Decoder(_Identified)


def message_id(body: bytes) -> str | None:
    """Return the id of a whole answer; None when it has none, or can't be read."""
    try:
        return tolerant(_id_decoder.decode, body).id
    except UNREADABLE:
        return None


class StreamTotals(msgspec.Struct):
    """Totals of a stream that passes by: usage, model, error, and whether its closing event has come.

    Parses only the events that carry one of these. Never raises: what it cannot read, it passes by.
    """

    usage: Usage = UNREAD  # as long as nobody has told it
    model: str | None = None
    failure: Failure | None = None
    is_finished: bool = False  # `message_stop` or `error` was seen
    message_id: str | None = None
    made: list[Made] | None = None  # what the answer has made, where somebody wants to know
    frame: int = 0  # bytes of a delta's event without what the model says in it; 0: not known
    deltas: int = 0  # that were seen here
    other_bytes: int = 0  # of events in which the model says nothing

    def see(self, name: bytes, data: bytes) -> None:
        kind = name or event_type(data).encode()
        if kind == DELTA:
            self.deltas += 1
            self.frame = self.frame or frame_of(data)
            return
        self.other_bytes += EVENT_FRAME + len(kind) + len(data)
        if kind not in _TOTAL_EVENTS:
            if name == sse.BARE:
                self.failure = failure_told(data)
            elif self.made is not None and name == b"content_block_start" and b'"file_id"' in data:
                self.made += by_messages(data)
            return
        try:
            event = read_event(data)
        except Refused:
            return
        if isinstance(event, MessageDelta):
            self.usage = merge_usage(self.usage, event.usage)
            if self.made is not None and (b'"container"' in data or b'"fallback_credit_token"' in data):
                self.made += by_messages(data)
        elif isinstance(event, MessageStart):
            self.model, self.message_id = event.message.model, event.message.id
            self.usage = merge_usage(self.usage, event.message.usage)
        elif isinstance(event, MessageStop):
            self.is_finished = True
        elif isinstance(event, ErrorEvent):
            self.is_finished = True
            self.failure = failure_of(event.error)

    def written(self, size: int, more_deltas: int) -> int:
        """Return the tokens that the model has written into events of so many bytes; 0 when it can't be told."""
        return tokens_in(size - self.other_bytes, self.frame, self.deltas + more_deltas)


DELTA = b"content_block_delta"
EVENT_FRAME = len(b"event: \ndata: \n\n")
OTHER_FRAME = EVENT_FRAME + len(b"content_block_stop")
"""About what an event has around its data, where its name is not known."""


def frame_of(data: bytes) -> int:
    """Return the bytes of a delta's event around what the model says in it; 0 when it says nothing."""
    try:
        delta = read_event(data)
    except Refused:
        return 0
    if not isinstance(delta, BlockDelta):
        return 0
    said = delta.delta.text or delta.delta.thinking or delta.delta.partial_json or delta.delta.signature
    return EVENT_FRAME + len(DELTA) + len(data) + 2 - len(orjson.dumps(said)) if said else 0


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
    """Return the dialect's word for a failure, such as `rate_limit_error`."""
    return failure.type or _WORDS[failure.kind]


def error_body(failure: Failure, request_id: str | None = None) -> bytes:
    """Return the JSON body of an answer that is an error."""
    error: dict[str, object] = {"type": error_type(failure), "message": failure.message}
    if failure.code is not None:
        error["details"] = {"error_code": failure.code}
    body: dict[str, object] = {"type": "error", "error": error}
    if request_id is not None:
        body["request_id"] = request_id
    return orjson.dumps(body)


def error_event(failure: Failure, request_id: str | None = None) -> bytes:
    """Return the event that ends a stream with an error."""
    return sse.event(b"error", error_body(failure, request_id))


def failure_of(error: ErrorFields) -> Failure:
    """Convert an `error` event inside a 200 to a failure.

    An unknown type word is kept, as kind `upstream`.
    """
    word = error.type or "api_error"
    kind = _KINDS.get(word, FailureKind.UPSTREAM)
    return Failure(kind, error.message or word, type=None if word in _KINDS else word)


def failure_told(data: bytes) -> Failure | None:
    """Return the error that an event without a known type is, of whatever shape; None for one that is no error."""
    try:
        error = event_error(tolerant(orjson.loads, data))
    except UNREADABLE:
        return None
    return None if error is None else failure_from_object(error)


class _ErrorBody(msgspec.Struct):
    error: ErrorFields | None = None


_error_decoder = msgspec.json.Decoder(_ErrorBody)


def read_error(status: int, headers: Headers, body: bytes) -> Failure:
    """Convert an answer with an error status to a failure.

    The status decides where the body has no known word.
    """
    try:
        error = tolerant(_error_decoder.decode, body).error or ErrorFields()
    except UNREADABLE:
        error = ErrorFields()
    kind = _KINDS.get(error.type or "") or _KINDS_BY_STATUS.get(status)
    if kind is None:
        kind = FailureKind.INVALID_REQUEST if 400 <= status < 500 else FailureKind.UPSTREAM
    return Failure(
        kind,
        error.message or _words_elsewhere(body) or f"the upstream answered with status {status}",
        retry_after_seconds=_seconds(header(headers, b"retry-after")),
        vendor_status=status,
        vendor_body=body,
        type=None if error.type in _KINDS else error.type,
    )


def _words_elsewhere(body: bytes) -> str:
    """Return what an error says that is not of Anthropic's form: a proxy stands before some upstreams."""
    try:
        told: object = error_in(tolerant(orjson.loads, body))
    except UNREADABLE:
        told = plain_words(body)
    words = failure_from_object(told).message if told else UNTOLD
    return "" if words == UNTOLD else words[:MAX_WORDS]


def _seconds(value: bytes | None) -> float | None:
    """Return `retry-after` in seconds; None for the date form.

    A date needs a clock: the header itself is passed on.
    """
    try:
        seconds = float(value) if value is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < 1e9 else None
