"""What the four pairs over an OpenAI dialect have in common: how an answer is driven through them. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
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
    header,
)
from providers.translation.openai_models import refuses_sampling
from providers.translation.parts import PartList, Reader, Sequencer, Sink

JSON_TYPE = (b"content-type", b"application/json")
STREAM_TYPE = (b"content-type", b"text/event-stream; charset=utf-8")
BAD_GATEWAY = 502
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


def sampling(body: dict[str, Any], model: str, target: Target) -> dict[str, Any]:
    """The sampling parameters, named alike everywhere; none for a model that refuses them."""
    if refuses_sampling(model, target.refuses_sampling):
        return {}
    return {name: body[name] for name in ("temperature", "top_p") if body.get(name) is not None}


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

    is_transparent = False

    def __init__(self, ids: MakeId, now: float, sealer: Sealer) -> None:
        self.failure: Failure | None = None
        self._ids = ids
        self._now = int(now)
        self._sealer = sealer
        self._sse = SseReader()
        self._decoder: Decoder | None = None  # for an upstream that compresses although asked not to
        self._exchange: Exchange | None = None
        self._whole_reader: Reader | None = None  # of an answer that was not streamed
        self._is_stream = False  # the caller asked for a stream
        self._is_over = False  # the end or an error was written: nothing may follow

    @property
    def usage(self) -> Usage:
        """What the upstream told, else an estimate of what was seen so far; nothing before its first word."""
        reader = self._seen()
        return Usage() if reader is None else reader.outcome().usage

    @property
    def model(self) -> str | None:
        reader = self._seen()
        return None if reader is None else reader.model

    def _seen(self) -> Reader | None:
        """Whoever has read something of an answer."""
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
        """Raises `Refused` (what an error in a 200 says, or kind `upstream`) when a 2xx is no answer."""
        reading = decoder(answer.headers)
        if 200 <= answer.status < 300 and is_event_stream(answer.headers):
            self._decoder = reading
            return WireAnswer(answer.status, _headers(answer, STREAM_TYPE))
        body = answer.body if reading is None else reading.feed(answer.body)
        if not 200 <= answer.status < 300:
            failure = read_failure(answer.status, answer.headers, body)
            status = answer.status if answer.status >= 400 else BAD_GATEWAY
            return WireAnswer(status, _headers(answer, JSON_TYPE), self._error_body(failure))
        parts = PartList()
        reader = self._reader(Sequencer(parts))
        reader.whole(body)
        self.failure = reader.failure
        if self.failure is not None:
            raise Refused(self.failure)
        self._whole_reader = reader
        if self._is_stream:  # the upstream did not stream although it was asked to
            return WireAnswer(answer.status, _headers(answer, STREAM_TYPE), self._replayed(parts, reader))
        return WireAnswer(answer.status, _headers(answer, JSON_TYPE), self._whole(parts, reader))

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
        """A whole answer as the stream that it would have been."""
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


def _headers(answer: WireAnswer, content_type: tuple[bytes, bytes]) -> Headers:
    return (content_type, *(pair for pair in answer.headers if pair[0] in _KEPT_HEADERS))
