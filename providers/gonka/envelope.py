"""Wrap whichever translator speaks Chat Completions in what is particular about them on Gonka.

Pure. On the way up schemas lose their references; on the way down tool calls get ids of their own. Every other byte
passes as it is, and a stream event by event.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from providers.dialects.types import (
    Call,
    Failure,
    Headers,
    Target,
    Translator,
    WireAnswer,
    WireRequest,
    header,
)
from providers.dialects.wrapping import Wrapping
from providers.gonka.requests import mended
from providers.gonka.tool_calls import MARKED, Mending

LONGEST_END = 4
"""Bytes of an event's end: what is held has none, so its last bytes alone are searched again."""
MAX_HELD_BYTES = 16 * 1024 * 1024
"""An event, or an answer that is not streamed, that is longer passes unmended."""
_EVENT_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_DATA = re.compile(rb"(?m)^data: ?([^\r\n]*)")


class GonkaEnvelope:
    """Wraps the translators of a kind."""

    def wrap(self, inner: Translator) -> Translator:
        """Return a translator that speaks to Gonka."""
        return GonkaTranslator(inner)


class GonkaTranslator(Wrapping):
    """One exchange."""

    def __init__(self, inner: Translator) -> None:
        super().__init__(inner)
        self._mended: MendedEvents | MendedWhole | None = None

    def request(self, call: Call, target: Target) -> WireRequest:
        self._mended = None
        request = self._inner.request(call, target)
        return request if target.is_verbatim else replace(request, body=mended(request.body))

    def response(self, answer: WireAnswer) -> WireAnswer:
        is_good, is_stream = 200 <= answer.status < 300, _is_stream(answer.headers)
        if not is_good or (header(answer.headers, b"content-encoding") is not None and not answer.body):
            return self._inner.response(answer)
        if is_stream:
            self._mended = MendedEvents()
            return self._inner.response(answer)
        if not self._inner.is_transparent:
            return self._inner.response(replace(answer, body=Mending().mended(answer.body)))
        self._mended = MendedWhole()
        head = self._inner.response(answer)
        kept = tuple([pair for pair in head.headers if pair[0] != b"content-length"])
        return replace(head, headers=kept)

    def feed(self, chunk: bytes) -> bytes:
        if self._mended is not None:
            chunk = self._mended.feed(chunk)
        return self._inner.feed(chunk) if chunk else b""

    def finish(self) -> bytes:
        last = b"" if self._mended is None else self._mended.flush()
        return (self._inner.feed(last) if last else b"") + self._inner.finish()

    def fail(self, failure: Failure) -> bytes:
        return self._inner.fail(failure)

    def keepalive(self) -> bytes:
        return self._inner.keepalive()


class MendedWhole:
    """Network bytes in, at the end the whole answer out, mended. One that is very long passes as it is."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> bytes:
        """Keep what comes, as long as it is not too much."""
        self._held.append(chunk)
        self._size += len(chunk)
        if self._size <= MAX_HELD_BYTES:
            return b""
        passing, self._held = b"".join(self._held), []
        return passing

    def flush(self) -> bytes:
        """Return the answer, mended where all of it is here."""
        held = b"".join(self._held)
        return Mending().mended(held) if self._size <= MAX_HELD_BYTES else held


class MendedEvents:
    """Network bytes in, whole events out, those with tool calls mended."""

    def __init__(self) -> None:
        self._mending = Mending()
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return the events that end in this chunk; what has not ended waits."""
        data = self._held + chunk
        ends = [found.end() for found in _EVENT_END.finditer(data, max(0, len(self._held) - LONGEST_END))]
        end = ends[-1] if ends else 0
        whole, self._held = data[:end], data[end:]
        if len(self._held) > MAX_HELD_BYTES:
            whole, self._held = data, b""
            return whole
        if MARKED.search(whole) is None:
            return whole
        starts = [0, *ends[:-1]]
        return b"".join(self._event(whole[start:stop]) for start, stop in zip(starts, ends, strict=True))

    def flush(self) -> bytes:
        """Return what is left at the end of the stream."""
        held, self._held = self._held, b""
        return self._event(held) if held else held

    def _event(self, event: bytes) -> bytes:
        """Mend an event of one line of data; nobody writes a chunk in several."""
        found = _DATA.findall(event)
        if len(found) != 1:
            return event
        mended = self._mending.mended(found[0])
        return event if mended is found[0] else event.replace(found[0], mended, 1)


def _is_stream(headers: Headers) -> bool:
    return (header(headers, b"content-type") or b"").strip().lower().startswith(b"text/event-stream")
