"""What the four pairs over an OpenAI dialect have in common: how an answer is driven through them. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import orjson

from providers.dialects.encodings import Decoder, decoder
from providers.dialects.openai_errors import read_failure
from providers.dialects.sse import SseReader
from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Headers,
    MakeId,
    Refused,
    Sealer,
    Target,
    Truncated,
    Usage,
    WireAnswer,
    WireRequest,
)
from providers.translation.parts import PartList, Reader, Sequencer, Sink

_KEPT_HEADERS = frozenset({b"retry-after", b"retry-after-ms", b"x-should-retry"})


def refuse(message: str, param: str | None = None) -> Refused:
    """The request can't be carried out as asked: 400 naming the field."""
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=param))


def read_object(body: bytes) -> dict[str, Any]:
    """A request body as an object, parsed once. Raises `Refused`."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise refuse("the request body is not valid JSON") from exc
    if not isinstance(parsed, dict):
        raise refuse("the request body must be a JSON object")
    return parsed


def request_to(path: bytes, body: dict[str, Any]) -> WireRequest:
    """A translated request. None of the client's headers fits another dialect, so none is sent."""
    accept = b"text/event-stream" if body.get("stream") else b"application/json"
    headers: Headers = (
        (b"content-type", b"application/json"),
        (b"accept", accept),
        (b"accept-encoding", b"identity"),
    )
    return WireRequest("POST", path, b"", headers, orjson.dumps(body))


@dataclass(slots=True)
class Exchange:
    """What a pair learned from the request and needs for the answer."""

    reader: Reader
    sink: Sink
    sequencer: Sequencer


class OpenAiUpstream(ABC):
    """A translator over an upstream that speaks an OpenAI dialect.

    A pair adds: the request, its reader and sink, the whole answer, and how its surface words an error.
    """

    def __init__(self, ids: MakeId, now: float, sealer: Sealer) -> None:
        self.usage = Usage()
        self.model: str | None = None
        self.failure: Failure | None = None
        self._ids = ids
        self._now = int(now)
        self._sealer = sealer
        self._sse = SseReader()
        self._decoder: Decoder | None = None  # for an upstream that compresses although asked not to
        self._exchange: Exchange | None = None
        self._is_over = False

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
        if answer.status >= 300:
            reading = decoder(answer.headers)
            body = answer.body if reading is None else reading.feed(answer.body)
            failure = read_failure(answer.status, answer.headers, body)
            return self._answer(answer, answer.status, self._error_body(failure))
        reading = decoder(answer.headers)
        if not answer.body:
            self._decoder = reading
            return replace(answer, headers=self._headers(answer.headers, b"text/event-stream"))
        parts = PartList()
        reader = self._reader(Sequencer(parts))
        reader.whole(answer.body if reading is None else reading.feed(answer.body))
        self.model = reader.model
        if reader.failure is not None:
            self.failure = reader.failure
            status = reader.failure.vendor_status or 502
            return self._answer(answer, status, self._error_body(reader.failure))
        self.usage = reader.outcome().usage
        return self._answer(answer, answer.status, self._whole(parts, reader))

    def feed(self, chunk: bytes) -> bytes:
        if self._is_over:
            return b""
        try:
            events = self._sse.feed(chunk if self._decoder is None else self._decoder.feed(chunk))
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
        for _, data in events:
            reader.event(data)
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
        outcome = exchange.reader.outcome()
        self.usage, self.model = outcome.usage, exchange.reader.model
        exchange.sequencer.begin()
        exchange.sink.end(outcome)
        return exchange.sink.take()

    def _broken(self, failure: Failure) -> bytes:
        self.failure = failure
        return self._failed(failure)

    def _failed(self, failure: Failure) -> bytes:
        exchange = self._exchange or self._open()
        self.usage, self.model = exchange.reader.outcome().usage, exchange.reader.model
        self._is_over = True
        exchange.sink.fail(failure)
        return exchange.sink.take()

    def _answer(self, answer: WireAnswer, status: int, body: bytes) -> WireAnswer:
        return WireAnswer(status, self._headers(answer.headers, b"application/json"), body)

    def _headers(self, headers: Headers, content_type: bytes) -> Headers:
        kept = tuple((name, value) for name, value in headers if name in _KEPT_HEADERS)
        return ((b"content-type", content_type), *kept)
