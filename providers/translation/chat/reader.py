"""Read an upstream's Chat Completions answer, streamed or whole, into parts.

Pure. Tolerates what compatible servers do: reasoning under three names, content as a list of parts; `calls` has
what they do to tool calls.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from providers.dialects.mending import UNREADABLE, pieces
from providers.dialects.openai_chat import (
    Choice,
    Chunk,
    Delta,
    ToolCall,
    decode_chunk,
    reasoning_tokens,
    usage_told,
)
from providers.dialects.openai_errors import failure_from_object
from providers.dialects.openai_fields import priced, text_or_none
from providers.dialects.types import Failure, Usage
from providers.translation.chat.calls import CallReader, Extra
from providers.translation.common.arguments import is_whole_object
from providers.translation.common.carried import Carried, add_details, details_text, sealed
from providers.translation.common.parts import (
    CALL_KINDS,
    Outcome,
    Part,
    PartKind,
    ReaderContext,
    Sequencer,
    nonsense,
)
from providers.translation.common.spoiled import failure_in

NO_COMPLETION = "The upstream sent something that is no chat completion"


class ChatReader:
    def __init__(self, sequencer: Sequencer, context: ReaderContext) -> None:
        self.model: str | None = None
        self.failure: Failure | None = None
        self.is_complete = False
        self._sequencer = sequencer
        self._context = context
        self._finish_reason: str | None = None
        self._stop_sequence: str | None = None
        self._usage: Usage | None = None
        self._reasoning_tokens = 0
        self._calls = CallReader(context, self._begin_call, self._append_call)
        self._reasoning_field = ""
        self._details: list[Any] = []  # of the reasoning since the last that was sealed
        self._hidden = ("", "")  # name and text of reasoning that the caller does not get
        self._written = 0  # characters, without those of calls
        self._has_refusal = False

    def event(self, data: bytes) -> None:
        """Read one `data:` of the stream."""
        if data.startswith(b"[DONE]"):
            self.is_complete = self._finish_reason is not None
            return
        try:
            chunk = self._decode(data)
        except UNREADABLE:
            self._spoiled(data)
            return
        if chunk is None:
            return
        self._sequencer.begin()
        for choice in chunk.choices or ():
            self._choice(choice)
        if self._finish_reason is not None and not chunk.choices and self._usage is not None:
            self.is_complete = True

    def _spoiled(self, data: bytes) -> None:
        """Read what can be read of an event."""
        values, rest = pieces(data)
        for value in values:
            if self.failure is None and not self.is_complete:
                self.event(value)
        is_in_call = any(not part.is_closed for part in self._calls.found)
        self.failure = self.failure or failure_in(rest, NO_COMPLETION, is_in_call=is_in_call)

    def whole(self, body: bytes) -> None:
        """Read a completion that was not streamed."""
        try:
            chunk = self._decode(body)
        except UNREADABLE:
            chunk = None
            self.failure = failure_in(body, NO_COMPLETION, is_in_call=True)
        if chunk is None:
            self.failure = self.failure or nonsense(NO_COMPLETION)
            return
        if not chunk.choices:
            self.failure = nonsense("The upstream answered without any choice")
            return
        for choice in chunk.choices:
            for position, call in enumerate((choice.message and choice.message.tool_calls) or ()):
                call.index = position  # every entry is a call of its own
            self._choice(choice)
        if self._finish_reason is None and self.failure is None:
            self.failure = nonsense("The upstream answered without a finish reason")

    def can_end(self) -> bool:
        return self._finish_reason is not None

    def outcome(self) -> Outcome:
        reason = self._finish_reason or ""
        if reason in ("stop", "tool_calls", "function_call"):
            reason = "tool_calls" if self._calls.found else "stop"
        usage, written = self._usage, (self._written + self._calls.written + 3) // 4
        if usage is None:
            usage = Usage(self._context.estimate(), output_tokens=written, is_estimated=True)
        elif not usage.output_tokens and written:
            usage = replace(usage, output_tokens=written, is_estimated=True)
        return Outcome(reason, usage, self._reasoning_tokens, self._has_refusal, self._stop_sequence)

    def _decode(self, data: bytes) -> Chunk | None:
        """Return a chunk; None for one that is an error. Raises one of `UNREADABLE`."""
        chunk = decode_chunk(data)
        if chunk.error:
            self.failure = failure_from_object(chunk.error)
            return None
        if self.model is None:
            self.model = text_or_none(chunk.model)
        if told := chunk.told_usage:
            if (usage := usage_told(told)) is not None:
                self._usage = priced(usage, chunk.service_tier)
            self._reasoning_tokens = reasoning_tokens(told)
        return chunk

    def _choice(self, choice: Choice) -> None:
        if choice.index != 0:
            return
        if choice.error or choice.finish_reason == "error":
            self.failure = failure_from_object(choice.error or "The upstream's answer ended with an error")
            return
        delta = choice.delta or choice.message
        if delta is not None:
            self._delta(delta)
        if choice.finish_reason:
            self._finish_reason = str(choice.finish_reason)
            self._stop_sequence = text_or_none(choice.stop_reason)
            self._close_all()

    def _delta(self, delta: Delta) -> None:
        if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
            self._reasoning(delta)
        if isinstance(content := delta.content, str):
            self._prose(PartKind.TEXT, content)
        elif content:
            self._content(content)
        if delta.refusal and isinstance(delta.refusal, str):
            self._has_refusal = True
            self._prose(PartKind.REFUSAL, delta.refusal)
        for call in delta.tool_calls or ():
            self._call(call)
        if delta.function_call is not None:
            self._call(ToolCall(index=0, function=delta.function_call))

    def _reasoning(self, delta: Delta) -> None:
        add_details(self._details, delta.reasoning_details)
        reasoning = delta.reasoning_content or delta.reasoning
        if reasoning and isinstance(reasoning, str):
            self._reasoning_field = "reasoning_content" if delta.reasoning_content else "reasoning"
        else:
            reasoning = "" if self._reasoning_field else details_text(delta.reasoning_details)
        self._prose(PartKind.REASONING, reasoning)

    def _call(self, call: ToolCall) -> None:
        self._calls.add(call)
        if self._calls.has_odd_end:
            self.failure = nonsense("The upstream added arguments to a tool call that was whole")

    def _content(self, content: object) -> None:
        for item in content if isinstance(content, list) else ():
            if not isinstance(item, dict):
                continue
            if isinstance(item.get("text"), str):
                self._prose(PartKind.TEXT, item["text"])
            for thought in item["thinking"] if isinstance(item.get("thinking"), list) else ():
                if isinstance(thought, dict) and isinstance(thought.get("text"), str):
                    self._prose(PartKind.REASONING, thought["text"])

    def _prose(self, kind: PartKind, text: str) -> None:
        if not text:
            return
        self._written += len(text)
        sequencer = self._sequencer
        part = sequencer.open_part
        if part is None or part.kind is not kind or sequencer.waiting:
            part = self._next_prose(kind)
        sequencer.append(part, text)

    def _next_prose(self, kind: PartKind) -> Part:
        waiting = self._sequencer.last
        if waiting is not None and waiting.kind is kind and not waiting.is_closed:
            return waiting
        part = Part(kind)
        self._add(part)
        return part

    def _add(self, part: Part) -> None:
        """Add a part, which ends prose, and a call whose arguments are already whole."""
        last = self._sequencer.last
        if last is not None and last.kind not in CALL_KINDS:
            self._close(last)
        self._close_whole_call()
        self._sequencer.add(part)

    def _close_whole_call(self) -> None:
        part = self._sequencer.open_part
        while part is not None and part.kind in CALL_KINDS and is_whole_object(self._calls.text(part)):
            self._close(part)
            part = self._sequencer.open_part

    def _close(self, part: Part) -> None:
        if part.kind is PartKind.REASONING:
            carried = Carried(self._reasoning_field, part.text, self._details)
            if self._context.is_hidden:
                self._hidden = (carried.name, self._hidden[1] + carried.text)
            else:
                self._details = []
                part.sealed = self._context.seal(sealed(carried, is_whole=self._context.is_text_sealed))
        elif part.kind in CALL_KINDS:
            self._calls.settle(part)
        self._sequencer.close(part)

    def _close_all(self) -> None:
        if any(not part.name for part in self._calls.found):
            self.failure = nonsense("The upstream called a tool without naming it")
            return
        while (part := self._sequencer.open_part) is not None:
            self._close(part)
        if self._calls.late or (self._calls.found and self._details):
            self._carry(Carried(extras=self._calls.late, details=self._details))
            self._calls.late, self._details = {}, []

    def _begin_call(self, part: Part, extra: Extra) -> None:
        """Add a call, and before it what the upstream wants back with it and the caller does not see."""
        last = self._sequencer.last
        if last is not None and last.kind not in CALL_KINDS:
            self._close(last)
        carried = Carried(extras={part.id: extra} if extra else {}, details=self._details)
        self._details = []
        if self._context.is_hidden:
            carried.name, carried.text = self._hidden
            self._hidden = ("", "")
        if carried.is_reasoning or carried.extras:
            self._carry(carried)
        self._add(part)

    def _carry(self, carried: Carried) -> None:
        seal = self._context.seal(sealed(carried, is_whole=True))
        part = Part(PartKind.REDACTED, sealed=seal, is_carried=True)
        self._add(part)
        self._sequencer.close(part)

    def _append_call(self, part: Part, text: str) -> None:
        self._sequencer.append(part, text)
        if part is self._sequencer.open_part and self._sequencer.waiting:
            self._close_whole_call()
