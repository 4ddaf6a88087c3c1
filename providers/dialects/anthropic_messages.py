"""Anthropic messages as they stand on the wire: whole answers, events, `usage` objects.

Pure. Structs name only what is read. Unknown fields, blocks, deltas and event types pass by, and a JSON null
is an absent field. Counts are tokens; `input_tokens` never includes cached ones in this dialect.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from providers.dialects.extras import with_extras
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.odd_usage import forgiving
from providers.dialects.types import UNREAD, Failure, FailureKind, Refused, Usage

# --- usage ------------------------------------------------------------------------------------------


class CacheCreation(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class UsageFields(msgspec.Struct):
    """A `usage` object as it stands on the wire, of a message or of one event."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: Any = None
    service_tier: Any = None
    speed: Any = None
    inference_geo: Any = None
    iterations: Any = None


def merge_usage(before: Usage, seen: UsageFields | None) -> Usage:
    """Return `before` with the counts of `seen` in place of its own: they are cumulative, never added.

    A count that `seen` does not have stays.
    """
    if seen is None:
        return before
    write_5m, write_1h = _cache_writes(before, seen)
    told = (seen.input_tokens, seen.output_tokens, seen.cache_read_input_tokens)
    if before is UNREAD and told == NO_COUNTS and not (write_5m or write_1h):
        return before
    merged = Usage(
        input_tokens=before.input_tokens if seen.input_tokens is None else seen.input_tokens,
        cache_read_tokens=(
            before.cache_read_tokens if seen.cache_read_input_tokens is None else seen.cache_read_input_tokens
        ),
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
        output_tokens=before.output_tokens if seen.output_tokens is None else seen.output_tokens,
        web_searches=before.web_searches,
        modes=before.modes,
        parts=before.parts,
    )
    if (
        not before.modes
        and seen.server_tool_use is None
        and seen.iterations is None
        and (seen.service_tier is None or seen.service_tier == "standard")
        and seen.speed != "fast"
        and seen.inference_geo != "us"
    ):
        return merged  # most answers
    return with_extras(
        merged, seen.server_tool_use, seen.service_tier, seen.speed, seen.inference_geo, seen.iterations
    )


NO_COUNTS = (None, None, None)


def _cache_writes(before: Usage, seen: UsageFields) -> tuple[int, int]:
    total = seen.cache_creation_input_tokens
    split = seen.cache_creation
    if split is not None:
        write_5m = split.ephemeral_5m_input_tokens or 0
        write_1h = split.ephemeral_1h_input_tokens or 0
        if total is None or write_5m + write_1h == total:
            return write_5m, write_1h
        return max(0, total - write_1h), write_1h
    if total is None:
        return before.cache_write_5m_tokens, before.cache_write_1h_tokens
    write_1h = min(before.cache_write_1h_tokens, total)  # a total without its split: the rest is 5 minutes'
    return total - write_1h, write_1h


class _Totals(msgspec.Struct):
    model: str | None = None
    usage: UsageFields | None = None


_totals_decoder = msgspec.json.Decoder(_Totals)


def read_totals(body: bytes) -> tuple[str | None, Usage]:
    """Return `(model, usage)` of a whole answer, with nothing else decoded.

    Unreadable: `(None, UNREAD)`.
    """
    try:
        seen = _totals_decoder.decode(body)
    except UNREADABLE:
        try:
            seen = forgiving(_totals_decoder.decode, body)
        except UNREADABLE:
            return None, UNREAD
    return seen.model, merge_usage(UNREAD, seen.usage)


# --- a whole answer ---------------------------------------------------------------------------------


class Block(msgspec.Struct):
    """One content block: fields of every known type side by side.

    `input` is the raw JSON.
    """

    type: str = ""
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()  # empty when absent
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class StopDetails(msgspec.Struct):
    explanation: str | None = None


class ErrorFields(msgspec.Struct):
    type: str | None = None
    message: str | None = None


class Message(msgspec.Struct):
    """The answer of a call that was not streamed, and the `message` of `message_start`."""

    id: str | None = None
    type: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: UsageFields | None = None
    error: ErrorFields | None = None  # `type` is then "error"


_message_decoder = msgspec.json.Decoder(Message)


def read_message(body: bytes) -> Message:
    """Return the whole answer.

    Raises `Refused` (kind `upstream`) when it is no message.
    """
    try:
        return _message_decoder.decode(body)
    except UNREADABLE:
        pass
    try:
        return forgiving(_message_decoder.decode, body)
    except UNREADABLE as exc:
        raise Refused(Failure(FailureKind.UPSTREAM, "the upstream's answer is no message")) from exc


# --- events -----------------------------------------------------------------------------------------


class Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None


class Ending(msgspec.Struct):
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


def refusal_text(ending: Ending) -> str | None:
    """Return the vendor's explanation of a refusal, if it gave one."""
    if ending.stop_reason != "refusal" or ending.stop_details is None:
        return None
    return ending.stop_details.explanation or None


class MessageStart(msgspec.Struct, tag="message_start"):
    message: Message


class BlockStart(msgspec.Struct, tag="content_block_start"):
    index: int
    content_block: Block


class BlockDelta(msgspec.Struct, tag="content_block_delta"):
    index: int
    delta: Delta


class BlockStop(msgspec.Struct, tag="content_block_stop"):
    index: int


class MessageDelta(msgspec.Struct, tag="message_delta"):
    delta: Ending | None = None
    usage: UsageFields | None = None


class MessageStop(msgspec.Struct, tag="message_stop"):
    pass


class Ping(msgspec.Struct, tag="ping"):
    pass


class ErrorEvent(msgspec.Struct, tag="error"):
    error: ErrorFields


Event = MessageStart | BlockStart | BlockDelta | BlockStop | MessageDelta | MessageStop | Ping | ErrorEvent

_KNOWN_EVENTS = frozenset(
    (
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    )
)


MALFORMED = "the upstream sent a malformed event"
_event_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def read_event(data: bytes) -> Event | None:
    """Return one event from its `data:`; None for an event type that we do not know.

    Raises `Refused` (kind `upstream`) for what is no JSON, and for a known event that lacks its fields.
    """
    try:
        return _event_decoder.decode(data)
    except UNREADABLE:
        pass
    try:
        return forgiving(_event_decoder.decode, data)
    except UNREADABLE as exc:
        kind = event_type(data)
        if kind and kind not in _KNOWN_EVENTS:
            return None
        raise Refused(Failure(FailureKind.UPSTREAM, MALFORMED)) from exc


class _Typed(msgspec.Struct):
    type: str = ""


_typed_decoder = msgspec.json.Decoder(_Typed)
_TYPE = re.compile(rb'\s*\{\s*"type"\s*:\s*"([a-z_]+)"')


def event_type(data: bytes) -> str:
    """Return the `type` of an event, found without a parse where it stands first; "" when there is none."""
    found = _TYPE.match(data)
    if found:
        return found[1].decode()
    try:
        return tolerant(_typed_decoder.decode, data).type
    except UNREADABLE:
        return ""
