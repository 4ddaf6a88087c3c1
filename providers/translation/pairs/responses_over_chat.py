"""Responses callers (Codex among them) on an upstream that speaks Chat Completions.

Pure.

Field rule, request:
- forward: `temperature`, `top_p` (not to models that refuse them), `stream`, `user`, `parallel_tool_calls`.
- translate: `model`; `instructions` → a system message; `input` → messages, developer's as system's;
  `tools`: functions nested, custom tools as functions with one string `input`, namespaces opened;
  `tool_choice`, an `allowed_tools` one by leaving the others out; `max_output_tokens` →
  `max_completion_tokens` for OpenAI's reasoning models, else `max_tokens`; `text.format` →
  `response_format`; `reasoning.effort` → `reasoning_effort`, to models known to take it; what this upstream
  thought in turns that called tools → `reasoning_content` or `reasoning_details`, and what it put on its
  calls → the same calls.
- reorder, for models that are not OpenAI's: leading system messages become one, later ones the user's.
- drop: `store`, `metadata`, `client_metadata`, `include`, `prompt_cache_key`, `safety_identifier`,
  `service_tier`, `truncation`, `max_tool_calls`, `text.verbosity`, `reasoning.summary`, unknown fields; tools
  that only a vendor can run and that clients offer unasked (`x-gateway-left-out` tells of them), and the
  records of such tools; other reasoning.
- refuse: `previous_response_id`, `conversation`, `prompt` and `item_reference` (stored responses are
  put in before), `background`, log probabilities, a `tool_choice` of a tool that is not carried, other tools that
  a vendor runs,
  stored files, audio, unknown items.
"""

from __future__ import annotations

from typing import Any

from providers.dialects import openai_responses
from providers.dialects.openai_response import NOTHING_REPEATED, Resource, repeated
from providers.dialects.types import Call, Failure, MakeId, Moment, Sealer, Target, WireRequest
from providers.translation.chat.order import in_order
from providers.translation.chat.reader import ChatReader
from providers.translation.common.carried import Carried, insist_on_reasoning, opened
from providers.translation.common.openai_models import base_name, is_openai_reasoning, takes_effort
from providers.translation.common.openai_upstream import (
    OpenAiUpstream,
    read_object,
    refuse,
    request_to,
    sampling,
)
from providers.translation.common.parts import PartList, Reader, ReaderContext, Sequencer, Sink
from providers.translation.messages.count_tokens import estimate_of_bytes
from providers.translation.responses import call as read
from providers.translation.responses.to_chat import ChatFromItems
from providers.translation.responses.writer import ResponseHead, ResponsesWriter, whole_response

PATH = b"/v1/chat/completions"


class ResponsesOverChat(OpenAiUpstream):
    """The translator of this pair."""

    def __init__(self, ids: MakeId, now: Moment, sealer: Sealer) -> None:
        super().__init__(ids, now, sealer)
        self._clock = now
        self._context = ""  # what sealed reasoning is bound to
        self._asked_model = ""
        self._echo: dict[str, Any] = NOTHING_REPEATED
        self._tools = read.CallerTools()
        self._call_ids: set[str] = set()
        self._body = b""

    def request(self, call: Call, target: Target) -> WireRequest:
        self._body = call.body
        body = read_object(call.body)
        model = base_name(target.model or str(body.get("model") or ""))
        self._asked_model = str(body.get("model") or model)
        self._context = f"openai_chat:{model}"
        self._echo = repeated(body)
        self._echo["previous_response_id"] = call.continues
        self._tools = read.CallerTools()
        read.refuse_what_changes_the_result(body)
        self._tools.read(body)
        self._left_out = self._tools.left_out
        conversation = ChatFromItems(self._tools, self._open_reasoning)
        if isinstance(body.get("instructions"), str) and body["instructions"]:
            conversation.messages.append({"role": "system", "content": body["instructions"]})
        conversation.read(body)
        self._call_ids = conversation.call_ids
        insist_on_reasoning(conversation.messages, model)
        out: dict[str, Any] = {"model": model, "messages": in_order(conversation.messages, model)}
        self._is_stream = body.get("stream") is True
        out.update(_limits(body, model, target))
        out.update(_tools(body, self._tools))
        format_ = _response_format(body)
        if format_ is not None:
            out["response_format"] = format_
        if self._is_stream:
            out["stream"] = True
            out |= {"stream_options": {"include_usage": True}} if target.takes_usage_option else {}
        return request_to(PATH, out)

    def _open_reasoning(self, text: str, seal: str) -> Carried | None:
        return opened(self._sealer.open(seal, self._context) if seal else None, text)

    def _reader(self, sequencer: Sequencer) -> Reader:
        context = ReaderContext(
            lambda plain: self._sealer.seal(plain, self._context),
            self._ids,
            lambda: estimate_of_bytes(self._body),
            self._call_ids,
        )
        return ChatReader(sequencer, context)

    def _head(self) -> ResponseHead:
        resource = Resource(self._ids("resp_"), self._now, self._asked_model, self._echo)
        return ResponseHead(resource, self._ids, self._tools.table, self._clock)

    def _sink(self) -> Sink:
        return ResponsesWriter(self._head())

    def _whole(self, parts: PartList, reader: Reader) -> bytes:
        return whole_response(self._head(), parts.parts, reader.outcome())

    def _error_body(self, failure: Failure) -> bytes:
        return openai_responses.error_body(failure)


