"""Pass OpenAI's dialects over themselves: the bytes stay untouched, and usage is read as they go by.

Pure. A Chat stream tells its usage only when asked to. So a call that does not ask gets the option inserted,
nothing else in its body changes, and the chunk that answers it is kept from the client.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import orjson
from msgspec.structs import replace

from providers.dialects import chat_totals, made, openai_chat, openai_responses
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import Call, Failure, Sealer, Target, Truncated, WireRequest
from providers.translation.chat.foreign import as_chat
from providers.translation.pairs.passthrough import Passthrough
from providers.translation.pairs.rewording import for_openai
from providers.translation.pairs.usage_chunks import UsageChunkFilter
from providers.translation.pairs.watched import Totals, Watched
from providers.translation.responses import compaction
from providers.translation.responses.reasoning import strip_seals

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line passes with the model's name as it came."""


def _chat_error(totals: Totals, failure: Failure) -> bytes:
    return b"" if totals.is_finished else openai_chat.stream_error(failure)


def _responses_error(totals: Totals, failure: Failure) -> bytes:
    return (
        openai_responses.cut_off(totals, failure)
        if isinstance(totals, openai_responses.StreamTotals)
        else b""
    )


CHAT = Watched(
    chat_totals.StreamTotals,
    openai_chat.read_totals,
    _chat_error,
    openai_chat.KEEPALIVE,
    reworded=for_openai,
)
RESPONSES = Watched(
    openai_responses.StreamTotals,
    openai_responses.read_totals,
    _responses_error,
    openai_responses.KEEPALIVE,
    made.by_responses,
    (b'"id"',),
    ("response",),
    for_openai,
    strip_seals,
)


class OpenAiPassthrough(Passthrough):
    """Passthrough of an OpenAI dialect.

    Every event of a stream names the model, so an alias is mapped back in each of them.
    """

    def _renamed(self, chunk: bytes) -> bytes:
        if self._reader is None or self._alias is None:
            return super()._renamed(chunk)
        self._held += chunk
        end = max(self._held.rfind(b"\n"), self._held.rfind(b"\r")) + 1
        if len(self._held) - end > MAX_LINE_BYTES:
            end = len(self._held)
        whole, self._held = self._held[:end], self._held[end:]
        return b"".join([self._line(line) for line in whole.splitlines(keepends=True)])

    def _line(self, line: bytes) -> bytes:
        """Return a line of the stream, with the asked name where its event names the model."""
        return self._with_asked_name(line) if line.startswith(b"data:") and b'"model"' in line else line


class ResponsesPassthrough(OpenAiPassthrough):
    """Responses over Responses.

    Usage stands in its closing event, asked for or not. Summaries that another upstream has written, and we have
    sealed, go in clear.
    """

    def __init__(self, sealer: Sealer) -> None:
        super().__init__(RESPONSES)
        self._sealer = sealer
        self._seal_prefix = sealer.prefix

    def request(self, call: Call, target: Target) -> WireRequest:
        if compaction.is_mentioned(call.body):
            fields = compaction.read(call.body)
            opened = fields and compaction.opened(fields, self._sealer.open, is_native=True)
            if opened is not fields:
                call = replace(call, body=msgspec.json.encode(opened))
        return super().request(call, target)


_matters = chat_totals.MATTERS.search


