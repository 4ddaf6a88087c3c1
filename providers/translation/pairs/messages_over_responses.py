"""Messages callers on an upstream that speaks Responses.

Pure.

Field rule, request:
- forward: `temperature`, `top_p` (not to models that refuse them), `stream`.
- translate: `model`; `system` → `instructions`; `messages` → `input` items; `tools` → flat functions with an
  explicit `strict`; `tool_choice`; `disable_parallel_tool_use` → `parallel_tool_calls`; `max_tokens` →
  `max_output_tokens`; `output_config.format` → `text.format`; `output_config.effort` or a thinking budget
  → `reasoning.effort`, thinking that is to be seen → `reasoning.summary` (to reasoning models only);
  `metadata.user_id` → `prompt_cache_key`, hashed; thinking that this upstream wrote → its own reasoning
  item; tools of Anthropic's that the client runs → functions; in the history server tools' calls and
  results, a compaction's summary and an assistant's blocks of any other kind → text.
- drop: `cache_control`, `top_k`, `service_tier`, `speed`, `context_management`, `diagnostics`, `tags`,
  unknown fields; the attribution block of Claude Code; thinking of others.
- refuse: `stop_sequences` (the API has none), `safeguards`, `mcp_servers`, `container`,
  `inference_geo`, `max_tokens: 0`, a final assistant message, server tools, stored files (`file_id`), unknown blocks.

Nothing is stored upstream (`store: false`); reasoning travels sealed in the thinking block's signature, bound
to this upstream's model, and comes back as the item it was.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from providers.dialects.types import Call, Target, WireRequest
from providers.translation.common.openai_models import takes_effort
from providers.translation.common.openai_upstream import read_object, refuse, request_to, sampling
from providers.translation.common.parts import Reader, ReaderContext, Sequencer
from providers.translation.common.tool_names import ToolNames
from providers.translation.messages import client_tools
from providers.translation.messages import input as read
from providers.translation.messages.surface import MessagesSurface
from providers.translation.messages.to_responses import ResponsesConversation
from providers.translation.messages.writer import Thinking, thinking_of
from providers.translation.responses.reader import ResponsesReader

PATH = b"/v1/responses"


class MessagesOverResponses(MessagesSurface):
    """The translator of this pair."""

    def request(self, call: Call, target: Target) -> WireRequest:
        body = read_object(call.body)
        model = self._begin(body, target, "openai_responses")
        if body.get("stop_sequences"):
            raise refuse("stop_sequences: this upstream has no stop sequences", "stop_sequences")
        out: dict[str, Any] = {"model": model, "input": self._input(body), "store": False}
        instructions = read.system_text(body.get("system"))
        if instructions:
            out["instructions"] = instructions
        out.update(_limits(body, model, target))
        out.update(
            client_tools.tools(
                body, lambda tool: _function(tool, self._names), lambda name: _named(name, self._names)
            )
        )
        out.update(_reasoning(body, model))
        schema = read.output_schema(body)
        if schema is not None:
            strict = client_tools.fits_strict(schema)
            format_ = {"type": "json_schema", "name": "output", "schema": schema, "strict": strict}
            out["text"] = {"format": format_}
        if self._is_stream:
            out["stream"] = True
        self._keep_for_estimate(call, body)
        return request_to(PATH, out)

    def _input(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        conversation = ResponsesConversation(self._names, self._open_item)
        conversation.read(read.turns(body))
        self._call_ids = conversation.call_ids
        return conversation.items

    def _open_item(self, sealed: str) -> dict[str, Any] | None:
        plain = self._sealer.open(sealed, self._context) if sealed else None
        item = orjson.loads(plain) if plain is not None else None
        if not isinstance(item, dict) or not (item.get("encrypted_content") or item.get("content")):
            return None
        kept = ("type", "summary", "content", "encrypted_content")
        return {name: item[name] for name in kept if item.get(name) is not None}

    def _reader(self, sequencer: Sequencer) -> Reader:
        context = ReaderContext(
            lambda plain: self._sealer.seal(plain, self._context),
            self._ids,
            self._estimate,
            self._call_ids,
        )
        return ResponsesReader(sequencer, context)


def _limits(body: dict[str, Any], model: str, target: Target) -> dict[str, Any]:
    ceiling = target.max_output_tokens
    out: dict[str, Any] = {
        "max_output_tokens": min(body["max_tokens"], ceiling) if ceiling else body["max_tokens"]
    }
    out.update(sampling(body, model, target))
    metadata = body.get("metadata")
    user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
    if isinstance(user_id, str) and user_id:
        out["prompt_cache_key"] = hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return out


def _reasoning(body: dict[str, Any], model: str) -> dict[str, Any]:
    if not takes_effort(model):
        return {}
    out: dict[str, Any] = {}
    reasoning: dict[str, Any] = {}
    effort = read.effort(body)
    if effort is not None:
        reasoning["effort"] = effort
    thinking = thinking_of(body)
    if thinking is not Thinking.NONE:
        out["include"] = ["reasoning.encrypted_content"]
    if thinking is Thinking.SHOWN:
        reasoning["summary"] = "auto"
    if reasoning:
        out["reasoning"] = reasoning
    return out


def _named(name: str, names: ToolNames) -> dict[str, Any]:
    return {"type": "function", "name": names.shorten(name)}


def _function(tool: dict[str, Any], names: ToolNames) -> dict[str, Any]:
    schema = client_tools.schema_of(tool)
    function: dict[str, Any] = {
        "type": "function",
        "name": names.shorten(tool["name"]),
        "parameters": schema,
        "strict": tool.get("strict") is True and client_tools.fits_strict(schema),
    }
    if isinstance(tool.get("description"), str):
        function["description"] = tool["description"]
    return function
