"""What both pairs over an Anthropic upstream share: the way of a stream, a whole answer, an error. Pure.

A subclass writes its surface: `_begin`, `_open`, `_delta`, `_close`, `_end` for a stream, `_whole` for an answer
that was not streamed; each gives bytes. It sees one block at a time: should an upstream interleave them, the
events of later blocks wait until the earlier one has ended.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import msgspec
import orjson
from msgspec import structs

from providers.dialects.anthropic import failure_of, read_error
from providers.dialects.anthropic_messages import (
    Block,
    BlockDelta,
    BlockStart,
    BlockStop,
    Delta,
    Ending,
    ErrorEvent,
    ErrorFields,
    Message,
    MessageDelta,
    MessageStart,
    MessageStop,
    Ping,
    UsageFields,
    merge_usage,
    read_event,
    read_message,
)
from providers.dialects.encodings import Decoder, decoder
from providers.dialects.openai_errors import error_body
from providers.dialects.sse import SseReader, comment
from providers.dialects.types import (
    Call,
    Failure,
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

JSON_TYPE = (b"content-type", b"application/json")
STREAM_TYPE = (b"content-type", b"text/event-stream; charset=utf-8")
_KEPT_HEADERS = frozenset((b"retry-after", b"retry-after-ms", b"x-should-retry", b"request-id"))
_STATUSES = {529: 503}
"""The vendor's own statuses that an OpenAI client does not know."""

PING = comment(b"ping")


