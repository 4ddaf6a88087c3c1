"""Chat Completions callers on an upstream that speaks Responses.

Pure.

Field rule, request:
- forward: `temperature`, `top_p` (not to models that refuse them), `stream`, `metadata`, `user`,
  `safety_identifier`, `prompt_cache_key`, `prompt_cache_retention`, `service_tier`, `parallel_tool_calls`.
- translate: `model`; `messages` → `input` items in order, system and developer ones as such; `tools` and
  `functions` → flat, with an explicit `strict` (Responses' default is the other one); `tool_choice`,
  `function_call`; `max_completion_tokens` or `max_tokens` → `max_output_tokens`; `response_format` →
  `text.format`; `verbosity` → `text.verbosity`; `reasoning_effort` → `reasoning.effort`;
  `web_search_options` → the `web_search` tool; `store` explicitly, for its default differs too.
- drop: `seed`, `logit_bias`, penalties, `prediction`, `top_logprobs` without `logprobs`, `name` of a
  message, unknown fields.
- refuse: `n` over 1, `stop` (the API has none), `logprobs`, audio, unknown parts.

Answer: reasoning has no place in Chat and is left out; its tokens are counted. Usage is written into a stream
only when `stream_options.include_usage` asks for it.
"""

from __future__ import annotations

from typing import Any

from providers.dialects import openai_chat
from providers.dialects.types import Call, Failure, MakeId, Moment, Sealer, Target, WireRequest
from providers.translation.chat.foreign import as_chat
from providers.translation.chat.to_responses import ItemsFromChat
from providers.translation.chat.writer import ChatHead, ChatWriter, whole_completion
from providers.translation.common import values
from providers.translation.common.openai_models import base_name
from providers.translation.common.openai_upstream import (
    OpenAiUpstream,
    read_object,
    refuse,
    request_to,
    sampling,
)
from providers.translation.common.parts import PartList, Reader, ReaderContext, Sequencer, Sink
from providers.translation.common.tool_names import ToolNames
from providers.translation.messages.count_tokens import estimate_of_bytes
from providers.translation.responses.reader import ResponsesReader

PATH = b"/v1/responses"
_FORWARDED = (
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "user",
)


class ChatOverResponses(OpenAiUpstream):
    """The translator of this pair."""

    def __init__(self, ids: MakeId, now: Moment, sealer: Sealer) -> None:
        super().__init__(ids, now, sealer)
        self._names = ToolNames()
        self._asked_model = ""
        self._has_usage = False
        self._call_ids: set[str] = set()
        self._body = b""

    def request(self, call: Call, target: Target) -> WireRequest:
        self._body = call.body
        body = as_chat(read_object(call.body))
        model = base_name(target.model or str(body.get("model") or ""))
        self._asked_model = str(body.get("model") or model)
        self._names = ToolNames()
        _refuse_what_changes_the_result(body)
        conversation = ItemsFromChat(self._names)
        conversation.read(body)
        self._call_ids = conversation.call_ids
        out: dict[str, Any] = {
            "model": model,
            "input": conversation.items,
            "store": body.get("store") is True,
        }
        out.update({name: body[name] for name in _FORWARDED if body.get(name) is not None})
        out.update(_limits(body, model, target))
        out.update(_tools(body, self._names))
        text = _text(body)
        if text:
            out["text"] = text
        options = body.get("stream_options")
        self._has_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._is_stream = body.get("stream") is True or call.fields.stream
        if self._is_stream:
            out["stream"] = True
        return request_to(PATH, out)

    def _reader(self, sequencer: Sequencer) -> Reader:
        return ResponsesReader(
            sequencer,
            ReaderContext(lambda plain: "", self._ids, lambda: estimate_of_bytes(self._body), self._call_ids),
        )

    def _head(self) -> ChatHead:
        return ChatHead(
            self._ids("chatcmpl-"), self._now, self._asked_model, self._has_usage, self._names.restore
        )

    def _sink(self) -> Sink:
        return ChatWriter(self._head())

    def _whole(self, parts: PartList, reader: Reader) -> bytes:
        return whole_completion(self._head(), parts.parts, reader.outcome())

    def _error_body(self, failure: Failure) -> bytes:
        return openai_chat.error_body(failure)


