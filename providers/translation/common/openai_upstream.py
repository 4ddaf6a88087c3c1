"""The course of an answer through the four pairs over an OpenAI dialect.

Pure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec
import orjson

from providers.dialects.encodings import Decoder, decoder, needed, plain
from providers.dialects.error_shapes import error_event
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.openai_errors import read_failure
from providers.dialects.overflow import TOO_LONG
from providers.dialects.sse import BARE, SseReader
from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Headers,
    MakeId,
    Moment,
    Refused,
    Sealer,
    Target,
    Truncated,
    Usage,
    WireAnswer,
    WireRequest,
    header,
    seconds,
)
from providers.translation.common.left_out import left_out_header
from providers.translation.common.openai_models import refuses_sampling
from providers.translation.common.parts import PartList, Reader, Sequencer, Sink

JSON_TYPE = (b"content-type", b"application/json")
STREAM_TYPE = (b"content-type", b"text/event-stream; charset=utf-8")
BAD_REQUEST, BAD_GATEWAY = 400, 502
_KEPT_HEADERS = frozenset({b"retry-after", b"retry-after-ms", b"x-should-retry"})
_OF_ERRORS = (b"error", BARE)


def refuse(message: str, param: str | None = None) -> Refused:
    """Return the refusal of a request that can't be carried out as asked: 400 naming the field."""
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=param))


def read_object(body: bytes) -> dict[str, Any]:
    """Return a request body as an object, parsed once.

    Raises `Refused`.
    """
    try:
        parsed = tolerant(orjson.loads, body)
    except UNREADABLE as exc:
        raise refuse("the request body is not valid JSON") from exc
    if not isinstance(parsed, dict):
        raise refuse("the request body must be a JSON object")
    return parsed


def request_to(path: bytes, body: dict[str, Any]) -> WireRequest:
    """Return a translated request.

    None of the client's headers fits another dialect, so none is sent.
    """
    accept = b"text/event-stream" if body.get("stream") else b"application/json"
    headers: Headers = (
        (b"content-type", b"application/json"),
        (b"accept", accept),
        (b"accept-encoding", b"identity"),
    )
    return WireRequest("POST", path, b"", headers, orjson.dumps(body))


def sampling(body: dict[str, Any], model: str, target: Target) -> dict[str, Any]:
    """Return the sampling parameters, named alike everywhere; none for a model that refuses them."""
    if refuses_sampling(model, target.refuses_sampling):
        return {}
    return {name: body[name] for name in ("temperature", "top_p") if body.get(name) is not None}


class Exchange(msgspec.Struct):
    """Parts of a pair that the request sets up for the answer."""

    reader: Reader
    sink: Sink
    sequencer: Sequencer


