"""The words that every dialect and every pair of them shares. Pure: no IO, no clock, no Django.

Header names are lower-case bytes, in wire order, repeated headers repeated. Counts are tokens.

What is made for every call is a msgspec Struct: as immutable as a frozen dataclass, and a tenth of its cost to make.
`msgspec.structs.replace` changes a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

Headers = tuple[tuple[bytes, bytes], ...]


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


class Usage(msgspec.Struct, frozen=True):
    """What one exchange consumed. `input_tokens` excludes cached ones, whatever the vendor's habit."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    is_estimated: bool = False


class FailureKind(StrEnum):
    """What went wrong, in no dialect. `gateway/errors.py` gives statuses, dialects give words."""

    INVALID_REQUEST = "invalid_request"
    AUTHENTICATION = "authentication"
    BILLING = "billing"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    MEDIA_TYPE = "media_type"  # a body that does not say it is JSON
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    RATE_LIMIT = "rate_limit"
    INTERNAL = "internal"
    UPSTREAM = "upstream"  # the upstream could not be reached, cut the answer, or spoke nonsense
    UNAVAILABLE = "unavailable"  # nothing to serve with: draining, no account, upstream down
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, without an HTTP status of ours."""

    kind: FailureKind
    message: str
    retry_after_seconds: float | None = None
    param: str | None = None  # the field that was wrong, dotted: `messages.0.content`
    vendor_status: int | None = None
    vendor_body: bytes | None = None
    code: str | None = None  # a machine word beside the kind: `model_not_found`, `invalid_activity`
    type: str | None = None  # a dialect's own type word, when the kind's usual one is not meant
    should_retry: bool | None = None  # `x-should-retry`, when the answer must say


class Refused(Exception):
    """The caller's request can't be carried out as asked: raised by dialects and translators."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Truncated(Exception):
    """The upstream's stream ended before its closing event."""


LONG_BYTES = 1024


NO_VALUE = msgspec.Raw(b"")


def long_values(*values: msgspec.Raw) -> tuple[msgspec.Raw, ...]:
    """Those that are worth stepping over."""
    return tuple([value for value in values if len(value) > LONG_BYTES])


class CallFields(msgspec.Struct, frozen=True):
    """The few fields the road needs, read by a partial decoder. None = absent, null, or unreadable."""

    model: str | None = None
    stream: bool = False
    max_tokens: int | None = None
    user_id: str | None = None  # `metadata.user_id`
    prompt_cache_key: str | None = None
    is_readable: bool = True  # False: the body is no JSON object of the dialect
    choices: int = 1  # answers asked for, each as long as the ceiling allows
    long: tuple[msgspec.Raw, ...] = ()  # values of the top level that are long, as they stand in the body


class Call(msgspec.Struct, frozen=True):
    """What the client asked, as it stood on the wire."""

    surface: str  # a name in `gateway/surfaces.py`
    method: str
    path: bytes  # raw, without query, legacy prefix removed
    query: bytes
    headers: Headers
    body: bytes
    fields: CallFields = CallFields()
    continues: str | None = None  # a `previous_response_id` whose conversation the body holds by now


class Target(msgspec.Struct, frozen=True):
    """Where the call goes, as far as a translator must know."""

    model: str | None  # the upstream's name for the model; None = leave the body's own
    provider: str = ""
    max_output_tokens: int | None = None  # the model's ceiling, when a price row knows it
    refuses_sampling: bool | None = None  # None = decide from the model's name and the API version


class WireRequest(msgspec.Struct, frozen=True):
    """What the upstream gets, before a driver adds host and credential. `path` is the vendor's own."""

    method: str
    path: bytes
    query: bytes
    headers: Headers
    body: bytes


class WireAnswer(msgspec.Struct, frozen=True):
    """A whole answer; for a stream the head, with `body` empty."""

    status: int
    headers: Headers
    body: bytes = b""


class Sealer(Protocol):
    """Authenticated encryption for what must travel through a client and come back untouched."""

    def seal(self, plain: bytes, context: str) -> str: ...

    def open(self, sealed: str, context: str) -> bytes | None:
        """None when it was not sealed by us, or for another context."""


MakeId = Callable[[str], str]
"""`ids("msg_")` gives a fresh id with that prefix."""


class Translator(Protocol):
    """One exchange between a surface and an upstream dialect. Synchronous, sans IO, made for one use.

    `request` is repeatable: a retry starts again from the same call. `feed` takes network bytes in
    any split. Whatever can't be carried over faithfully raises `Refused` naming the field.
    """

    @property
    def is_transparent(self) -> bool:
        """True: `feed` takes every 2xx body as it comes. False: only event streams, other bodies go to `response`."""

    @property
    def usage(self) -> Usage: ...

    @property
    def model(self) -> str | None:
        """The model that the upstream says it served."""

    @property
    def failure(self) -> Failure | None:
        """An error seen inside a 200."""

    def request(self, call: Call, target: Target) -> WireRequest: ...

    def response(self, answer: WireAnswer) -> WireAnswer:
        """Status, headers and body as the client gets them: errors, and every answer not streamed.
        For a stream it is called with the head (`body` empty, status 2xx, event-stream type)."""

    def feed(self, chunk: bytes) -> bytes: ...

    def finish(self) -> bytes:
        """The upstream closed. Raises `Truncated` when its closing event had not come."""

    def fail(self, failure: Failure) -> bytes:
        """The surface's own form of an error in the middle of a stream, with its terminal event."""

    def keepalive(self) -> bytes:
        """A ping in the surface's form, or b"" when the stream is inside an event, or unknown."""


class Envelope(Protocol):
    """Bedrock and Vertex: another way to write a messages call, around a messages pair."""

    def unwrap(self, call: Call) -> Call: ...

    def wrap(self, inner: Translator) -> Translator: ...
