"""A dialect over itself: the bytes pass untouched, and usage is read as they go by.

Rule for fields: none. What we don't know, the upstream judges; errors pass too, word for word. Two exceptions, both
for an alias: the value of the top-level `model` on the way up, and the served name on the way down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import orjson

from providers.dialects import anthropic
from providers.dialects.encodings import Decoder, decoder
from providers.dialects.sse import SseReader
from providers.dialects.toplevel import replace_model, with_model
from providers.dialects.types import (
    Call,
    Failure,
    Headers,
    Refused,
    Target,
    Truncated,
    Usage,
    WireAnswer,
    WireRequest,
    header,
)

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""Of a larger answer that is not streamed the usage stays unknown; it is passed on all the same."""


class Totals(Protocol):
    """What is seen of a stream that goes by."""

    usage: Usage
    model: str | None
    failure: Failure | None
    is_finished: bool

    def see(self, name: bytes, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Watched:
    """What a passthrough must know of its dialect."""

    totals: Callable[[], Totals]
    read_totals: Callable[[bytes], tuple[str | None, Usage]]
    error_event: Callable[[Totals, Failure], bytes]
    ping: bytes


MESSAGES = Watched(
    anthropic.StreamTotals,
    anthropic.read_totals,
    lambda totals, failure: anthropic.error_event(failure),
    anthropic.PING,
)


class Passthrough:
    """One exchange. `feed` takes every 2xx body, streamed or not, and gives back what leaves for the client."""

    is_transparent = True

    def __init__(self, watched: Watched = MESSAGES) -> None:
        self._watched = watched
        self._totals = watched.totals()
        self._reader: SseReader | None = None
        self._is_legible = False  # some of the body could be decoded
        self._decoder: Decoder | None = None
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._is_json = False
        self._answered_usage: Usage | None = None
        self._answered_model: str | None = None
        self._alias: tuple[bytes, bytes] | None = None  # (upstream's name, the name that was asked for)
        self._held = b""  # the start of an answer whose model is still to be renamed

    @property
    def usage(self) -> Usage:
        return self._answered_usage if self._answered_usage is not None else self._totals.usage

    @property
    def model(self) -> str | None:
        return self._answered_model or self._totals.model

    @property
    def failure(self) -> Failure | None:
        return self._totals.failure

    def request(self, call: Call, target: Target) -> WireRequest:
        body = call.body
        asked = call.fields.model
        if target.model is not None and not asked:
            body = with_model(body, target.model)  # the provider's default: there is no name to map back
        elif target.model is not None and asked is not None and target.model != asked:
            body = replace_model(body, target.model)
            self._alias = (orjson.dumps(target.model), orjson.dumps(asked))
        headers = call.headers
        if call.fields.stream or self._alias is not None:
            headers = _asking_for_identity(headers)
        return WireRequest(call.method, call.path, call.query, headers, body)

    def response(self, answer: WireAnswer) -> WireAnswer:
        if 200 <= answer.status < 300:
            kind = header(answer.headers, b"content-type") or b""
            self._decoder = decoder(answer.headers)
            if kind.lstrip().lower().startswith(b"text/event-stream"):
                self._reader = SseReader()
            elif kind.lstrip().lower().startswith(b"application/json"):
                self._is_json = True
            if self._alias is not None and self._decoder is None:
                return WireAnswer(answer.status, _without_length(answer.headers), answer.body)
        self._alias = None
        return answer

    def feed(self, chunk: bytes) -> bytes:
        seen = chunk if self._decoder is None else self._decoder.feed(chunk)
        if self._reader is not None:
            self._watch(seen)
        elif self._is_json:
            self._keep(seen)
        return chunk if self._alias is None else self._renamed(chunk)

    def finish(self) -> bytes:
        if self._reader is not None and self._is_legible and not self._totals.is_finished:
            raise Truncated
        if self._is_json:
            self._answered_model, self._answered_usage = self._watched.read_totals(b"".join(self._body))
            self._body = []
        held, self._held = self._held, b""
        return self._with_asked_name(held, self._answered_model) or held

    def fail(self, failure: Failure) -> bytes:
        """b"" when nothing readable can be written: into a compressed stream."""
        if self._decoder is not None:
            return b""
        held, self._held = self._held, b""
        return held + self._line_end() + self._watched.error_event(self._totals, failure)

    def _line_end(self) -> bytes:
        """Ends a line that was cut. One line feed only: a blank line would deliver the broken event, and clients fail
        on its half JSON; so the error's `event:` line takes its place."""
        return b"" if self._reader is None or self._reader.is_at_boundary else b"\n"

    def keepalive(self) -> bytes:
        if self._held or self._decoder is not None or self._is_json:
            return b""
        if self._reader is not None and not self._reader.is_at_boundary:
            return b""
        return self._watched.ping

    def _watch(self, seen: bytes) -> None:
        reader = self._reader
        if reader is None or not seen:
            return
        self._is_legible = True
        try:
            for name, data in reader.feed(seen):
                self._totals.see(name, data)
        except Refused:  # an endless event: it passes, but nothing more is read from this stream
            self._reader = None

    def _keep(self, seen: bytes) -> None:
        self._body_bytes += len(seen)
        if self._body_bytes > MAX_ANSWER_BYTES:
            self._is_json, self._body = False, []
        else:
            self._body.append(seen)

    def _renamed(self, chunk: bytes) -> bytes:
        """Renames the first mention of the served model, which stands in the answer's head."""
        self._held += chunk
        whole = self._with_asked_name(self._held, self._totals.model)
        if whole is None and len(self._held) < 65536 and self._totals.model is None:
            return b""
        held, self._held, self._alias = self._held, b"", None
        return held if whole is None else whole

    def _with_asked_name(self, data: bytes, served: str | None) -> bytes | None:
        """With the asked name in place of ours for the upstream, or of what it says it served; None = not found."""
        if self._alias is None:
            return None
        start = data.find(b'"model"')
        named, asked = self._alias
        for name in (named, orjson.dumps(served) if served else named):
            value = data.find(name, start) if start >= 0 else -1
            if value >= 0:
                return data[:value] + asked + data[value + len(name) :]
        return None


def _asking_for_identity(headers: Headers) -> Headers:
    """A stream must not be compressed: nothing could be said between its events."""
    kept = tuple(pair for pair in headers if pair[0] != b"accept-encoding")
    return (*kept, (b"accept-encoding", b"identity"))


def _without_length(headers: Headers) -> Headers:
    return tuple(pair for pair in headers if pair[0] != b"content-length")
