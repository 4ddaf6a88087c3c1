"""OpenAI's dialects over themselves: the bytes pass untouched, and usage is read as they go by. Pure.

A Chat stream tells its usage only when asked to. So a call that does not ask gets the option inserted, nothing
else in its body changes, and the chunk that answers it is kept from the client.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec.structs import replace

from providers.dialects import openai_chat, openai_responses
from providers.dialects.types import Call, Failure, Target, WireRequest
from providers.translation.passthrough import Passthrough, Totals, Watched

MAX_HELD_BYTES = 16 * 1024 * 1024
"""An event that grows over this is no usage chunk: it passes."""


def _chat_error(totals: Totals, failure: Failure) -> bytes:
    return b"" if totals.is_finished else openai_chat.stream_error(failure)


def _responses_error(totals: Totals, failure: Failure) -> bytes:
    return (
        openai_responses.cut_off(totals, failure)
        if isinstance(totals, openai_responses.StreamTotals)
        else b""
    )


CHAT = Watched(openai_chat.StreamTotals, openai_chat.read_totals, _chat_error, openai_chat.KEEPALIVE)
RESPONSES = Watched(
    openai_responses.StreamTotals, openai_responses.read_totals, _responses_error, openai_responses.KEEPALIVE
)


class OpenAiPassthrough(Passthrough):
    """Every event of a stream names the model, so an alias is mapped back in each of them."""

    def _renamed(self, chunk: bytes) -> bytes:
        if self._reader is None or self._alias is None:
            return super()._renamed(chunk)
        self._held += chunk
        end = max(self._held.rfind(b"\n"), self._held.rfind(b"\r")) + 1
        if len(self._held) - end > MAX_HELD_BYTES:
            end = len(self._held)
        whole, self._held = self._held[:end], self._held[end:]
        named, asked = self._alias
        names = {named, msgspec.json.encode(self._totals.model or "")}
        pattern = rb'(?<!\\)("model"\s*:\s*)(?:' + b"|".join(map(re.escape, names)) + rb")"
        return re.sub(pattern, lambda found: found[1] + asked, whole)


class ResponsesPassthrough(OpenAiPassthrough):
    """Responses over Responses. Usage stands in its closing event, asked for or not."""

    def __init__(self) -> None:
        super().__init__(RESPONSES)


class ChatPassthrough(OpenAiPassthrough):
    """Chat over Chat, with usage asked for in every stream."""

    def __init__(self) -> None:
        super().__init__(CHAT)
        self._hiding: UsageChunkFilter | None = None

    def request(self, call: Call, target: Target) -> WireRequest:
        self._hiding = None
        if call.fields.stream:
            body = with_usage_option(with_stream(call.body))
            if body is not None:
                self._hiding = UsageChunkFilter()
                call = replace(call, body=body)
            else:
                call = replace(call, body=with_stream(call.body))
        return super().request(call, target)

    def feed(self, chunk: bytes) -> bytes:
        passed = super().feed(chunk)
        if self._hiding is None or self._reader is None or self._decoder is not None:
            return passed
        return self._hiding.feed(passed)

    def finish(self) -> bytes:
        rest = super().finish()
        return rest if self._hiding is None else self._hiding.feed(rest) + self._hiding.flush()

    def fail(self, failure: Failure) -> bytes:
        held = b"" if self._hiding is None else self._hiding.flush()
        return held + super().fail(failure)

    def keepalive(self) -> bytes:
        return b"" if self._hiding is not None and self._hiding.is_holding else super().keepalive()


# --- the request --------------------------------------------------------------------------------------


class _Options(msgspec.Struct):
    stream: msgspec.Raw = msgspec.Raw()
    stream_options: msgspec.Raw = msgspec.Raw()


_options_decoder = msgspec.json.Decoder(_Options)
_OPTION = b'"stream_options":{"include_usage":true}'


def with_usage_option(body: bytes) -> bytes | None:
    """The body that asks for usage; None when it asks already, or can't be changed without a doubt."""
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
    """The body with `stream: true`, for a call whose query asks for it."""
    options = _read_options(body)
    if options is None or bytes(options.stream) == b"true":
        return body
    raw = bytes(options.stream)
    changed = _replaced(body, b"stream", raw, b"true") if raw else _with_member(body, b'"stream":true')
    return body if changed is None else changed


def _read_options(body: bytes) -> _Options | None:
    try:
        return _options_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _with_member(body: bytes, member: bytes) -> bytes:
    """A first member for an object, which may be empty."""
    start = body.index(b"{") + 1
    comma = b"" if body[start:].lstrip()[:1] == b"}" else b","
    return body[:start] + member + comma + body[start:]


def _replaced(body: bytes, name: bytes, raw: bytes, value: bytes) -> bytes | None:
    """Another value for the only member of this name and value; None when there are more, deeper down."""
    found = list(re.finditer(rb'(?<!\\)"' + name + rb'"\s*:\s*(' + re.escape(raw) + rb")", body))
    if len(found) != 1:
        return None
    start, end = found[0].span(1)
    return body[:start] + value + body[end:]


# --- the answer ---------------------------------------------------------------------------------------

_USAGE = re.compile(rb'"usage"\s*:\s*\{')  # once asked, every other chunk says `"usage": null`
_EVENT_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")


class UsageChunkFilter:
    """Takes the usage chunk out of a stream. All other bytes pass as they are; only a part of an event waits."""

    __slots__ = ("_late_line_feed", "_pending")

    def __init__(self) -> None:
        self._pending = b""
        self._late_line_feed: bytes | None = (
            None  # what becomes of an LF that still belongs to the last event's CR
        )

    @property
    def is_holding(self) -> bool:
        return bool(self._pending)

    def feed(self, chunk: bytes) -> bytes:
        out: list[bytes] = []
        if self._late_line_feed is not None and chunk:
            if chunk.startswith(b"\n"):
                out.append(self._late_line_feed)
                chunk = chunk[1:]
            self._late_line_feed = None
        if not self._pending and not out and chunk.endswith(b"\n\n") and _USAGE.search(chunk) is None:
            return chunk
        data = self._pending + chunk
        start = 0
        for found in _EVENT_END.finditer(data):
            event = data[start : found.end()]
            start = found.end()
            is_hidden = _is_usage_chunk(event)
            if not is_hidden:
                out.append(event)
            if start == len(data) and event.endswith(b"\r"):
                self._late_line_feed = b"" if is_hidden else b"\n"
        self._pending = data[start:]
        if len(self._pending) > MAX_HELD_BYTES:
            out.append(self.flush())
        return b"".join(out)

    def flush(self) -> bytes:
        """What is left at the end of the stream."""
        held, self._pending = self._pending, b""
        return b"" if _is_usage_chunk(held) else held


def _is_usage_chunk(event: bytes) -> bool:
    """A chunk that tells usage and nothing else: no choice, or with some servers one that is empty."""
    if _USAGE.search(event) is None:
        return False
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    try:
        chunk = _told_decoder.decode(b"\n".join(lines))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(chunk.usage, dict) and all(map(_is_empty, chunk.choices or ()))


class _Told(msgspec.Struct):
    choices: list[dict[str, Any]] | None = None
    usage: Any = None


_told_decoder = msgspec.json.Decoder(_Told)


def _is_empty(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta")
    return not choice.get("finish_reason") and isinstance(delta, dict) and not any(delta.values())
