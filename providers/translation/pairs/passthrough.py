"""Pass a dialect over itself: the bytes stay untouched, and usage is read as they go by.

Rule for fields: none. What we don't know, the upstream judges; errors pass too, word for word. Two
exceptions, both for an alias: the value of the top-level `model` on the way up, and the served name on the
way down.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol, Self

import orjson

from providers.dialects import anthropic
from providers.dialects.encodings import Decoder, asking_for_identity, decoder
from providers.dialects.sse import Quiet, SseReader
from providers.dialects.toplevel import find_nested_model, replace_model, with_model
from providers.dialects.types import (
    UNREAD,
    Call,
    Failure,
    Headers,
    Made,
    MakeId,
    Moment,
    Refused,
    Sealer,
    Target,
    Truncated,
    Usage,
    WireAnswer,
    WireRequest,
)
from providers.translation.pairs.watched import MESSAGES, Watched

MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_DECODED_BYTES = 8 * 1024 * 1024
"""Sizes above which the usage of an answer that is not streamed is not read (the second: of a compressed one, decoded).

It is passed on all the same.
"""

MAX_HEAD_BYTES = 65536
"""Of a stream so much is held until its first event is whole, where the model is to be renamed."""

NO_USAGE = Usage()


class Place(Protocol):
    """Tell where what is passed on differs from the API itself: models have ids, and answers name what was asked."""

    def told(self, request: WireRequest) -> WireRequest:
        """Return the request as it may be sent there, asking for no compression. Raises `Refused`."""


class Passthrough:
    """One exchange.

    `feed` takes every 2xx body, streamed or not, and gives back what leaves for the client.
    """

    is_transparent = True
    made: list[Made]

    @classmethod
    def make(cls, ids: MakeId, now: Moment, sealer: Sealer) -> Self:
        """Make one for the table of pairs: it needs no ids and no clock, and seals nothing."""
        translator = cls()
        translator._seal_prefix = sealer.prefix
        return translator

    # Where a call begins: most calls change few of these.
    is_in_thread = False
    _seal_prefix = ""
    _reader: SseReader | None = None
    _is_legible = False  # some of the body could be decoded
    _decoder: Decoder | None = None
    _body_bytes = 0
    _is_json = False
    _is_kept = False  # the answer is JSON, and its usage is still to be read from it
    _is_given_up = False
    _answered_usage: Usage | None = None
    _answered_model: str | None = None
    _answered_id: str | None = None
    _is_plain = False  # a stream of no known course: nothing is said in it, and its end is the connection's
    _alias: str | None = None  # the name that was asked for, when another is sent
    _held = b""  # of an answer whose model is still to be renamed
    _is_marked = False
    _is_measured = False  # one of the events that are not looked at has been
    _passed = 0  # events that were not looked at
    _decoded_bytes = 0
    place: Place | None = None  # that differs from the API itself
    heed: Callable[[bytes], None] | None = None  # hears a compressed answer decoded; may raise `Refused`

    def __init__(self, watched: Watched = MESSAGES) -> None:
        self._watched = watched
        self._totals = watched.totals()
        self._body: list[bytes] = []
        # What the answer has made; whoever reads it empties it.
        self._totals.made = self.made = []

    @property
    def usage(self) -> Usage:
        if self._answered_usage is not None:
            return self._answered_usage
        return UNREAD if self._is_given_up and self._totals.usage == NO_USAGE else self._totals.usage

    @property
    def thread_message(self) -> str | None:
        """Return the id of the message that the answer adds to a thread; None when it is not known yet."""
        return self._answered_id or getattr(self._totals, "message_id", None)

    @property
    def model(self) -> str | None:
        return self._answered_model or self._totals.model

    @property
    def failure(self) -> Failure | None:
        return self._totals.failure

    def written(self, size: int) -> int:
        """See `Translator`."""
        return self._totals.written(self._decoded_bytes or size, self._passed)

    def request(self, call: Call, target: Target) -> WireRequest:
        body, asked, place, model = call.body, call.fields.model, self.place, target.model
        if place is not None:
            model, self._alias = target.id or model, asked
        elif target.names_asked:
            self._alias = asked
        if call.fields.thread is not None:
            self.is_in_thread = True
        if target.may_see_seals and self._seal_prefix and self._watched.without_seals is not None:
            body = self._watched.without_seals(body, self._seal_prefix)
        if model is not None and not asked:
            body = with_model(body, model)  # the provider's default: there is no name to map back
        elif model is not None and asked is not None and model != asked:
            body = replace_model(body, model)
            self._alias = asked
        headers = call.headers
        if place is not None:
            request = WireRequest(call.method, call.path, call.query, headers, body, call.fields)
            return place.told(request)
        if call.fields.stream or self._alias is not None:
            headers = asking_for_identity(headers)
        return WireRequest(call.method, call.path, call.query, headers, body)

    def response(self, answer: WireAnswer) -> WireAnswer:
        if 200 <= answer.status < 300:
            for name, value in answer.headers:
                if name == b"content-type" and not (self._is_json or self._reader):
                    kind = value.lstrip().lower()
                    if kind.startswith(b"text/event-stream"):
                        self._reader = SseReader()
                    elif kind.startswith(b"application/json"):
                        self._is_json = self._is_kept = True
                elif name == b"content-encoding":
                    self._decoder = decoder(answer.headers)
            if self._alias is not None and self._decoder is None:
                return WireAnswer(answer.status, _without_length(answer.headers), answer.body)
        elif self._watched.reworded is not None and answer.status >= 400:
            answer = self._watched.reworded(answer)
        self._alias = None
        return answer

    def feed(self, chunk: bytes) -> bytes:
        seen = chunk if self._decoder is None else self._decoded(self._decoder, chunk)
        if self._reader is not None:
            self._watch(seen)
        elif self._is_kept:
            self._keep(seen)
        return chunk if self._alias is None else self._renamed(chunk)

    def finish(self) -> bytes:
        if self._reader is not None and self._is_legible and not (self._is_plain or self._totals.is_finished):
            for name, data in self._reader.peek():
                self._totals.see(name, data)
            if not self._totals.is_finished:
                raise Truncated
        if self._is_kept:
            body, self._body = b"".join(self._body), []
            self._answered_model, self._answered_usage = self._watched.read_totals(body)
            self._answered_id = anthropic.message_id(body) if self.is_in_thread else None
        held, self._held = self._held, b""
        if self._alias is None or not held or self._answered_model == self._alias:
            return held
        return self._with_asked_name(held)

    def fail(self, failure: Failure) -> bytes:
        """Return the error event; b"" when nothing readable can be written: into a compressed stream."""
        if self._decoder is not None or self._is_plain:
            return b""
        held, self._held = self._held, b""
        return held + self._line_end() + self._watched.error_event(self._totals, failure)

    def _line_end(self) -> bytes:
        """Return the end of an event that was cut, b"" when none was.

        Of a torn one (whose beginning has passed) one line feed: a blank line would deliver its half JSON.
        """
        if self._reader is None or self._reader.is_at_boundary:
            return b""
        return b"\n" if self._reader.is_torn else b"\n\n"

    def keepalive(self) -> bytes:
        if self._held or self._decoder is not None or self._is_json or self._is_plain:
            return b""
        if self._reader is not None and not self._reader.is_at_boundary:
            return b""
        return self._watched.ping

    def _decoded(self, reading: Decoder, chunk: bytes) -> bytes:
        seen = reading.feed(chunk)
        self._decoded_bytes += len(seen)
        if reading.is_over:
            self._give_up()
        elif self.heed is not None:
            self.heed(seen)
        return seen

    def _give_up(self) -> None:
        """Let it pass, but read nothing more from it."""
        self._is_given_up = True
        self._reader, self._is_kept, self._body = None, False, []

    def _watch(self, seen: bytes) -> None:
        reader = self._reader
        if reader is None or not seen:
            return
        self._is_legible = True
        if type(seen) is Quiet or ((silent := self._watched.silent) and reader.is_one(seen, silent)):
            if self._is_measured:
                self._passed += 1
                return
            self._is_measured = True
        try:
            for name, data in reader.feed(seen):
                self._totals.see(name, data)
        except Refused:  # an endless event
            self._give_up()

    def _keep(self, seen: bytes) -> None:
        self._body_bytes += len(seen)
        if self._body_bytes > (MAX_ANSWER_BYTES if self._decoder is None else MAX_DECODED_BYTES):
            self._give_up()
        else:
            self._body.append(seen)
            self._look(seen)

    def _look(self, seen: bytes) -> None:
        """Look into an answer that is whole by now, before its last byte is passed on."""
        made_by = self._watched.made_by
        for mark in self._watched.marks:
            if seen.rfind(mark) >= 0:
                self._is_marked = True
        if self._is_marked and made_by is not None and seen.rstrip().endswith(b"}"):
            self.made += made_by(b"".join(self._body))

    def _renamed(self, chunk: bytes) -> bytes:
        """Rename the model in the answer's head; one that is not streamed is held until it is whole."""
        self._held += chunk
        limit = MAX_ANSWER_BYTES if self._reader is None else MAX_HEAD_BYTES
        if len(self._held) > limit:
            held, self._held, self._alias = self._held, b"", None
            return held
        start = self._held.find(b"message_start") if self._reader is not None else -1
        if start < 0 or _EVENT_END.search(self._held, start) is None:
            return b""
        held, self._held = self._held, b""
        line = max(held.rfind(b"\n", 0, start), held.rfind(b"\r", 0, start)) + 1
        out = held[:line] + self._with_asked_name(held[line:])
        self._alias = None
        return out

    def _with_asked_name(self, data: bytes) -> bytes:
        """Put the asked name where the answer names its model: at the top, or in the first event that has it."""
        if self._alias is None:
            return data
        name = orjson.dumps(self._alias)
        if self._reader is None:
            usual, told = _USUAL_HEAD.match(data), (self._answered_model or "").encode("utf-8", "replace")
            if usual is not None and usual[1] == told:  # it is given once
                return b"".join((data[: usual.start(1)], name[1:-1], data[usual.end() :]))
        path = () if self._reader is None else self._watched.model_path
        start = 0 if self._reader is None else max(data.find(b"{"), 0)
        span = find_nested_model(data[start:], path)
        if span is None:
            return data
        return data[: start + span[0]] + name + data[start + span[1] :]


_USUAL_HEAD = re.compile(rb'\{(?:"(?:id|type|role)": ?"[^"\\]*+", ?)*+"model": ?"([^"\\]*+)')
"""How vendors begin an answer, up to its model's name."""
_EVENT_END = re.compile(rb"\r\n\r?\n|\n\n|\r\r")


def _without_length(headers: Headers) -> Headers:
    return tuple([pair for pair in headers if pair[0] != b"content-length"])
