"""Wrap whichever translator speaks Chat Completions, so that tools travel as text. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from providers.dialects.types import (
    Call,
    Failure,
    MakeId,
    Target,
    Translator,
    WireAnswer,
    WireRequest,
    header,
)
from providers.dialects.wrapping import Wrapping
from providers.xml.answers import MAX_HELD_BYTES, XmlEvents, whole
from providers.xml.telling import told

CHAT = b"/v1/chat/completions"
JSON_LENGTH = b"content-length"


class XmlTranslator(Wrapping):
    """One exchange."""

    def __init__(self, inner: Translator, ids: MakeId) -> None:
        super().__init__(inner)
        self._ids = ids
        self._names: frozenset[str] = frozenset()
        self._events: XmlEvents | None = None
        self._held: list[bytes] | None = None  # of a whole answer that passes through `feed`
        self._held_bytes = 0

    def request(self, call: Call, target: Target) -> WireRequest:
        self._names, self._events, self._held = frozenset(), None, None
        request = self._inner.request(call, target)
        found = told(request.body) if request.path == CHAT else None
        if found is None:
            return request
        self._names = found.names
        return replace(request, body=found.body)

    def response(self, answer: WireAnswer) -> WireAnswer:
        is_coded = header(answer.headers, b"content-encoding") is not None and not answer.body
        if not self._names or not 200 <= answer.status < 300 or is_coded:
            return self._inner.response(answer)
        if (header(answer.headers, b"content-type") or b"").strip().lower().startswith(b"text/event-stream"):
            self._events = XmlEvents(self._names, self._ids)
            return self._inner.response(answer)
        if not self._inner.is_transparent:
            return self._inner.response(replace(answer, body=whole(answer.body, self._names, self._ids)))
        self._held = []
        head = self._inner.response(answer)
        return replace(head, headers=tuple([pair for pair in head.headers if pair[0] != JSON_LENGTH]))

    def feed(self, chunk: bytes) -> bytes:
        if self._events is not None:
            chunk = self._events.feed(chunk)
        elif self._held is not None:
            self._held.append(chunk)
            self._held_bytes += len(chunk)
            if self._held_bytes <= MAX_HELD_BYTES:
                return b""
            chunk, self._held = b"".join(self._held), None
        return self._inner.feed(chunk) if chunk else b""

    def finish(self) -> bytes:
        last = b""
        if self._events is not None:
            last = self._events.flush()
        elif self._held is not None:
            last, self._held = whole(b"".join(self._held), self._names, self._ids), None
        return (self._inner.feed(last) if last else b"") + self._inner.finish()

    def fail(self, failure: Failure) -> bytes:
        return self._inner.fail(failure)

    def keepalive(self) -> bytes:
        is_holding = self._held is not None or (self._events is not None and self._events.is_holding)
        return b"" if is_holding else self._inner.keepalive()
