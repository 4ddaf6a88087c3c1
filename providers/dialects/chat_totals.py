"""Watch a Chat Completions stream that passes by: usage, model, error, end, and how much the model has written.

Pure. Usage comes last here, and of some upstreams never: so that an estimate is possible then, the bytes around a
piece of text are measured once, and events counted. What the rest of the bytes is, the model has said.
"""

from __future__ import annotations

import re

import msgspec
import orjson
from msgspec.structs import replace

from providers.dialects.error_shapes import event_error
from providers.dialects.mending import UNREADABLE, pieces, tolerant
from providers.dialects.openai_chat import Choice, decode_chunk, usage_told
from providers.dialects.openai_errors import failure_from_object
from providers.dialects.openai_fields import priced, text_or_none
from providers.dialects.responses_usage import tokens_in
from providers.dialects.sse import BARE
from providers.dialects.types import UNREAD, Failure, Made, Usage

MATTERS = re.compile(rb'"(?:usage|finish_reason)"\s*:\s*[^n\s]|"error"')
"""What an event has in it that may carry usage, a finish reason or an error; text may say so too."""
MEASURED_EVENTS = 4
"""Where none of the first events tells what is around a text, it stays unknown."""
CALL_FRAME = 64
"""Bytes that a piece of a tool call's arguments has around it more than one of text."""
SSE_FRAME = len(b"data: \n\n")


class StreamTotals(msgspec.Struct):
    """Totals of a stream that passes by: usage, model, error, and whether it has come to its end.

    Parses only events that can carry one of these. Never raises: what it can't read, it passes by.
    """

    usage: Usage = UNREAD  # as long as nobody has told it
    model: str | None = None
    failure: Failure | None = None
    is_finished: bool = False  # a finish reason, `[DONE]` or an error was seen
    made: list[Made] | None = None  # nothing of this API is kept: always empty
    frame: int = 0  # bytes of an event without what the model says in it; 0: not known
    events: int = 0  # that were seen here
    has_calls: bool = False

    @property
    def is_settled(self) -> bool:
        """Tell whether an event that carries nothing special need not be seen."""
        return self.model is not None and (self.frame != 0 or self.events >= MEASURED_EVENTS)

    def see(self, name: bytes, data: bytes) -> None:
        """Take note of what an event tells."""
        if data.startswith(b"[DONE]"):
            self.is_finished = True
            return
        self.events += 1
        if self.is_settled and MATTERS.search(data) is None and name != BARE:
            return
        try:
            chunk = decode_chunk(data)
        except UNREADABLE:
            for value in pieces(data)[0]:
                self.see(name, value)
            return
        self.model = self.model or text_or_none(chunk.model)
        if not self.frame and chunk.choices:
            self.frame = _frame(data, chunk.choices[0])
        told = usage_told(chunk.told_usage)
        if told is not None:
            if self.frame and not told.output_tokens:  # but there was some
                told = replace(told, is_estimated=True)
            self.usage = priced(told, chunk.service_tier)
        if chunk.error:
            self.failure, self.is_finished = failure_from_object(chunk.error), name != BARE
            return
        for choice in chunk.choices or ():
            if choice.finish_reason:
                self.is_finished = True
                self.has_calls = self.has_calls or choice.finish_reason == "tool_calls"

    def note_end(self, last: bytes) -> None:
        """Take note of how a stream ended that did not end as it should: its last event may be an error of any form."""
        if self.failure is not None or b'"choices"' in last:
            return
        try:
            error = event_error(tolerant(orjson.loads, last.removeprefix(b"data:")))
        except UNREADABLE:
            error = None
        if error:
            self.failure = failure_from_object(error)

    def written(self, size: int, more_events: int) -> int:
        """Return the tokens that the model has written into events of so many bytes; 0 when it can't be told."""
        frame = self.frame + (CALL_FRAME if self.frame and self.has_calls else 0)
        return tokens_in(size, frame, self.events + more_events)


def _frame(data: bytes, choice: Choice) -> int:
    """Return the bytes of an event around a piece of text; 0 when it has none."""
    delta = choice.delta
    if delta is None:
        return 0
    said, more = delta.content or delta.reasoning_content or delta.reasoning, 0
    if not said and delta.tool_calls and (function := delta.tool_calls[0].function) is not None:
        said, more = function.arguments, CALL_FRAME
    if not isinstance(said, str) or not said:
        return 0
    return max(1, SSE_FRAME + len(data) + 2 - len(orjson.dumps(said)) - more)
