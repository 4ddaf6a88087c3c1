"""Vocabulary that every dialect and every pair of them shares.

Pure: no IO, no clock, no Django. Header names are lower-case bytes, in wire order, repeated headers repeated.
Counts are tokens.

Values made for every call are msgspec Structs: as immutable as a frozen dataclass, and a tenth of its cost
to make. `msgspec.structs.replace` changes a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

Headers = tuple[tuple[bytes, bytes], ...]


def header(headers: Headers, name: bytes) -> bytes | None:
    """Return the first value of `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


class Part(msgspec.Struct, frozen=True):
    """Tokens of a step inside one exchange that the counts of the whole do not have: a compaction, an adviser's."""

    model: str | None = None  # None = the exchange's own
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0


class Usage(msgspec.Struct, frozen=True):
    """Tokens that one exchange consumed, and what else has a price.

    `input_tokens` excludes cached ones, whatever the vendor's habit.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    is_estimated: bool = False
    web_searches: int = 0
    modes: tuple[str, ...] = ()  # what multiplies the price: some of `MODES`
    parts: tuple[Part, ...] = ()


BATCH, FAST, REGION = MODES = ("batch", "fast", "region")
"""Work that may wait, work that goes first, work that stays in a region."""


MOST_TOKENS = 10**12
"""No count of a vendor's is believed beyond this: rows and sums must hold it."""

UNREAD = Usage(is_estimated=True)
"""There was an answer, and what it says of its usage could not be read: somebody must estimate it."""


class FailureKind(StrEnum):
    """Kinds of failure, in no dialect.

    `gateway/relay/errors.py` maps them to statuses, the dialects to words.
    """

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
    """One failure, without an HTTP status of ours."""

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
    """Raised by dialects and translators when the caller's request can't be carried out as asked."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Truncated(Exception):
    """Raised when the upstream's stream ended before its closing event."""


LONG_BYTES = 1024
NO_VALUE = msgspec.Raw(b"")


class Thread(msgspec.Struct, frozen=True, rename={"kind": "type", "previous": "previous_message_id"}):
    """A message thread, which the vendor keeps: a call begins one, or goes on behind a message of it."""

    kind: str | None = None
    previous: str | None = None

    @property
    def is_continued(self) -> bool:
        """Return whether the call holds the new turn alone."""
        return self.kind != "create"


class CallFields(msgspec.Struct, frozen=True):
    """The few fields that the relay needs, read by a partial decoder.

    None = absent, null, or unreadable.
    """

    model: str | None = None
    stream: bool = False
    max_tokens: int | None = None
    user_id: str | None = None  # `metadata.user_id`
    prompt_cache_key: str | None = None
    is_readable: bool = True  # False: the body is no JSON object of the dialect
    choices: int = 1  # answers asked for, each as long as the ceiling allows
    long: tuple[msgspec.Raw, ...] = ()  # values of the top level that are long, as they stand in the body
    modes: tuple[str, ...] = ()  # some of `MODES`, where the call asks for them
    has_container: bool = False  # names a container or a credit, or what a container is to hold
    rare: tuple[str, ...] | None = None  # members that not every upstream takes; None: nobody has looked
    is_foreign: bool = False  # the body seems to be written in another API's form
    thread: Thread | None = None
    is_background: bool = False  # the answer is to be made while nobody waits for it
    is_continued: bool = False  # only one account can serve the call: it has what went before in the thread

    def streamed(self) -> CallFields:
        """Return the same fields of a call that asks for a stream."""
        return msgspec.structs.replace(self, stream=True)


class Call(msgspec.Struct, frozen=True):
    """One request of a client, as it stood on the wire."""

    surface: str  # a name in `gateway/exchange/surfaces.py`
    method: str
    path: bytes  # raw, without query, legacy prefix removed
    query: bytes
    headers: Headers
    body: bytes
    fields: CallFields = CallFields()
    continues: str | None = None  # a `previous_response_id` whose conversation the body holds by now
    cloud_id: str = (
        ""  # the model's id as a caller of a cloud's surface wrote it, where it is another than Anthropic's
    )


class Target(msgspec.Struct, frozen=True):
    """Destination of a call, as far as a translator must know it."""

    model: str | None  # the upstream's name for the model; None = leave the body's own
    provider: str = ""
    id: str | None = None  # what the model is called on the wire there, where that is another name
    max_output_tokens: int | None = None  # the model's ceiling, when a price row knows it
    refuses_sampling: bool | None = None  # None = decide from the model's name and the API version
    is_verbatim: bool = False  # nothing is asked of the upstream that the caller did not ask for
    takes_usage_option: bool = True  # False: `stream_options` is refused there
    compacts: bool = False  # it sums up Responses conversations by itself
    may_see_seals: bool = False  # other dialects are spoken here, too: histories may hold seals of ours
    names_asked: bool = False  # the answer names the model that was asked, whatever the upstream says


class Made(msgspec.Struct, frozen=True):
    """Something that an answer has made, and that its upstream keeps: a container, a file, a stored response."""

    kind: str
    id: str


class WireRequest(msgspec.Struct, frozen=True):
    """The request to the upstream, before a driver adds host and credential.

    `path` is the vendor's own.
    """

    method: str
    path: bytes
    query: bytes
    headers: Headers
    body: bytes
    fields: CallFields | None = None  # what was read of the body, where it has passed but for its model


class WireAnswer(msgspec.Struct, frozen=True):
    """One answer; for a stream its head, with `body` empty."""

    status: int
    headers: Headers
    body: bytes = b""


class Sealer(Protocol):
    """Authenticated encryption for what must travel through a client and come back untouched."""

    prefix: str  # of every seal

    def seal(self, plain: bytes, context: str) -> str: ...

    def open(self, sealed: str, context: str) -> bytes | None:
        """Return the plain bytes; None when it was not sealed by us, or for another context."""


Moment = float | Callable[[], float]
"""Unix seconds, or a clock: for those who also tell when an answer has ended."""


def seconds(now: Moment) -> int:
    """Return whole Unix seconds, as they are now where a clock was given."""
    return int(now() if callable(now) else now)


MakeId = Callable[[str], str]
"""`ids("msg_")` gives a fresh id with that prefix."""


class Translator(Protocol):
    """One exchange between a surface and an upstream dialect.

    Synchronous, sans IO, made for one use. `request` is repeatable: a retry starts again from the same call.
    `feed` takes network bytes in any split. Whatever can't be carried over faithfully raises `Refused` naming
    the field.
    """

    @property
    def is_transparent(self) -> bool:
        """Tell whether `feed` takes every 2xx body; else it takes event streams, and `response` the others."""

    @property
    def usage(self) -> Usage: ...

    @property
    def model(self) -> str | None:
        """Return the model that the upstream says it served."""

    @property
    def failure(self) -> Failure | None:
        """Return an error seen inside a 200; None when there was none."""

    def written(self, size: int) -> int:
        """Return the tokens that so many bytes of a stream have told that nobody counted; 0: not known."""

    def request(self, call: Call, target: Target) -> WireRequest: ...

    def response(self, answer: WireAnswer) -> WireAnswer:
        """Return status, headers and body as the client gets them: errors, and every answer not streamed.

        For a stream it is called with the head (`body` empty, status 2xx, event-stream type).
        """

    def feed(self, chunk: bytes) -> bytes: ...

    def finish(self) -> bytes:
        """Return the last bytes, once the upstream has closed.

        Raises `Truncated` when its closing event had not come.
        """

    def fail(self, failure: Failure) -> bytes:
        """Return the surface's own form of an error in the middle of a stream, with its terminal event."""

    def keepalive(self) -> bytes:
        """Return a ping in the surface's form, or b"" when the stream is inside an event, or unknown."""


class Envelope(Protocol):
    """Bedrock's or Vertex's other way to write a messages call, around a messages pair."""

    def unwrap(self, call: Call) -> Call: ...

    def wrap(self, inner: Translator) -> Translator: ...
