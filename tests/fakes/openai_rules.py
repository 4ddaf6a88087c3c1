"""What OpenAI's API refuses in a body: what a translation could get wrong."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from tests.fakes.openai_responses import ENCRYPTED
from tests.fakes.vendor import plain

Body = dict[str, Any]
Newest = tuple[str, list[str], dict[str, Any]]
"""The newest user's words, the results of tool calls after the last answer, and the tools' schemas by name."""

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
DATA_URL = re.compile(r"data:(?P<type>image/\w+);base64,(?P<data>[A-Za-z0-9+/=]+)")
CHAT_FIELDS = frozenset(
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)
RESPONSES_FIELDS = frozenset(
    [
        "background",
        "client_metadata",
        "context_management",
        "conversation",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    ]
)
USER_PARTS = {"text", "image_url", "input_audio", "file"}
INPUT_PARTS = {"input_text", "input_image", "input_file"}


class BrokenRule(Exception):
    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


def _require(holds: object, message: str, param: str | None = None) -> None:
    if not holds:
        raise BrokenRule(message, param)


def _known(body: Body, fields: frozenset[str]) -> None:
    for name, value in body.items():
        _require(name in fields, f"Unknown parameter: '{name}'.", name)
        _require(value is not None or name != "messages", f"Invalid type for '{name}'.", name)


def _model(body: Body) -> None:
    """What the reasoning models refuse."""
    if body["model"].startswith("gpt-5"):
        for name in ("max_tokens", "temperature", "top_p", "stop"):
            words = f"Unsupported parameter: '{name}' is not supported with this model."
            _require(body.get(name) is None, words, name)


def _schema(schema: Body, where: str) -> None:
    """`strict` wants every object closed and every property required."""
    if schema.get("type") == "object":
        _require(schema.get("additionalProperties") is False, "'additionalProperties' must be false", where)
        _require(
            set(schema.get("required", [])) == set(schema.get("properties", {})),
            "'required' must be all",
            where,
        )


def _image(url: str, where: str) -> None:
    if url.startswith("data:"):
        found = DATA_URL.fullmatch(url)
        _require(found and base64.b64decode(found["data"], validate=True), "Invalid image data URL", where)


# --- Chat Completions --------------------------------------------------------------------------------


def check_chat(body: Body) -> Newest:
    _known(body, CHAT_FIELDS)
    _model(body)
    _require(
        "stream_options" not in body or body.get("stream"),
        "'stream_options' needs 'stream'",
        "stream_options",
    )
    schemas = _chat_tools(body)
    wanted = (body.get("response_format") or {}).get("json_schema") or {}
    if wanted.get("strict"):
        _schema(wanted["schema"], "response_format")
    return (*_chat_messages(body["messages"]), schemas)


def _chat_tools(body: Body) -> dict[str, Any]:
    schemas = {}
    for number, tool in enumerate(body.get("tools") or []):
        function = tool["function"]
        _require(NAME.fullmatch(function["name"]), "Invalid tool name", f"tools[{number}].function.name")
        if function.get("strict"):
            _schema(function["parameters"], f"tools[{number}].function.parameters")
        schemas[function["name"]] = function.get("parameters") or {}
    _require(schemas or "tool_choice" not in body, "'tool_choice' needs 'tools'", "tool_choice")
    _require(schemas or "parallel_tool_calls" not in body, "'parallel_tool_calls' needs 'tools'")
    return schemas


def _chat_messages(messages: list[Body]) -> tuple[str, list[str]]:
    words, results, open_calls = "", [], []
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        role = message["role"]
        if role == "tool":
            _require(message["tool_call_id"] in open_calls, "'tool' must follow its 'tool_calls'", where)
            open_calls.remove(message["tool_call_id"])
            results.append(_text(message["content"], {"text"}, where))
            continue
        _require(not open_calls, f"'tool_calls' must be followed by tool messages: {open_calls}", where)
        if role == "user":
            newest = plain(_text(message["content"], USER_PARTS, where))
            words, results = (newest, []) if newest else (words, results)
        elif role == "assistant":
            open_calls, results = _chat_calls(message, where), []
        else:
            _require(role in ("system", "developer"), f"Invalid role {role!r}", where)
            _text(message["content"], {"text"}, where)
    _require(not open_calls, "the last 'tool_calls' were not answered", "messages")
    return words, results


def _chat_calls(message: Body, where: str) -> list[str]:
    calls = message.get("tool_calls") or []
    _require(calls or message.get("content") is not None, "'content' or 'tool_calls' is required", where)
    for call in calls:
        _require(len(call["id"]) <= 40, "tool_call ids have at most 40 characters", where)
        _require(isinstance(json.loads(call["function"]["arguments"]), dict), "arguments: an object", where)
    return [call["id"] for call in calls]


def _text(content: Any, kinds: set[str], where: str) -> str:
    """The last text of a content, once all its parts are lawful."""
    if isinstance(content, str):
        return content
    texts = [""]
    for part in content:
        _require(part["type"] in kinds, f"Invalid part {part['type']!r}", f"{where}.content")
        if part["type"] in ("text", "input_text"):
            texts += [part["text"]] if plain(part["text"]) else []
        elif part["type"] == "image_url":
            _image(part["image_url"]["url"], f"{where}.content")
        elif part["type"] == "input_image":
            _image(part["image_url"], f"{where}.content")
    return str(texts[-1])


# --- Responses ---------------------------------------------------------------------------------------


@dataclass
class Items:
    """An input that is lawful, behind what it continues."""

    all: list[Body]
    schemas: dict[str, Any]

    def newest(self) -> Newest:
        words, results = "", []
        for item in self.all:
            if item.get("role") == "user":
                newest = plain(_text(item["content"], INPUT_PARTS, "input"))
                words, results = (newest, []) if newest else (words, results)
            elif item.get("type") == "function_call":
                results = []
            elif item.get("type") == "function_call_output":
                results.append(_text(item["output"], INPUT_PARTS, "input"))
            elif item.get("role") == "assistant":
                results = []
        return words, results, self.schemas


def check_responses(body: Body, earlier: list[Body]) -> Items:
    _known(body, RESPONSES_FIELDS)
    _model(body)
    schemas = {}
    for number, tool in enumerate(body.get("tools") or []):
        if tool["type"] == "function":
            _require(NAME.fullmatch(tool.get("name", "")), "Invalid tool name", f"tools[{number}].name")
            schemas[tool["name"]] = tool.get("parameters") or {}
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("strict"):
        _schema(wanted["schema"], "text.format")
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    whole = [*earlier, *items]
    _calls_answered(whole)
    return Items(whole, schemas)


def _calls_answered(items: list[Body]) -> None:
    calls: list[str] = []
    for number, item in enumerate(items):
        where, kind = f"input[{number}]", item.get("type", "message")
        if kind == "function_call":
            _require(isinstance(json.loads(item["arguments"]), dict), "arguments: an object", where)
            calls.append(item["call_id"])
        elif kind == "function_call_output":
            _require(item["call_id"] in calls, f"No tool call found for {item['call_id']}", where)
            calls.remove(item["call_id"])
        elif kind == "reasoning":
            _require(
                item.get("encrypted_content") in (None, ENCRYPTED), "The encrypted content is not ours", where
            )
        elif kind == "message" and item["role"] == "assistant" and not isinstance(item["content"], str):
            lawful = all(part["type"] in ("output_text", "refusal") for part in item["content"])
            _require(lawful, "an assistant's parts are output_text or refusal", where)
        else:
            _require(kind == "message", f"Invalid item {kind!r}", where)
    _require(not calls, f"No tool output found for {calls}", "input")
