"""The seam where an upstream's words enter: read within bounds, and without the secrets that it may quote.

Errors are looked at, whole or as events of a stream. In a good answer only the credential of its own call is looked
for (`quoting.py`); it passes untouched else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx
import orjson

from gateway.kernel.redaction import redact
from providers.dialects import encodings
from providers.dialects.sse import Quiet
from providers.dialects.types import Failure, Headers, Refused, WireAnswer
from providers.quoting import quote_of

MAX_WORDS_BYTES = 1024 * 1024
"""A longer error is none that anybody reads: nothing of it is shown."""
UNSEEN = orjson.dumps(
    {
        "type": "error",
        "error": {
            "type": "api_error",
            "message": "The upstream's error is too large to be shown",
            "code": None,
        },
    }
)
"""In the words of both vendors."""
_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Heard:
    """A whole answer. `plain`: to be read here. `passing`: for a client that speaks its dialect."""

    plain: WireAnswer
    passing: WireAnswer


def heard(answer: WireAnswer) -> Heard:
    """Decode an answer, and when it is no success take secrets out. Raises `Refused`: a good one that can't be decoded.

    Blocking where it is compressed or large: see `is_quick`.
    """
    if 200 <= answer.status < 300:
        return Heard(encodings.plain(answer), answer)
    try:
        plain = encodings.plain(answer, MAX_WORDS_BYTES)
    except Refused:
        return _unseen(answer)
    if len(plain.body) > MAX_WORDS_BYTES:
        return _unseen(answer)
    told = encodings.in_utf8(plain.body)
    body, headers = redact.body(told), clean_headers(plain.headers)
    if body is plain.body and headers is plain.headers:
        return Heard(plain, answer)
    kept = tuple(pair for pair in headers if pair[0] != b"content-length")
    if told is not plain.body:
        kept = tuple(
            (name, value.partition(b";")[0] if name == b"content-type" else value) for name, value in kept
        )
    clean = WireAnswer(answer.status, kept, body)
    return Heard(clean, clean)


def unquoted(told: Heard, secret: str) -> Heard:
    """Return a good answer that is read here without the credential of its call; the same object as a rule."""
    quote, plain = quote_of(secret), told.plain
    if plain.body.rfind(quote.needle) < 0 or not 200 <= plain.status < 300:
        return told
    clean = WireAnswer(plain.status, plain.headers, quote.masked(plain.body))
    return Heard(clean, clean)


def is_quick(answer: WireAnswer) -> bool:
    """Tell whether `heard` may run on an event loop."""
    if 200 <= answer.status < 300:
        return not encodings.codings(answer.headers)
    return len(answer.body) <= QUICK_BYTES and not encodings.codings(answer.headers)


MAX_LIST_BYTES = 8 * 1024 * 1024
"""Of a list of models."""
QUICK_BYTES = 16 * 1024


def _unseen(answer: WireAnswer) -> Heard:
    kept = encodings.without_coding(clean_headers(answer.headers))
    kept = tuple(pair for pair in kept if pair[0] != b"content-type")
    told = WireAnswer(answer.status, (_JSON, *kept), UNSEEN)
    return Heard(told, told)


def clean_headers(headers: Headers) -> Headers:
    """Without secrets, and without names that quote one; the same object when there are none."""
    clean = tuple([(name, redact.body(value)) for name, value in headers if redact.body(name) is name])
    return headers if clean == headers else clean


def clean_failure(failure: Failure) -> Failure:
    """Take secrets out; the same object when there are none."""
    clean = replace(
        failure,
        message=redact.words(failure.message),
        param=_clean(failure.param),
        code=_clean(failure.code),
        type=_clean(failure.type),
        vendor_body=None
        if failure.vendor_body is None
        else redact.body(failure.vendor_body[:MAX_WORDS_BYTES]),
    )
    return failure if clean == failure else clean


def _clean(text: str | None) -> str | None:
    return None if text is None else redact.words(text)


def read_bounded(answer: httpx.Response, limit: int) -> WireAnswer:
    """Return the whole answer to one of our own questions, decoded and clean. Blocking.

    Raises `httpx.HTTPError`, also for one that is larger, compressed or not.
    """
    pieces: list[bytes] = []
    total = 0
    for piece in answer.iter_raw():
        total += len(piece)
        if total > limit:
            raise httpx.RemoteProtocolError("the answer is too large")
        pieces.append(piece)
    headers = tuple([(name.lower(), value) for name, value in answer.headers.raw])
    seen = WireAnswer(answer.status_code, headers, b"".join(pieces))
    try:
        return heard(encodings.plain(seen, limit)).plain
    except Refused as exc:
        raise httpx.RemoteProtocolError("the answer is too large") from exc


CLEAN_EVENT, SHOWN = "clean_event", "shown"
"""Of an answer's extensions: who puts an error event into words for callers, None where most events are known to be
`Quiet`; what was shown, where the account's credential only says where to find it."""


