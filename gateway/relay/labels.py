"""Take an upstream's answer for what it is, not for what its label says.

Streams come labelled as plain text, as bytes or as JSON, whole answers as streams, and either comes where the other was
asked for. Looked at only where label, first byte and call do not agree.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.exchange.attempts import Attempt
from gateway.exchange.context import CallContext
from gateway.exchange.surfaces import Action
from gateway.relay import errors
from gateway.relay.answers import MAX_BUFFERED_BYTES
from providers.dialects.encodings import codings, is_known, plain, without_coding
from providers.dialects.types import Call, Failure, Headers, Refused, WireAnswer
from providers.sending import read_all
from providers.translation.pairs.collecting import LEAST_BYTES, collected, looks_like_events
from providers.translation.pairs.spreading import spread

STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
JSON = (b"content-type", b"application/json")
WHOLE = frozenset((b"{",))
"""First bytes that no stream of events has."""
EVENTS = frozenset((b"d", b"e", b":", b"i", b"r", b"\xef", b"\r", b"\n", b" "))
"""First bytes that a stream of events may have, and JSON seldom."""


def is_odd(first: bytes, is_stream: bool, is_coded: bool, is_json: bool) -> bool:
    """Tell whether an answer that begins so can't be what its label says; of a compressed one nobody can tell."""
    if is_coded:
        return False
    return first[:1] in (WHOLE if is_stream else EVENTS) if is_stream or is_json else bool(first)


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer's head as it should have been, and its body."""

    head: WireAnswer
    body: AsyncIterable[bytes]
    is_stream: bool


Answer = tuple[WireAnswer, AsyncIterable[bytes], bool]
"""A head, the body, and whether it is a stream."""


async def as_it_is(context: CallContext, call: Call, attempt: Attempt, answer: Answer) -> Answer:
    """Return an answer whose label does not fit the call as what it is; of other paths as it came."""
    is_framed = attempt.driver.envelope is not None
    if context.surface.action is not Action.RELAY or not context.surface.has_body or is_framed:
        return answer
    head, body, is_stream = answer
    dialect, is_asked = attempt.route.dialect, call.fields.stream
    seen = await seen_as_it_is(head, body, dialect, is_stream=is_stream, is_asked=is_asked)
    if seen.is_stream or not is_asked or not attempt.translator.is_transparent or codings(seen.head.headers):
        return seen.head, seen.body, seen.is_stream
    data = await read_all(seen.body, MAX_BUFFERED_BYTES)
    events = spread(dialect, data)
    if events is None:
        return seen.head, joined(data, None), False
    return _labelled(seen.head, STREAM), joined(events, None), True


async def whole_as_it_is(
    context: CallContext, call: Call, attempt: Attempt, head: WireAnswer, data: bytes
) -> WireAnswer:
    """Return an answer that has been read whole as what it is."""
    head, body, _ = await as_it_is(context, call, attempt, (head, joined(data, None), False))
    return WireAnswer(head.status, head.headers, await read_all(body, MAX_BUFFERED_BYTES))


async def seen_as_it_is(
    head: WireAnswer, body: AsyncIterable[bytes], dialect: str, *, is_stream: bool, is_asked: bool
) -> Seen:
    """Return the answer with the label of what it is, and whole where no stream was asked for.

    `is_stream`: so it is labelled. Raises `httpx.TransportError`.
    """
    chunks = aiter(body)
    start = b""
    is_coded = bool(codings(head.headers))
    if not (is_stream and is_coded):
        while len(start.strip()) < LEAST_BYTES and (chunk := await anext(chunks, b"")):
            start += chunk
        if start.lstrip().startswith(b"{"):
            return Seen(_labelled(head, JSON), joined(start, chunks), is_stream=False)
        if not is_stream and (is_coded or not looks_like_events(start)):
            return Seen(head, joined(start, chunks), is_stream=False)
    if is_asked:
        return Seen(_labelled(head, STREAM), joined(start, chunks), is_stream=True)
    data = start + await read_all(chunks, MAX_BUFFERED_BYTES)
    try:
        whole = _collected(head, dialect, data)
    except Refused as exc:
        return _refused(dialect, exc.failure)
    if whole is None:
        return Seen(head, joined(data, None), is_stream=is_stream)
    told = replace(_labelled(head, JSON), headers=without_coding(_labelled(head, JSON).headers))
    return Seen(told, joined(whole, None), is_stream=False)


def _collected(head: WireAnswer, dialect: str, data: bytes) -> bytes | None:
    names = codings(head.headers)
    if names and not is_known(names):
        return None
    try:
        plain_data = plain(replace(head, body=data)).body
    except Refused:
        return None
    return collected(dialect, plain_data)


def _refused(dialect: str, failure: Failure) -> Seen:
    """Return the error that a stream is for a caller who has asked for none."""
    told = errors.render(failure.vendor_status or errors.status_of(failure), failure, dialect, None)
    return Seen(told, joined(told.body, None), is_stream=False)


def _labelled(head: WireAnswer, label: tuple[bytes, bytes]) -> WireAnswer:
    kept: Headers = tuple(
        pair for pair in head.headers if pair[0] not in (b"content-type", b"content-length")
    )
    return replace(head, headers=(label, *kept))


async def joined(start: bytes, rest: AsyncIterator[bytes] | None) -> AsyncIterator[bytes]:
    """Yield what has been read, then the rest."""
    if start:
        yield start
    if rest is not None:
        async for chunk in rest:
            yield chunk
