"""Messages callers on an upstream that speaks Chat Completions.

Pure.

Field rule, request:
- forward: `temperature`, `top_p` (not to models that refuse them), `stream`.
- translate: `model`, `system` → a system message; `messages`; `tools` → functions; `tool_choice`;
  `disable_parallel_tool_use` → `parallel_tool_calls`; `max_tokens` → `max_completion_tokens` for OpenAI's
  reasoning models, else `max_tokens`; `stop_sequences` → `stop`; `output_config.format` → `response_format`;
  `output_config.effort` or a thinking budget → `reasoning_effort`, to models known to take it (`xhigh` and
  `max` as `high`); what this upstream thought in turns that called tools → `reasoning_content` or
  `reasoning_details`, and what it put on its calls → the same calls; tools of Anthropic's that the client
  runs (`bash_…`, `text_editor_…`, `memory_…`, `computer_…`) → functions; in the history server tools' calls
  and results, a compaction's summary and an assistant's blocks of any other kind → text.
- reorder, for models that are not OpenAI's: later system messages become the user's, user messages in a row
  one.
- drop: `cache_control`, `top_k`, adaptive or disabled `thinking`, `metadata`, `service_tier`, `speed`,
  `context_management`, `diagnostics`, `tags`, unknown fields; the attribution block of Claude Code; other thinking.
- refuse: `safeguards`, `mcp_servers`, `container`, `inference_geo`, `max_tokens: 0`, a final assistant message, server
  tools, more than four stop sequences, stored files (`file_id`), document URLs, unknown blocks.

Answer: the caller sees the name it asked for. Reasoning becomes a thinking block, for callers that asked for
thinking; its signature is sealed for this upstream's model.
"""

from __future__ import annotations

from typing import Any

from providers.dialects.types import Call, Target, WireRequest
from providers.translation.chat.order import in_order
from providers.translation.chat.reader import ChatReader
from providers.translation.common.carried import Carried, insist_on_reasoning, opened
from providers.translation.common.openai_models import is_openai_reasoning, takes_effort
from providers.translation.common.openai_upstream import read_object, refuse, request_to, sampling
from providers.translation.common.parts import Reader, ReaderContext, Sequencer
from providers.translation.common.tool_names import ToolNames
from providers.translation.messages import client_tools
from providers.translation.messages import input as read
from providers.translation.messages.surface import MessagesSurface
from providers.translation.messages.to_chat import ChatConversation
from providers.translation.messages.writer import Thinking

PATH = b"/v1/chat/completions"
MAX_STOPS = 4


class MessagesOverChat(MessagesSurface):
    """The translator of this pair."""

    def request(self, call: Call, target: Target) -> WireRequest:
        body = read_object(call.body)
        model = self._begin(body, target, "openai_chat")
        out: dict[str, Any] = {"model": model, "messages": self._messages(body, model)}
        out.update(_limits(body, model, target))
        self._stop_sequences = out.get("stop", [])
        out.update(
            client_tools.tools(
                body, lambda tool: _function(tool, self._names), lambda name: _named(name, self._names)
            )
        )
        schema = read.output_schema(body)
        if schema is not None:
            out["response_format"] = _response_format(schema)
        effort = read.effort(body)
        if effort is not None and takes_effort(model):
            out["reasoning_effort"] = effort
        if self._is_stream:
            out["stream"] = True
            out |= {"stream_options": {"include_usage": True}} if target.takes_usage_option else {}
        self._keep_for_estimate(call, body)
        return request_to(PATH, out)

    def _messages(self, body: dict[str, Any], model: str) -> list[dict[str, Any]]:
        conversation = ChatConversation(self._names, self._open_reasoning)
        system = read.system_text(body.get("system"))
        if system:
            conversation.messages.append({"role": "system", "content": system})
        conversation.read(read.turns(body))
        self._call_ids = conversation.call_ids
        insist_on_reasoning(conversation.messages, model)
        return in_order(conversation.messages, model)

    def _open_reasoning(self, text: str, seal: str) -> Carried | None:
        return opened(self._sealer.open(seal, self._context) if seal else None, text)

    def _reader(self, sequencer: Sequencer) -> Reader:
        context = ReaderContext(
            lambda plain: self._sealer.seal(plain, self._context),
            self._ids,
            self._estimate,
            self._call_ids,
            is_text_sealed=self._thinking is Thinking.OMITTED,
            is_hidden=self._thinking is Thinking.NONE,
        )
        return ChatReader(sequencer, context)


def _limits(body: dict[str, Any], model: str, target: Target) -> dict[str, Any]:
    out: dict[str, Any] = {}
    ceiling = target.max_output_tokens
    limit = min(body["max_tokens"], ceiling) if ceiling else body["max_tokens"]
    out["max_completion_tokens" if is_openai_reasoning(model) else "max_tokens"] = limit
    stops = body.get("stop_sequences")
    if stops:
        if not isinstance(stops, list) or len(stops) > MAX_STOPS:
            raise refuse(f"stop_sequences: this upstream takes at most {MAX_STOPS}", "stop_sequences")
        out["stop"] = stops
    out.update(sampling(body, model, target))
    return out


def _named(name: str, names: ToolNames) -> dict[str, Any]:
    return {"type": "function", "function": {"name": names.shorten(name)}}


def _function(tool: dict[str, Any], names: ToolNames) -> dict[str, Any]:
    schema = client_tools.schema_of(tool)
    function: dict[str, Any] = {"name": names.shorten(tool["name"]), "parameters": schema}
    if isinstance(tool.get("description"), str):
        function["description"] = tool["description"]
    if tool.get("strict") is True and client_tools.fits_strict(schema):
        function["strict"] = True
    return {"type": "function", "function": function}


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    wanted = {"name": "output", "schema": schema, "strict": client_tools.fits_strict(schema)}
    return {"type": "json_schema", "json_schema": wanted}