class OverMessages(ABC):
    """One exchange. Not made for reuse; `request` may be called again for a retry."""

    is_transparent = False

    def __init__(self, ids: MakeId, now: float, sealer: Sealer) -> None:
        self.usage = Usage()
        self.model: str | None = None
        self.failure: Failure | None = None
        self._ids = ids
        self._created = int(now)
        self._sealer = sealer
        self._reader = SseReader()
        self._decoder: Decoder | None = None  # we ask for plain bytes; not everybody listens
        self._has_begun = False
        self._has_ended = False  # the closing event or an error was written: nothing may follow
        self._ending = Ending()
        self._thinking_tokens = 0
        self._is_stream = False  # the caller asked for a stream
        self._call_ids: set[str] = set()
        self._open_index: int | None = None  # of the block that is being written
        self._waiting: list[BlockStart | BlockDelta | BlockStop] = []

    # --- the road's side -----------------------------------------------------------------------------

    @abstractmethod
    def request(self, call: Call, target: Target) -> WireRequest: ...

    def response(self, answer: WireAnswer) -> WireAnswer:
        """Raises `Refused` (kind `upstream`, or what an error in a 200 says) when a 2xx is no message."""
        kept = _kept(answer.headers)
        self._decoder = decoder(answer.headers)
        if (
            self._decoder is not None and answer.body
        ):  # a body that only says it is compressed is taken as it is
            answer = structs.replace(answer, body=self._decoder.feed(answer.body) or answer.body)
        if not 200 <= answer.status < 300:
            return self._error(answer, kept)
        kind = (header(answer.headers, b"content-type") or b"").strip().lower()
        if kind.startswith(b"text/event-stream"):
            return WireAnswer(answer.status, (STREAM_TYPE, *kept))
        message = read_message(answer.body)
        if message.type == "error" or message.error is not None:
            self.failure = failure_of(message.error or ErrorFields())
            raise Refused(self.failure)
        self.model = message.model
        self._count(message.usage)
        self._ending = Ending(message.stop_reason, message.stop_sequence, message.stop_details)
        if self._is_stream:  # the upstream did not stream although it was asked to
            return WireAnswer(answer.status, (STREAM_TYPE, *kept), self._replayed(message))
        return WireAnswer(answer.status, (JSON_TYPE, *kept), self._whole(message))

    def feed(self, chunk: bytes) -> bytes:
        """Never raises: nonsense from the upstream becomes `failure` and the surface's error form."""
        out = b""
        if self._decoder is not None:
            chunk = self._decoder.feed(chunk)
        try:
            for _, data in self._reader.feed(chunk):
                out += self._event(data)
        except Refused as exc:
            self.failure = exc.failure
            out += self.fail(exc.failure)
        return out

    def finish(self) -> bytes:
        out = b""
        for _, data in self._reader.flush():
            try:
                out += self._event(data)
            except Refused:
                break  # cut inside an event
        if not self._has_ended:
            raise Truncated("the upstream's stream ended without message_stop")
        return out

    def fail(self, failure: Failure) -> bytes:
        if self._has_ended:
            return b""
        self._has_ended = True
        return self._failed(failure)

    def keepalive(self) -> bytes:
        return b"" if self._has_ended else PING

    # --- events --------------------------------------------------------------------------------------

    def _event(self, data: bytes) -> bytes:
        if self._has_ended:
            return b""
        event = read_event(data)
        if isinstance(event, BlockDelta) and event.index == self._open_index:
            return self._delta(event.delta)
        if isinstance(event, BlockStart | BlockDelta | BlockStop):
            return self._started(None) + self._block_event(event)
        if event is None or isinstance(event, Ping):
            return b""
        return self._rare_event(event)

    def _block_event(self, event: BlockStart | BlockDelta | BlockStop) -> bytes:
        if self._open_index is not None and event.index != self._open_index:
            self._waiting.append(event)
            return b""
        if isinstance(event, BlockStart):
            if self._open_index is not None:  # it has not ended, and starts again
                return self._closed() + self._block_event(event)
            self._open_index = event.index
            return self._open(event.content_block)
        if isinstance(event, BlockStop):
            return self._closed()
        if self._open_index is not None:
            return self._delta(event.delta)
        if event.delta.type != "text_delta":
            return b""  # of no block that was started
        self._open_index = event.index
        return self._open(Block("text")) + self._delta(event.delta)

    def _closed(self) -> bytes:
        """Ends the open block, and lets those speak that waited for it."""
        if self._open_index is None:
            return b""
        self._open_index = None
        out = self._close()
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            out += self._block_event(event)
        return out

    def _rare_event(self, event: object) -> bytes:
        if isinstance(event, MessageStart):
            return self._started(event.message)
        if isinstance(event, MessageDelta):
            self._count(event.usage)
            self._ending = event.delta or self._ending
        elif isinstance(event, ErrorEvent):
            self.failure = failure_of(event.error)
            return self.fail(self.failure)
        elif isinstance(event, MessageStop):
            out = self._started(None)
            while self._open_index is not None:
                out += self._closed()
            self._has_ended = True
            return out + self._end()
        return b""

    def _started(self, message: Message | None) -> bytes:
        """Begins once, also when the upstream forgets to, or does it twice."""
        if message is not None:
            self.model = message.model or self.model
            self._count(message.usage)
        if self._has_begun:
            return b""
        self._has_begun = True
        return self._begin(message or Message())

    def _count(self, usage: UsageFields | None) -> None:
        self.usage = merge_usage(self.usage, usage)
        details = usage.output_tokens_details if usage is not None else None
        if details is not None and details.thinking_tokens is not None:
            self._thinking_tokens = details.thinking_tokens

    def _replayed(self, message: Message) -> bytes:
        """A whole message as the stream that it would have been."""
        out = self._started(message)
        for block in message.content or ():
            out += self._open(block) + self._close()
        self._has_ended = True
        return out + self._end()

    def _error(self, answer: WireAnswer, kept: Headers) -> WireAnswer:
        failure = replace(read_error(answer.status, answer.headers, answer.body), type=None)
        status = _STATUSES.get(answer.status, answer.status if answer.status >= 400 else 502)
        return WireAnswer(status, (JSON_TYPE, *kept), error_body(failure))

    def _call_id(self, block: Block) -> str:
        """The id of a tool call, unique in the answer also where the upstream's are not."""
        call_id = unique = block.id or self._ids("call_")
        count = 1
        while unique in self._call_ids:
            count += 1
            unique = f"{call_id}_{count}"
        self._call_ids.add(unique)
        return unique

    # --- the surface's side --------------------------------------------------------------------------

    @abstractmethod
    def _begin(self, message: Message) -> bytes:
        """The stream's first bytes. `message` may be empty."""

    @abstractmethod
    def _open(self, block: Block) -> bytes:
        """A block starts, of any type; it may already hold text, thinking or the whole input of a tool."""

    @abstractmethod
    def _delta(self, delta: Delta) -> bytes:
        """Of the block that started last, and of any type."""

    @abstractmethod
    def _close(self) -> bytes:
        """The block that started last ends."""

    @abstractmethod
    def _end(self) -> bytes:
        """Everything that closes a good answer."""

    @abstractmethod
    def _failed(self, failure: Failure) -> bytes:
        """The error form in the middle of a stream."""

    @abstractmethod
    def _whole(self, message: Message) -> bytes:
        """The body of an answer that was not streamed."""


def _kept(headers: Headers) -> Headers:
    return tuple(pair for pair in headers if pair[0] in _KEPT_HEADERS)


def arguments_text(raw: msgspec.Raw) -> str:
    """A tool's input as the vendor wrote it; `{}` when there is none."""
    text = bytes(raw).decode()
    return text if text not in ("", "null", "{}") else "{}"


def custom_input(arguments: str) -> str:
    """The free text of a custom tool, from the JSON object that it travelled in."""
    try:
        text = orjson.loads(arguments).get("input", "")
    except (orjson.JSONDecodeError, AttributeError):
        return arguments  # cut short by max_tokens, or not what was asked for: shown as it came
    return text if isinstance(text, str) else orjson.dumps(text).decode()


def refusal_text(ending: Ending) -> str | None:
    """The vendor's explanation of a refusal, if it gave one."""
    if ending.stop_reason != "refusal" or ending.stop_details is None:
        return None
    return ending.stop_details.explanation or None
