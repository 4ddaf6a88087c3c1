"""Reads an upstream's Chat Completions answer, streamed or whole, into parts. Pure.

Tolerates what compatible servers do: reasoning under two names, content as a list of parts, tool calls
without index or id, with the name in every fragment, or several calls under one index.
"""

from __future__ import annotations

import hashlib

import msgspec
import orjson

from providers.dialects.openai_chat import (
    Choice,
    Chunk,
    Custom,
    Delta,
    Function,
    ToolCall,
    decode_chunk,
    reasoning_tokens,
    usage_from,
)
from providers.dialects.openai_errors import failure_from_object
from providers.dialects.openai_fields import text_or_none
from providers.dialects.types import Failure, Usage
from providers.translation.parts import (
    CALL_KINDS,
    CallIds,
    Outcome,
    Part,
    PartKind,
    ReaderContext,
    Sequencer,
    nonsense,
)


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
        self._calls: dict[int, Part] = {}
        self._last_call = -1
        self._raw_ids: dict[int, str] = {}
        self._call_ids = CallIds(context)
        self._reasoning_field = ""
        self._written = 0  # characters
        self._has_calls = False
        self._has_refusal = False

    def event(self, data: bytes) -> None:
        """One `data:` of the stream."""
        if data.startswith(b"[DONE]"):
            self.is_complete = self._finish_reason is not None
            return
        chunk = self._decode(data)
        if chunk is None:
            return
        self._sequencer.begin()
        for choice in chunk.choices or ():
            self._choice(choice)
        if self._finish_reason is not None and not chunk.choices and self._usage is not None:
            self.is_complete = True

    def whole(self, body: bytes) -> None:
        """A completion that was not streamed."""
        chunk = self._decode(body)
        if chunk is None:
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
            reason = "tool_calls" if self._has_calls else "stop"
        usage = self._usage
        if usage is None:
            estimate = self._context.estimate()
            usage = Usage(input_tokens=estimate, output_tokens=(self._written + 3) // 4, is_estimated=True)
        return Outcome(reason, usage, self._reasoning_tokens, self._has_refusal, self._stop_sequence)

    def _decode(self, data: bytes) -> Chunk | None:
        try:
            chunk = decode_chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.failure = nonsense("The upstream sent something that is no chat completion")
            return None
        if chunk.error:
            self.failure = failure_from_object(chunk.error)
            return None
        if self.model is None:
            self.model = text_or_none(chunk.model)
        if chunk.usage:
            self._usage = usage_from(chunk.usage)
            self._reasoning_tokens = reasoning_tokens(chunk.usage)
        return chunk

    def _choice(self, choice: Choice) -> None:
        if choice.index != 0:
            return
        delta = choice.delta or choice.message
        if delta is not None:
            self._delta(delta)
        if choice.finish_reason:
            self._finish_reason = str(choice.finish_reason)
            self._stop_sequence = text_or_none(choice.stop_reason)
            self._close_all()

    def _delta(self, delta: Delta) -> None:
        reasoning = delta.reasoning_content or delta.reasoning
        if reasoning and isinstance(reasoning, str):
            self._reasoning_field = "reasoning_content" if delta.reasoning_content else "reasoning"
            self._prose(PartKind.REASONING, reasoning)
        if delta.content:
            self._content(delta.content)
        if delta.refusal and isinstance(delta.refusal, str):
            self._has_refusal = True
            self._prose(PartKind.REFUSAL, delta.refusal)
        for call in delta.tool_calls or ():
            self._call(call)
        if delta.function_call is not None:
            self._call(ToolCall(index=0, function=delta.function_call))

    def _content(self, content: object) -> None:
        if isinstance(content, str):
            self._prose(PartKind.TEXT, content)
            return
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
        if part is None or part.kind is not kind or sequencer.has_waiting:
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
        """A new part ends prose, and a call whose arguments are already whole."""
        last = self._sequencer.last
        if last is not None and last.kind not in CALL_KINDS:
            self._close(last)
        self._close_whole_call()
        self._sequencer.add(part)

    def _close_whole_call(self) -> None:
        part = self._sequencer.open_part
        while part is not None and part.kind in CALL_KINDS and is_whole_object(part.text):
            self._close(part)
            part = self._sequencer.open_part

    def _close(self, part: Part) -> None:
        if part.kind is PartKind.REASONING:
            pack = reasoning_whole if self._context.is_text_sealed else reasoning_proof
            part.sealed = self._context.seal(pack(self._reasoning_field, part.text))
        self._sequencer.close(part)

    def _close_all(self) -> None:
        for index in sorted(self._calls):
            if not self._calls[index].name:
                self.failure = nonsense("The upstream called a tool without naming it")
                return
        while (part := self._sequencer.open_part) is not None:
            self._close(part)

    def _call(self, call: ToolCall) -> None:
        function = call.function or _as_function(call.custom)
        name = text_or_none(function.name) or ""
        raw_id = text_or_none(call.id) or ""
        index = self._index(call, raw_id)
        part = self._calls.get(index)
        is_another = part is not None and name and raw_id and self._raw_ids[index] not in ("", raw_id)
        if part is None or is_another:
            part = Part(PartKind.TOOL)
            self._calls[index], self._raw_ids[index], self._last_call = part, raw_id, index
            self._has_calls = True
        self._raw_ids[index] = self._raw_ids[index] or raw_id
        arguments = _arguments(function.arguments)
        if part.is_closed:
            if arguments.strip():
                self.failure = nonsense("The upstream added arguments to a tool call that was whole")
            return
        if name and not part.name:
            self._name(part, name, self._raw_ids[index])
        if arguments:
            self._written += len(arguments)
            self._sequencer.append(part, arguments)
            if part is self._sequencer.open_part and self._sequencer.has_waiting:
                self._close_whole_call()

    def _index(self, call: ToolCall, raw_id: str) -> int:
        if call.index is not None:
            return call.index
        for index, known in self._raw_ids.items():
            if raw_id and known == raw_id:
                return index
        is_new = bool(raw_id) or bool(call.function and call.function.name) or self._last_call < 0
        return len(self._calls) if is_new else self._last_call

    def _name(self, part: Part, name: str, raw_id: str) -> None:
        part.name = name
        part.id = self._call_ids.unique(raw_id)
        self._add(part)


def _as_function(custom: Custom | None) -> Function:
    return Function() if custom is None else Function(custom.name, custom.input)


def _arguments(value: object) -> str:
    """Arguments are a string; some servers send the object itself."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode() if isinstance(value, dict) else ""


def is_whole_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def reasoning_proof(field_name: str, text: str) -> bytes:
    """What is sealed of a Chat upstream's reasoning: its field's name and a digest of the text."""
    return field_name.encode() + b"\n" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def reasoning_whole(field_name: str, text: str) -> bytes:
    """The same for a caller that does not get the text: it travels in the seal."""
    return field_name.encode() + _WHOLE + text.encode("utf-8", "surrogatepass")


def reasoning_from(sealed: bytes | None, text: str) -> tuple[str, str] | None:
    """The field and the text that the upstream takes back, from what was sealed; None when `text` is not that one's."""
    for field_name in ("reasoning_content", "reasoning"):
        if sealed is None:
            break
        if sealed == reasoning_proof(field_name, text):
            return field_name, text
        if sealed.startswith(field_name.encode() + _WHOLE):
            return field_name, sealed[len(field_name) + len(_WHOLE) :].decode("utf-8", "surrogatepass")
    return None


_WHOLE = b"\nwhole\n"