class ChatPassthrough(OpenAiPassthrough):
    """Chat over Chat, with usage asked for in every stream."""

    def __init__(self) -> None:
        super().__init__(CHAT)
        self._hiding: UsageChunkFilter | None = None
        self._last = b""  # of the events that were not looked at
        self._is_quick = False  # an event that tells nothing special need not be looked at

    def request(self, call: Call, target: Target) -> WireRequest:
        self._hiding, self._is_quick = None, False
        if call.fields.is_foreign:
            call = _in_chats_form(call)
        if call.fields.stream:
            adds_option = target.takes_usage_option and not target.is_verbatim
            body = with_usage_option(with_stream(call.body)) if adds_option else None
            if body is not None:
                self._hiding = UsageChunkFilter()
                call = replace(call, body=body)
            else:
                call = replace(call, body=with_stream(call.body))
        return super().request(call, target)

    def feed(self, chunk: bytes) -> bytes:
        hiding = self._hiding
        if (
            self._is_quick
            and (hiding is None or hiding.is_between)
            and self._reader.is_line(chunk)  # type: ignore[union-attr]
            and _matters(chunk) is None
        ):
            self._passed += 1
            self._last = chunk
            return chunk  # as nearly all are: one event, of which nothing is read and nothing hidden
        passed = super().feed(chunk)
        is_readable = self._reader is not None and self._decoder is None
        self._is_quick = is_readable and self._alias is None and self._totals.is_settled  # type: ignore[attr-defined]
        return passed if hiding is None or not is_readable else hiding.feed(passed)

    def finish(self) -> bytes:
        try:
            rest = super().finish()
        except Truncated:
            self._totals.note_end(self._last)  # type: ignore[attr-defined]
            raise
        return rest if self._hiding is None else self._hiding.feed(rest) + self._hiding.flush()

    def fail(self, failure: Failure) -> bytes:
        held = b"" if self._hiding is None else self._hiding.flush()
        return held + super().fail(failure)

    def keepalive(self) -> bytes:
        return b"" if self._hiding is not None and self._hiding.is_holding else super().keepalive()


def _in_chats_form(call: Call) -> Call:
    """Return a call whose body is written in another API's form in Chat's; the same call when it is not."""
    try:
        body = tolerant(orjson.loads, call.body)
    except UNREADABLE:
        return call
    told = as_chat(body) if isinstance(body, dict) else body
    return call if told is body else replace(call, body=orjson.dumps(told))


# --- the request --------------------------------------------------------------------------------------


class _Options(msgspec.Struct):
    stream: msgspec.Raw = msgspec.Raw()
    stream_options: msgspec.Raw = msgspec.Raw()


_options_decoder = msgspec.json.Decoder(_Options)
_OPTION = b'"stream_options":{"include_usage":true}'


def with_usage_option(body: bytes) -> bytes | None:
    """Return the body that asks for usage.

    None when it asks already, or can't be changed without a doubt.
    """
    options = _read_options(body)
    if options is None:
        return None
    raw = bytes(options.stream_options)
    if not raw:
        return _with_member(body, _OPTION)
    value: Any = msgspec.json.decode(raw)
    if value is None:
        return _replaced(body, b"stream_options", raw, b'{"include_usage":true}')
    if not isinstance(value, dict) or value.get("include_usage") is True:
        return None
    if "include_usage" in value:
        changed = msgspec.json.encode({**value, "include_usage": True})
    else:
        changed = _with_member(raw, b'"include_usage":true')
    return _replaced(body, b"stream_options", raw, changed)


def with_stream(body: bytes) -> bytes:
    """Return the body with `stream: true`, for a call whose query asks for it."""
    options = _read_options(body)
    if options is None or bytes(options.stream) == b"true":
        return body
    raw = bytes(options.stream)
    changed = _replaced(body, b"stream", raw, b"true") if raw else _with_member(body, b'"stream":true')
    return body if changed is None else changed


def _read_options(body: bytes) -> _Options | None:
    try:
        return tolerant(_options_decoder.decode, body)
    except UNREADABLE:
        return None


def _with_member(body: bytes, member: bytes) -> bytes:
    """Add a first member to an object, which may be empty."""
    start = body.index(b"{") + 1
    comma = b"" if body[start:].lstrip()[:1] == b"}" else b","
    return body[:start] + member + comma + body[start:]


def _replaced(body: bytes, name: bytes, raw: bytes, value: bytes) -> bytes | None:
    """Replace the value of the only member of this name and value; None when there are more, deeper down."""
    found = list(re.finditer(rb'(?<!\\)"' + name + rb'"\s*:\s*(' + re.escape(raw) + rb")", body))
    if len(found) != 1:
        return None
    start, end = found[0].span(1)
    return body[:start] + value + body[end:]
