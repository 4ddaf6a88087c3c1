"""Chat Completions callers on an upstream that speaks Anthropic Messages.

Pure.

Field rule, request:
- forward: `temperature` (over 1 becomes 1), `top_p` (neither to models or API versions that refuse them, nor
  beside thinking where the vendor refuses it), `stream` (also `?stream=true`), `cache_control` on messages,
  parts and tools.
- translate: `model`; `messages` (system and developer texts → `system`; tool calls and results → blocks,
  results of one turn first and in one user turn; images and files → blocks); `tools`, `tool_choice`,
  `parallel_tool_calls`; `max_completion_tokens`, else `max_tokens`, else the model's ceiling, else a safe one;
  `stop`; `response_format`; `reasoning_effort`; `safety_identifier`, else `user` → a hash in
  `metadata.user_id`; `prompt_cache_key`, `prompt_cache_breakpoint` → cache marks;
  `stream_options.include_usage`.
- drop: `metadata`, `store`, `service_tier`, `verbosity`, `seed`, `logit_bias`, penalties, `prediction`,
  `moderation`, `web_search_options`, `detail` of images, `name` of messages, `reasoning_content`, unknown
  fields.
- refuse: `n` over 1, `logprobs`, `top_logprobs`, audio, `functions`, `function_call`, stored files
  (`file_id`), media that Anthropic does not take, unknown roles, parts, tool types and formats.

Answer: the caller sees the model that it asked for. Thinking is left out: the dialect has no place for it.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialects.anthropic_messages import Block, Delta, Message, refusal_text
from providers.dialects.openai_chat import DONE, stream_error, usage_object
from providers.dialects.types import Call, Failure, MakeId, Moment, Sealer, Target, WireRequest
from providers.translation.chat.input import read_chat
from providers.translation.common.tool_names import ToolTable
from providers.translation.messages.answer import arguments_text, custom_input
from providers.translation.messages.request import wire_request
from providers.translation.messages.upstream import OverMessages

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class _OpenTool:
    """A tool block of a stream: its place among the tool calls, and its text so far."""

    __slots__ = ("fragments", "has_arguments", "index", "is_custom", "whole_input")

    def __init__(self, index: int, is_custom: bool, whole_input: str) -> None:
        self.index = index
        self.is_custom = is_custom
        self.whole_input = whole_input  # given at the start; used when no fragments come
        self.has_arguments = False
        self.fragments: list[str] = []  # of a custom tool, whose text is known only at the end


class ChatOverMessages(OverMessages):
    """The translator of this pair."""

    def __init__(self, ids: MakeId, now: Moment, sealer: Sealer) -> None:
        super().__init__(ids, now, sealer)
        self._asked_model = ""
        self._wants_usage = False
        self._table = ToolTable()
        self._tool: _OpenTool | None = None  # while its block is open
        self._tool_count = 0
        self._head = b""
        self._tail = b""

    def request(self, call: Call, target: Target) -> WireRequest:
        self._table = ToolTable()
        draft, body = read_chat(call, target, self._table)
        self._asked_model = body["model"]
        options = body.get("stream_options")
        self._wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._is_stream = draft.stream
        self._left_out = draft.left_out
        return wire_request(call, draft, target)

    # --- stream --------------------------------------------------------------------------------------

    def _begin(self, message: Message) -> bytes:
        self._head = (
            b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":['
            % (
                orjson.dumps(self._answer_id(message)),
                self._created,
                orjson.dumps(self._asked_model),
            )
        )
        self._tail = b'],"usage":null}\n\n' if self._wants_usage else b"]}\n\n"
        return self._chunk(b'{"role":"assistant","content":""}')

    def _chunk(self, delta: bytes, finish_reason: bytes = b"null") -> bytes:
        return b'%b{"index":0,"delta":%b,"logprobs":null,"finish_reason":%b}%b' % (
            self._head,
            delta,
            finish_reason,
            self._tail,
        )

    def _open(self, block: Block) -> bytes:
        if block.type == "text":
            return self._text(block.text)
        if block.type != "tool_use":
            return b""
        tool = self._table.find(block.name or "")
        opened = _OpenTool(self._tool_count, tool.is_custom, arguments_text(block.input))
        self._tool_count += 1
        self._tool = opened
        if tool.is_custom:
            head: dict[str, Any] = {"type": "custom", "custom": {"name": tool.name, "input": ""}}
        else:
            head = {"type": "function", "function": {"name": tool.name, "arguments": ""}}
        call = {"index": opened.index, "id": self._call_id(block), **head}
        return self._chunk(orjson.dumps({"tool_calls": [call]}))

    def _delta(self, delta: Delta) -> bytes:
        if delta.type == "text_delta":
            return self._text(delta.text)
        tool = self._tool
        if tool is None or delta.type != "input_json_delta" or not delta.partial_json:
            return b""
        tool.has_arguments = True
        if tool.is_custom:
            tool.fragments.append(delta.partial_json)
            return b""
        return self._arguments(tool, delta.partial_json)

    def _close(self) -> bytes:
        tool, self._tool = self._tool, None
        if tool is None:
            return b""
        if tool.is_custom:
            whole = "".join(tool.fragments) or tool.whole_input
            custom = {"index": tool.index, "custom": {"input": custom_input(whole)}}
            return self._chunk(orjson.dumps({"tool_calls": [custom]}))
        return b"" if tool.has_arguments else self._arguments(tool, tool.whole_input)

    def _text(self, text: str | None) -> bytes:
        return self._chunk(b'{"content":%b}' % orjson.dumps(text)) if text else b""

    def _arguments(self, tool: _OpenTool, fragment: str) -> bytes:
        return self._chunk(
            b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}'
            % (tool.index, orjson.dumps(fragment))
        )

    def _end(self) -> bytes:
        out = b""
        refusal = refusal_text(self._ending)
        if refusal is not None:
            out = self._chunk(orjson.dumps({"refusal": refusal}))
        out += self._chunk(b"{}", orjson.dumps(self._finish_reason(self._tool_count)))
        if self._wants_usage:
            usage = orjson.dumps(usage_object(self.usage, self._thinking_tokens))
            out += b'%b],"usage":%b}\n\n' % (self._head, usage)
        return out + DONE

    def _failed(self, failure: Failure) -> bytes:
        return stream_error(failure)

    # --- whole answers -------------------------------------------------------------------------------

    def _whole(self, message: Message) -> bytes:
        blocks = message.content or []
        calls = [self._tool_call(block) for block in blocks if block.type == "tool_use"]
        answer: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(block.text or "" for block in blocks if block.type == "text"),
            "refusal": refusal_text(self._ending),
        }
        if calls:
            answer["tool_calls"] = calls
        choice = {
            "index": 0,
            "message": answer,
            "logprobs": None,
            "finish_reason": self._finish_reason(len(calls)),
        }
        return orjson.dumps(
            {
                "id": self._answer_id(message),
                "object": "chat.completion",
                "created": self._created,
                "model": self._asked_model,
                "choices": [choice],
                "usage": usage_object(self.usage, self._thinking_tokens),
            }
        )

    def _tool_call(self, block: Block) -> dict[str, Any]:
        tool = self._table.find(block.name or "")
        arguments = arguments_text(block.input)
        if tool.is_custom:
            inner = {"type": "custom", "custom": {"name": tool.name, "input": custom_input(arguments)}}
        else:
            inner = {"type": "function", "function": {"name": tool.name, "arguments": arguments}}
        return {"id": self._call_id(block), **inner}

    def _answer_id(self, message: Message) -> str:
        return f"chatcmpl-{message.id}" if message.id else self._ids("chatcmpl-")

    def _finish_reason(self, tool_count: int) -> str:
        """Return the finish reason; one that we do not know goes on as it is."""
        stop_reason = self._ending.stop_reason
        if stop_reason is None:
            return "tool_calls" if tool_count else "stop"
        return FINISH_REASONS.get(stop_reason, stop_reason)