class OpenAiUpstream(ABC):
    """A translator over an upstream that speaks an OpenAI dialect.

    A pair adds: the request, its reader and sink, the whole answer, and how its surface words an error.
    """

    is_transparent = False
    request_id = b"x-request-id"  # the header in which the caller looks for it

    def __init__(self, ids: MakeId, now: Moment, sealer: Sealer) -> None:
        self.failure: Failure | None = None
        self._ids = ids
        self._now = seconds(now)
        self._sealer = sealer
        self._sse = SseReader()
        self._decoder: Decoder | None = None  # for an upstream that compresses although asked not to
        self._exchange: Exchange | None = None
        self._whole_reader: Reader | None = None  # of an answer that was not streamed
        self._is_stream = False  # the caller asked for a stream
        self._left_out: list[str] = []  # what of the call this upstream can't be given
        self._is_over = False  # the end or an error was written: nothing may follow

    @property
    def usage(self) -> Usage:
        """Return what the upstream reported, else an estimate of what was seen so far.

        Nothing before its first word.
        """
        reader = self._seen()
        return Usage() if reader is None else reader.outcome().usage

    def written(self, size: int) -> int:
        """See `Translator`: `usage` tells."""
        return 0

    @property
    def model(self) -> str | None:
        reader = self._seen()
        return None if reader is None else reader.model

    def _seen(self) -> Reader | None:
        """Return the reader that has read something of an answer."""
        exchange = self._exchange
        if exchange is not None and exchange.sequencer.has_begun:
            return exchange.reader
        return self._whole_reader

    @abstractmethod
    def request(self, call: Call, target: Target) -> WireRequest: ...

    @abstractmethod
    def _sink(self) -> Sink: ...

    @abstractmethod
    def _reader(self, sequencer: Sequencer) -> Reader: ...

    @abstractmethod
    def _whole(self, parts: PartList, reader: Reader) -> bytes: ...

    @abstractmethod
    def _error_body(self, failure: Failure) -> bytes: ...

    def response(self, answer: WireAnswer) -> WireAnswer:
        """Return status, headers and body as the client gets them.

        Raises `Refused` (what an error in a 200 says, or kind `upstream`) when a 2xx is no answer.
        """
        reading = decoder(answer.headers)
        if 200 <= answer.status < 300 and is_event_stream(answer.headers):
            self._decoder = reading
            return WireAnswer(answer.status, self._headers(answer, STREAM_TYPE))
        body = answer.body if reading is None else plain(answer).body
        if not 200 <= answer.status < 300:
            failure = read_failure(answer.status, answer.headers, body)
            status = answer.status if answer.status >= 400 else BAD_GATEWAY
            if failure.code == TOO_LONG:
                status = BAD_REQUEST  # what every client compacts on, whatever the server's own
            return WireAnswer(status, self._headers(answer, JSON_TYPE), self._error_body(failure))
        parts = PartList()
        reader = self._reader(Sequencer(parts))
        reader.whole(body)
        self.failure = reader.failure
        if self.failure is not None:
            raise Refused(self.failure)
        self._whole_reader = reader
        if self._is_stream:  # the upstream did not stream although it was asked to
            return WireAnswer(
                answer.status, self._headers(answer, STREAM_TYPE), self._replayed(parts, reader)
            )
        return WireAnswer(answer.status, self._headers(answer, JSON_TYPE), self._whole(parts, reader))

    def _headers(self, answer: WireAnswer, content_type: tuple[bytes, bytes]) -> Headers:
        """Return the head that the caller gets; the upstream's id by the name that it knows."""
        kept = [pair for pair in answer.headers if pair[0] in _KEPT_HEADERS]
        told = [(self.request_id, value) for name, value in answer.headers if name == b"x-request-id"][:1]
        return (content_type, *told, *kept, *left_out_header(self._left_out))

    def feed(self, chunk: bytes) -> bytes:
        if self._is_over:
            return b""
        try:
            events = self._sse.feed(chunk if self._decoder is None else needed(self._decoder, chunk))
        except Refused as exc:
            return self._broken(exc.failure)
        return self._events(events) if events else b""

    def finish(self) -> bytes:
        if self._is_over:
            return b""
        out = self._events(self._sse.flush())
        if self._is_over:
            return out
        exchange = self._exchange
        if exchange is None or not exchange.reader.can_end():
            raise Truncated("the upstream's stream ended before the answer was whole")
        return out + self._end(exchange)

    def fail(self, failure: Failure) -> bytes:
        return b"" if self._is_over else self._failed(failure)

    def keepalive(self) -> bytes:
        return b"" if self._is_over else (self._exchange or self._open()).sink.ping()

    def _events(self, events: list[tuple[bytes, bytes]]) -> bytes:
        exchange = self._exchange or self._open()
        reader = exchange.reader
        for name, data in events:
            reader.event(error_event(data) if name in _OF_ERRORS else data)
            if reader.failure is not None:
                return self._broken(reader.failure)
            if reader.is_complete:
                return self._end(exchange)
        return exchange.sink.take()

    def _open(self) -> Exchange:
        sink = self._sink()
        sequencer = Sequencer(sink)
        self._exchange = Exchange(self._reader(sequencer), sink, sequencer)
        return self._exchange

    def _end(self, exchange: Exchange) -> bytes:
        self._is_over = True
        exchange.sequencer.begin()
        exchange.sink.end(exchange.reader.outcome())
        return exchange.sink.take()

    def _broken(self, failure: Failure) -> bytes:
        self.failure = failure
        return self._failed(failure)

    def _failed(self, failure: Failure) -> bytes:
        exchange = self._exchange or self._open()
        self._is_over = True
        exchange.sink.fail(failure)
        return exchange.sink.take()

    def _replayed(self, parts: PartList, reader: Reader) -> bytes:
        """Return a whole answer as the stream that it would have been."""
        self._is_over = True
        sink = self._sink()
        sink.begin()
        for part in parts.parts:
            sink.open(part)
            if part.fragments:
                sink.delta(part, part.text)
            sink.close(part)
        sink.end(reader.outcome())
        return sink.take()


def is_event_stream(headers: Headers) -> bool:
    return (header(headers, b"content-type") or b"").strip().lower().startswith(b"text/event-stream")