def _refuse_what_changes_the_result(body: dict[str, Any]) -> None:
    if body.get("n") not in (None, 1):
        raise refuse("n: this upstream gives one choice only", "n")
    if body.get("stop"):
        raise refuse("stop: this upstream has no stop sequences", "stop")
    if body.get("logprobs") is True:
        raise refuse("logprobs: log probabilities are not carried over", "logprobs")
    if body.get("audio") or body.get("modalities") not in (None, ["text"]):
        raise refuse("modalities: this upstream gives no audio", "modalities")


def _limits(body: dict[str, Any], model: str, target: Target) -> dict[str, Any]:
    out: dict[str, Any] = {}
    limit = body.get("max_completion_tokens")
    limit = body.get("max_tokens") if limit is None else limit
    if isinstance(limit, int):
        ceiling = target.max_output_tokens
        out["max_output_tokens"] = min(limit, ceiling) if ceiling else limit
    out.update(sampling(body, model, target))
    if isinstance(body.get("reasoning_effort"), str):
        out["reasoning"] = {"effort": body["reasoning_effort"]}
    return out


def _text(body: dict[str, Any]) -> dict[str, Any]:
    text: dict[str, Any] = {}
    wanted = body.get("response_format")
    if isinstance(wanted, dict) and wanted.get("type") not in (None, "text"):
        schema = wanted.get("json_schema")
        if wanted["type"] == "json_schema" and isinstance(schema, dict):
            text["format"] = {"type": "json_schema", **schema}
        elif wanted["type"] == "json_object":
            text["format"] = {"type": "json_object"}
        else:
            raise refuse("response_format: must be text, json_object or json_schema", "response_format")
    if isinstance(body.get("verbosity"), str):
        text["verbosity"] = body["verbosity"]
    return text


def _tools(body: dict[str, Any], names: ToolNames) -> dict[str, Any]:
    tools = [_tool(tool, f"tools.{n}", names) for n, tool in enumerate(values.objects(body, "tools"))]
    tools += [
        _tool({"type": "function", "function": each}, f"functions.{n}", names)
        for n, each in enumerate(values.objects(body, "functions"))
    ]
    search = body.get("web_search_options")
    if isinstance(search, dict):
        tools.append(_web_search(search))
    if not tools:
        return {}
    choice = body.get("tool_choice") or body.get("function_call")
    out: dict[str, Any] = {"tools": tools}
    if choice is not None:
        out["tool_choice"] = _choice(choice, names)
    return out


def _tool(tool: Any, where: str, names: ToolNames) -> dict[str, Any]:
    kind = tool.get("type") if isinstance(tool, dict) else None
    inner = tool.get(kind) if kind in ("function", "custom") else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise refuse(f"{where}: must be a function or a custom tool with a name", where)
    out: dict[str, Any] = {"type": kind, "name": names.shorten(inner["name"])}
    if isinstance(inner.get("description"), str):
        out["description"] = inner["description"]
    if kind == "custom":
        format_ = inner.get("format")
        if isinstance(format_, dict):
            grammar = format_.get("grammar")
            flat = grammar if isinstance(grammar, dict) else {}
            out["format"] = {"type": format_.get("type"), **flat}
        return out
    parameters = inner.get("parameters")
    out["parameters"] = parameters if parameters else {"type": "object", "properties": {}}
    out["strict"] = inner.get("strict") is True
    return out


def _web_search(options: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"type": "web_search"}
    if options.get("search_context_size"):
        out["search_context_size"] = options["search_context_size"]
    place = options.get("user_location")
    if isinstance(place, dict):
        approximate = place.get("approximate")
        out["user_location"] = {
            "type": "approximate",
            **(approximate if isinstance(approximate, dict) else {}),
        }
    return out


def _choice(choice: Any, names: ToolNames) -> Any:
    if not isinstance(choice, dict):
        return choice
    kind = choice.get("type")
    if kind == "allowed_tools" and isinstance(choice.get("allowed_tools"), dict):
        allowed = choice["allowed_tools"]
        listed = [
            _named(each, names) for each in values.objects(allowed, "tools", "tool_choice.allowed_tools.")
        ]
        return {"type": "allowed_tools", "mode": allowed.get("mode") or "auto", "tools": listed}
    return _named({"type": "function", "function": choice} if kind is None else choice, names)


def _named(choice: dict[str, Any], names: ToolNames) -> dict[str, Any]:
    kind = choice.get("type")
    inner = choice.get(kind) if kind in ("function", "custom") else None
    if not isinstance(inner, dict):
        raise refuse("tool_choice: must name a function or a custom tool", "tool_choice")
    return {"type": kind, "name": names.shorten(str(inner.get("name") or ""))}