def _limits(body: dict[str, Any], model: str, target: Target) -> dict[str, Any]:
    out: dict[str, Any] = {}
    limit, ceiling = body.get("max_output_tokens"), target.max_output_tokens
    if isinstance(limit, int):
        name = "max_completion_tokens" if is_openai_reasoning(model) else "max_tokens"
        out[name] = min(limit, ceiling) if ceiling else limit
    out.update(sampling(body, model, target))
    reasoning = body.get("reasoning")
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else None
    if isinstance(effort, str) and takes_effort(model):
        out["reasoning_effort"] = effort
    if isinstance(body.get("user"), str):
        out["user"] = body["user"]
    return out


def _tools(body: dict[str, Any], tools: read.CallerTools) -> dict[str, Any]:
    offered = tools.functions
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        offered, choice = _chosen(choice, tools)
    if not offered:
        return {}
    out: dict[str, Any] = {"tools": [{"type": "function", "function": each} for each in offered]}
    if choice is not None:
        out["tool_choice"] = choice
    if isinstance(body.get("parallel_tool_calls"), bool):
        out["parallel_tool_calls"] = body["parallel_tool_calls"]
    return out


def _chosen(choice: dict[str, Any], tools: read.CallerTools) -> tuple[list[dict[str, Any]], Any]:
    """Return (tools to offer, Chat's `tool_choice`) for a choice that names tools."""
    kind = choice.get("type")
    if kind == "allowed_tools":
        allowed = {
            _upstream_name(each, tools)
            for each in read.values_of(choice.get("tools"))
            if isinstance(each, dict)
        }
        offered = [each for each in tools.functions if each["name"] in allowed]
        return offered, "required" if choice.get("mode") == "required" else "auto"
    name = _upstream_name(choice, tools) if kind in ("function", "custom") else None
    if name is None or name not in {each["name"] for each in tools.functions}:
        raise refuse("tool_choice: names a tool that this upstream can't be given", "tool_choice")
    return tools.functions, {"type": "function", "function": {"name": name}}


def _upstream_name(named: dict[str, Any], tools: read.CallerTools) -> str:
    return tools.upstream_name(str(named.get("name") or ""), named.get("namespace"))


def _response_format(body: dict[str, Any]) -> dict[str, Any] | None:
    text = body.get("text")
    format_ = text.get("format") if isinstance(text, dict) else None
    if not isinstance(format_, dict) or format_.get("type") in (None, "text"):
        return None
    if format_["type"] == "json_object":
        return {"type": "json_object"}
    if format_["type"] != "json_schema":
        raise refuse("text.format.type: must be text, json_object or json_schema", "text.format.type")
    kept = ("name", "description", "schema", "strict")
    schema = {name: format_[name] for name in kept if format_.get(name) is not None}
    return {"type": "json_schema", "json_schema": schema}
