"""Responses callers on an upstream that speaks Anthropic Messages.

Pure.

Field rule, request:
- forward: `temperature` (over 1 becomes 1), `top_p` (neither to models or API versions that refuse them, nor
  beside thinking where the vendor refuses it), `stream`, `cache_control` on parts and tools.
- translate: `model`; `instructions`, system and developer messages → `system`; `input` (messages; function
  and custom tool calls with their outputs → blocks, results of one turn first and in one user turn; reasoning
  that we sealed for this model → its thinking block; images and files → blocks); `tools` (functions, custom
  tools, namespaces), `tool_choice`, `parallel_tool_calls`; `max_output_tokens`, else the model's ceiling,
  else a safe one; `text.format`; `reasoning.effort`, `reasoning.summary` → thinking; `safety_identifier`, else
  `user` → a hash in `metadata.user_id`; `prompt_cache_key`, `prompt_cache_breakpoint` → cache marks.
- drop: `metadata`, `store`, `include`, `service_tier`, `text.verbosity`, `truncation`, `max_tool_calls`,
  `stream_options`, `context_management`, `moderation`, `detail` of images, `phase` and `id` of items,
  reasoning that is not ours, tools that the vendor runs itself and that a client offers unasked
  (`web_search`, `image_generation`, `local_shell`, `tool_search`; `x-gateway-left-out` tells of them), records
  of such tools, unknown fields; what the client ran itself (`local_shell_call` and its kin) → text.
- refuse: `previous_response_id`, `item_reference` and `conversation` (stored items are put in first:
  `responses/stored_items.py`), `prompt`, `background`, log-probabilities, audio, stored files, other tools
  that the vendor runs itself, unknown items, parts, roles and formats.

Answer: the caller sees the model that it asked for. Thinking comes as a reasoning item: its text as summary,
the block itself sealed in `encrypted_content`, bound to the model. A tool call that `max_tokens` cut is
`incomplete`.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialects.anthropic_messages import Block, Delta, Message, refusal_text
from providers.dialects.openai_response import NOTHING_REPEATED, Resource, repeated
from providers.dialects.openai_responses import response_error, usage_object
from providers.dialects.types import (
    UNREAD,
    Call,
    Failure,
    MakeId,
    Moment,
    Sealer,
    Target,
    Usage,
    WireRequest,
    seconds,
)
from providers.translation.common.tool_names import ToolTable
from providers.translation.messages.answer import arguments_text, custom_input
from providers.translation.messages.request import wire_request
from providers.translation.messages.upstream import OverMessages
from providers.translation.responses.input import read_responses
from providers.translation.responses.output import CallItem, MessageItem, ReasoningItem, ResponseOutput

Object = dict[str, Any]

INCOMPLETE_REASONS = {
    "max_tokens": "max_output_tokens",
    "model_context_window_exceeded": "max_output_tokens",
    "refusal": "content_filter",
}
_COMPLETE = frozenset((None, "end_turn", "stop_sequence", "tool_use", "pause_turn"))


class _Thought:
    """A thinking block in progress, and the item that stands for it."""

    def __init__(self, item: ReasoningItem, block: Block) -> None:
        self.item = item
        self.signature = block.signature or ""
        self.redacted = block.data if block.type == "redacted_thinking" else None

    def block(self) -> Object:
        if self.redacted is not None:
            return {"type": "redacted_thinking", "data": self.redacted}
        return {"type": "thinking", "thinking": self.item.whole_text, "signature": self.signature}


class ResponsesOverMessages(OverMessages):
    """The translator of this pair."""

    def __init__(self, ids: MakeId, now: Moment, sealer: Sealer) -> None:
        super().__init__(ids, now, sealer)
        self._now = now
        self._model_asked = ""
        self._model_sent = ""
        self._final: Object = {}  # the response object, once it is whole
        self._table = ToolTable()
        self._echo: Object = NOTHING_REPEATED
        self._out = ResponseOutput(Resource("", 0, ""))
        self._message: MessageItem | None = None  # takes more parts until another kind of item comes
        self._thought: _Thought | None = None  # while its block is open
        # The last call; it ends with what follows, which tells if it was cut.
        self._call: CallItem | None = None

    def request(self, call: Call, target: Target) -> WireRequest:
        self._table = ToolTable()
        draft, body = read_responses(call, target, self._table, self._open_thought)
        self._model_sent = draft.model
        self._is_stream = draft.stream
        self._left_out = draft.left_out
        self._model_asked = body["model"]
        self._echo = repeated(body)
        self._echo["previous_response_id"] = call.continues
        return wire_request(call, draft, target)

    # --- stream --------------------------------------------------------------------------------------

    def _begin(self, message: Message) -> bytes:
        resource = Resource(self._ids("resp_"), self._created, self._model_asked, self._echo)
        self._out = ResponseOutput(resource)
        created = self._out.response("in_progress", usage=None)
        return self._out.event("response.created", response=created) + self._out.event(
            "response.in_progress", response=created
        )

    def _open(self, block: Block) -> bytes:
        if block.type == "text":
            return self._settle_call() + self._text(block.text)
        if block.type in ("thinking", "redacted_thinking"):
            return self._settle_call() + self._leave_message() + self._open_thinking(block)
        if block.type == "tool_use":
            return self._settle_call() + self._leave_message() + self._open_call(block)
        return self._settle_call()  # a server tool's, or of a kind that we do not know

    def _delta(self, delta: Delta) -> bytes:
        kind = delta.type
        if kind == "text_delta":
            return self._text(delta.text)
        if kind == "input_json_delta":
            return self._call.arguments(delta.partial_json) if self._call and delta.partial_json else b""
        thought = self._thought
        if thought is None:
            return b""
        if kind == "thinking_delta" and delta.thinking:
            return thought.item.text(delta.thinking)
        if kind == "signature_delta":
            thought.signature += delta.signature or ""
        return b""

    def _close(self) -> bytes:
        thought, self._thought = self._thought, None
        if thought is not None:
            return thought.item.close(self._sealed(thought.block()))
        return self._message.close_part() if self._message is not None else b""

    def _end(self) -> bytes:
        ending = self._ending
        reason = INCOMPLETE_REASONS.get(ending.stop_reason or "")
        if reason is None and ending.stop_reason not in _COMPLETE:
            reason = ending.stop_reason  # a reason that we do not know goes on as it is
        status = "incomplete" if reason == "max_output_tokens" else "completed"
        events = self._settle_call(status)
        refusal = refusal_text(ending)
        if refusal is not None:
            reason = None
            message, started = self._current_message()
            events += started + message.refusal(refusal)
        events += self._leave_message(status)
        self._final = self._finished(reason)
        name = "response.incomplete" if reason else "response.completed"
        return events + self._out.event(name, response=self._final)

    def _failed(self, failure: Failure) -> bytes:
        begun = self._started(None)
        usage = None
        if self.usage not in (UNREAD, Usage()):
            usage = usage_object(self.usage, self._thinking_tokens)
        failed = self._out.response("failed", usage=usage)
        failed |= {"output": self._out.done_items, "error": response_error(failure)}
        return begun + self._out.event("response.failed", response=failed)

    def _finished(self, reason: str | None) -> Object:
        fields: Object = {"usage": usage_object(self.usage, self._thinking_tokens)}
        if reason is None:
            return self._out.response("completed", **fields, completed_at=seconds(self._now))
        return self._out.response("incomplete", **fields) | {"incomplete_details": {"reason": reason}}

    # --- items ---------------------------------------------------------------------------------------

    def _text(self, text: str | None) -> bytes:
        if not text:
            return b""
        if self._message is not None:
            return self._message.text(text)
        message, started = self._current_message()
        return started + message.text(text)

    def _current_message(self) -> tuple[MessageItem, bytes]:
        if self._message is not None:
            return self._message, b""
        self._message = MessageItem(self._out, self._ids("msg_"))
        return self._message, self._message.start()

    def _leave_message(self, status: str = "completed") -> bytes:
        """End the message: another item follows, so it gets no more parts."""
        message, self._message = self._message, None
        return message.close(status) if message is not None else b""

    def _open_thinking(self, block: Block) -> bytes:
        thought = _Thought(ReasoningItem(self._out, self._ids("rs_")), block)
        self._thought = thought
        started = thought.item.start()
        return started + thought.item.text(block.thinking) if block.thinking else started

    def _open_call(self, block: Block) -> bytes:
        tool = self._table.find(block.name or "")
        item: Object = {
            "id": self._ids("ctc_" if tool.is_custom else "fc_"),
            "type": "custom_tool_call" if tool.is_custom else "function_call",
            "call_id": self._call_id(block),
            "name": tool.name,
        }
        item |= {"input": ""} if tool.is_custom else {"arguments": "", "status": "in_progress"}
        if tool.namespace is not None:
            item["namespace"] = tool.namespace
        call = CallItem(self._out, item, arguments_text(block.input))
        self._call = call
        return call.start()

    def _settle_call(self, status: str = "completed") -> bytes:
        call, self._call = self._call, None
        if call is None:
            return b""
        return call.close(custom_input(call.whole) if call.is_custom else call.whole, status)

    # --- thinking ------------------------------------------------------------------------------------

    def _sealed(self, block: Object) -> str:
        return self._sealer.seal(orjson.dumps(block), _context(self._model_sent))

    def _open_thought(self, sealed: str, model: str) -> bytes | None:
        return self._sealer.open(sealed, _context(model))

    # --- whole answers -------------------------------------------------------------------------------

    def _whole(self, message: Message) -> bytes:
        self._replayed(message)
        return orjson.dumps(self._final)


def _context(model: str) -> str:
    """Return the seal's context: thinking goes back to the model that thought it, and to no other."""
    return f"anthropic-thinking-1:{model}"
