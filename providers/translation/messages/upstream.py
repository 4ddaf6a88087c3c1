"""The base of both pairs over an Anthropic upstream: the course of a stream, a whole answer, an error.

Pure. A subclass writes its surface: `_begin`, `_open`, `_delta`, `_close`, `_end` for a stream, `_whole` for
an answer that was not streamed; each gives bytes. It sees one block at a time: should an upstream interleave
them, the events of later blocks wait until the earlier one has ended.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from providers.dialects.anthropic import OTHER_FRAME, failure_of, frame_of
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
from providers.dialects.encodings import Decoder, decoder, needed, plain
from providers.dialects.responses_usage import tokens_in
from providers.dialects.sse import SseReader, comment
from providers.dialects.types import (
    UNREAD,
    Call,
    Failure,
    Headers,
    MakeId,
    Moment,
    Refused,
    Sealer,
    Target,
    Truncated,
    WireAnswer,
    WireRequest,
    seconds,
)
from providers.translation.common.left_out import left_out_header
from providers.translation.messages.answer import JSON_TYPE, told_error
from providers.translation.messages.spoiled import readable

STREAM_TYPE = (b"content-type", b"text/event-stream; charset=utf-8")
_KEPT_HEADERS = {one: one for one in (b"retry-after", b"retry-after-ms", b"x-should-retry")}
_KEPT_HEADERS[b"request-id"] = b"x-request-id"  # the name that OpenAI's clients know
PING = comment(b"ping")


class OverMessages(ABC):
    """Translator of one exchange, not made for reuse; `request` may be called again for a retry."""

    is_transparent = False

    def __init__(self, ids: MakeId, now: Moment, sealer: Sealer) -> None:
        self.usage = UNREAD  # as long as nobody has told it
        self.model: str | None = None
        self.failure: Failure | None = None
        self._ids = ids
        self._created = seconds(now)
        self._sealer = sealer
        self._reader = SseReader()
        self._decoder: Decoder | None = None  # we ask for plain bytes; not everybody listens
        self._has_begun = False
        self._has_ended = False  # the closing event or an error was written: nothing may follow
        self._ending = Ending()
        self._thinking_tokens = 0
        self._is_stream = False  # the caller asked for a stream
        self._call_ids: set[str] = set()
        self._left_out: list[str] = []  # what of the call this upstream can't be given
        self._open_index: int | None = None  # of the block that is being written
        self._is_in_prose = False  # it is text: a piece that can't be read is passed by
        self._waiting: list[BlockStart | BlockDelta | BlockStop] = []
        self._deltas = self._frame = self._other_bytes = 0  # pieces; bytes around one; bytes between them

    def written(self, size: int) -> int:
        """See `Translator`."""
        return tokens_in(size - self._other_bytes, self._frame, self._deltas)

    # --- the relay's side ----------------------------------------------------------------------------

    @abstractmethod
    def request(self, call: Call, target: Target) -> WireRequest: ...

    def response(self, answer: WireAnswer) -> WireAnswer:
        """Return status, headers and body as the client gets them.

        Raises `Refused` (kind `upstream`, or what an error in a 200 says) when a 2xx is no message.
        """
        kept, kind, is_coded = _looked_over(answer.headers)
        kept = (*kept, *left_out_header(self._left_out)) if self._left_out else kept
        self._decoder = decoder(answer.headers) if is_coded else None
        if self._decoder is not None and answer.body:
            answer = plain(answer)
        if not 200 <= answer.status < 300:
            return told_error(answer, kept)
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
        """Return the surface's bytes for a chunk. Never raises: nonsense becomes `failure` and an error's form."""
        out = b""
        try:
            if self._decoder is not None:
                chunk = needed(self._decoder, chunk)
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
        try:
            event = read_event(data)
        except Refused:
            found = readable(data, is_in_prose=self._is_in_prose)
            return b"".join([self._event(one) for one in found])
        if isinstance(event, BlockDelta):
            self._deltas += 1
            if not self._frame:
                self._frame = frame_of(data)
            if event.index == self._open_index:
                return self._delta(event.delta)
        else:
            self._other_bytes += OTHER_FRAME + len(data)
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
            self._is_in_prose = event.content_block.type == "text"
            return self._open(event.content_block)
        if isinstance(event, BlockStop):
            return self._closed()
        if self._open_index is not None:
            return self._delta(event.delta)
        if event.delta.type != "text_delta":
            return b""  # of no block that was started
        self._open_index, self._is_in_prose = event.index, True
        return self._open(Block("text")) + self._delta(event.delta)

    def _closed(self) -> bytes:
        """End the open block, and write the events that waited for it."""
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
        """Begin the surface's stream once, also when the upstream forgets to, or does it twice."""
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
        """Return a whole message as the stream that it would have been."""
        out = self._started(message)
        for block in message.content or ():
            out += self._open(block) + self._close()
        self._has_ended = True
        return out + self._end()

    def _call_id(self, block: Block) -> str:
        """Return the id of a tool call, unique in the answer also where the upstream's are not."""
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
        """Return the stream's first bytes. `message` may be empty."""

    @abstractmethod
    def _open(self, block: Block) -> bytes:
        """Start a block of any type; it may already hold text, thinking or the whole input of a tool."""

    @abstractmethod
    def _delta(self, delta: Delta) -> bytes:
        """Write a delta of any type, of the block that started last."""

    @abstractmethod
    def _close(self) -> bytes:
        """End the block that started last."""

    @abstractmethod
    def _end(self) -> bytes:
        """Return everything that closes a good answer."""

    @abstractmethod
    def _failed(self, failure: Failure) -> bytes:
        """Return the error form in the middle of a stream."""

    @abstractmethod
    def _whole(self, message: Message) -> bytes:
        """Return the body of an answer that was not streamed."""


def _looked_over(headers: Headers) -> tuple[Headers, bytes, bool]:
    """Return the headers that the client gets too, the content type, and whether the body is compressed."""
    kept, kind, is_coded = [], b"", False
    for pair in headers:
        name = pair[0]
        if name in _KEPT_HEADERS:
            kept.append((_KEPT_HEADERS[name], pair[1]))
        elif name == b"content-type":
            kind = kind or pair[1].strip().lower()
        elif name == b"content-encoding":
            is_coded = True
    return tuple(kept), kind, is_coded