# --- streams ------------------------------------------------------------------------------------------

_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_ERROR = re.compile(
    rb"(?m)^event: ?(?:error|response\.failed)|(?<!\\)\"(?:error|errors|error_msg)\"\s{0,8}:\s{0,8}[{\[\"]"
    rb"|(?<!\\)\"(?:type|object)\"\s{0,8}:\s{0,8}\"(?:error|response\.failed)\""
)
_NAME = re.compile(rb"event: ?([^\r\n]*)([\r\n]?)")
_ERROR_NAMES = (b"error", b"response.failed")
_WHOLE = (b"}", b"]")
"""Ends of an event's data where only the blank line is missing."""
HELD_BYTES = 16
"""Of an event that has not ended so much waits: what makes it an error may be cut in two."""


EVENT_BYTES = 65536
"""An event that has not ended waits up to this size: one that is torn would swallow the error that follows it."""


class StreamWords:
    """Takes secrets out of a stream's error events, and the call's own credential (`secret`) out of any event."""

    __slots__ = ("_clean", "_is_between", "_is_inside", "_is_other", "_key", "_quote", "held")

    def __init__(self, clean: Callable[[bytes], bytes] = redact.body, secret: str = "") -> None:
        self._clean = clean  # takes an event, whole or its last part
        self._quote = quote_of(secret)
        self._key = self._quote.needle  # quoted in any event, of whatever shape, it is taken out
        self.held = b""
        self._is_between = True  # two events, and nothing is held
        self._is_inside = False  # some of an event has passed, its end has not come
        self._is_other = False  # its name says that it is no error

    def __call__(self, chunk: bytes) -> bytes:
        if (
            self._is_between
            and chunk.rfind(b"error") < 0
            and chunk.rfind(self._key) < 0
            and chunk.endswith(_ENDS)
        ):
            return chunk
        return self._looked_at(self.held + chunk)

    def flush(self) -> bytes:
        """Return what is left at the end of the stream, but for an event that was torn: nobody can read it."""
        rest, self.held = self.held, b""
        if not self._is_inside and not rest.rstrip().endswith(_WHOLE):
            return b""
        return self._clean(rest)

    def _looked_at(self, data: bytes) -> bytes:
        out: list[bytes] = []
        at = 0
        for end in _END.finditer(data) if _has_line_end(data) else ():
            event = data[at : end.end()]
            out.append(event if self._may_pass(event) else self._clean(event))
            self._is_inside = self._is_other = False
            at = end.end()
        out.append(self._begun(data[at:]))
        self._is_between = not self.held and not self._is_inside
        return b"".join(out)

    def _may_pass(self, event: bytes) -> bool:
        return (self._is_other or not _is_error(event)) and event.find(self._key) < 0

    def _begun(self, rest: bytes) -> bytes:
        """As much as may pass of an event whose end has not come."""
        if not self._is_inside and len(rest) <= EVENT_BYTES:
            self.held = rest
            return b""
        if not self._is_inside:
            self._is_other = _is_named_otherwise(rest)
        if self._is_other and rest.find(self._key) < 0:
            passing = rest.rstrip(b"\r\n")  # the line end that follows may end the event
            self.held = rest[len(passing) :]
        elif self._may_pass(rest):
            passing, self.held = rest[:-HELD_BYTES], rest[-HELD_BYTES:]
        elif len(rest) <= MAX_WORDS_BYTES:
            passing, self.held = b"", rest
        else:
            passing, self.held = self._clean(rest), b""
        if count := self._quote.begun(passing):
            passing, self.held = passing[:-count], passing[-count:] + self.held
        self._is_inside = self._is_inside or bool(passing)
        return passing


class QuietWords(StreamWords):
    """The same of a stream whose maker says of most events that they are no errors."""

    __slots__ = ()

    def __call__(self, chunk: bytes) -> bytes:
        if type(chunk) is Quiet and self._is_between and chunk.rfind(self._key) < 0:
            return chunk
        return super().__call__(chunk)


def _has_line_end(data: bytes) -> bool:
    """Tell whether an event may end here: the pattern alone would take a second for each megabyte of a picture."""
    return data.find(b"\n") >= 0 or data.find(b"\r") >= 0


def _is_error(event: bytes) -> bool:
    is_named = event.find(b"error") >= 0 or event.find(b"response.failed") >= 0  # as quickly as that
    return is_named and _ERROR.search(event) is not None


def _is_named_otherwise(rest: bytes) -> bool:
    """Tell whether the line that names the event has come as far as to say that it is no error."""
    named = _NAME.match(rest)
    if named is None:
        return False
    return named[1] not in _ERROR_NAMES if named[2] else not any(n.startswith(named[1]) for n in _ERROR_NAMES)
