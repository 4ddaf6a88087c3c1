"""Reads what a Responses call says, for pairs that carry it to another dialect. Pure.

Raises `Refused` naming the field (`input.3.content.0`) for what can't be carried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.translation import values
from providers.translation.openai_upstream import refuse
from providers.translation.tool_names import Tool, ToolTable

Item = dict[str, Any]

CUSTOM_SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input, as plain text"}},
    "required": ["input"],
    "additionalProperties": False,
}
_NEED_STATE = ("previous_response_id", "conversation", "prompt")


def values_of(listed: object) -> list[Any]:
    """A list as it is; anything else is none."""
    return listed if isinstance(listed, list) else []


def refuse_what_changes_the_result(body: Item) -> None:
    """The top-level fields that no Chat upstream can honour and whose loss would be felt."""
    for name in _NEED_STATE:
        if body.get(name) is not None:
            raise refuse(f"{name}: nothing is stored under it here; send the whole input", name)
    if body.get("background") is True:
        raise refuse("background: this upstream answers in the foreground only", "background")
    if body.get("top_logprobs") or "message.output_text.logprobs" in values_of(body.get("include")):
        raise refuse("top_logprobs: log probabilities are not carried over", "top_logprobs")


def input_items(body: Item) -> Iterator[tuple[str, Item]]:
    """(where, item) of each input item; a string is one user message."""
    listed = body.get("input")
    if isinstance(listed, str):
        listed = [{"role": "user", "content": listed}]
    if not isinstance(listed, list) or not listed:
        raise refuse("input: must be a string or a list of items, and not empty", "input")
    for position, item in enumerate(listed):
        where = f"input.{position}"
        if isinstance(item, str):
            yield where, {"role": "user", "content": item}
        elif isinstance(item, dict):
            yield where, item
        else:
            raise refuse(f"{where}: must be an item", where)


def kind_of(item: Item) -> str:
    """The item's type; one with a role and no type is a message."""
    kind = item.get("type")
    if isinstance(kind, str):
        return kind
    return "message" if "role" in item else "item_reference" if "id" in item else "unknown"


RECORDS = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "tool_search_call",
        "tool_search_output",
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
        "mcp_approval_response",
        "compaction_trigger",
    }
)
"""Records of what a vendor's own tools did: the text around them says what came of it."""


def parts_of(content: object, where: str) -> list[Item]:
    """A message's or an output's content as a list of parts; a string is one text."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "input_text", "text": content}] if content else []
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return content
    raise refuse(f"{where}: must be a string or a list of parts", where)


@dataclass(slots=True)
class CallerTools:
    """The caller's tools as functions of the upstream, with the way back in `table`."""

    table: ToolTable = field(default_factory=ToolTable)
    functions: list[Item] = field(default_factory=list)  # flat: name, description, parameters, strict

    def read(self, body: Item) -> None:
        for position, tool in enumerate(values.objects(body, "tools")):
            self._add(tool, None, f"tools.{position}")

    def upstream_name(self, name: str, namespace: object = None, *, is_custom: bool = False) -> str:
        """The name under which the upstream knows the tool, also one that only the history calls."""
        space = namespace if isinstance(namespace, str) and namespace else None
        return self.table.add(Tool(name, is_custom, space))

    def _add(self, tool: Item, namespace: str | None, where: str) -> None:
        """Functions and custom tools; namespaces are opened. What only a vendor can run is not offered."""
        kind = tool.get("type")
        if kind == "namespace":
            for number, inner in enumerate(values.objects(tool, "tools", f"{where}.")):
                self._add(inner, str(tool.get("name") or ""), f"{where}.tools.{number}")
        elif kind in ("function", "custom"):
            if not isinstance(tool.get("name"), str) or not tool["name"]:
                raise refuse(f"{where}.name: is required", f"{where}.name")
            self.functions.append(self._function(tool, namespace))

    def _function(self, tool: Item, namespace: str | None) -> Item:
        is_custom = tool["type"] == "custom"
        function: Item = {"name": self.upstream_name(tool["name"], namespace, is_custom=is_custom)}
        description = tool.get("description") if isinstance(tool.get("description"), str) else ""
        if is_custom:
            function["description"] = custom_description(description or "", tool.get("format"))
            function["parameters"] = CUSTOM_SCHEMA
            return function
        if description:
            function["description"] = description
        parameters = tool.get("parameters")
        if not isinstance(parameters, dict) or not parameters:
            parameters = {"type": "object", "properties": {}}
        function["parameters"] = parameters
        if tool.get("strict") is True:
            function["strict"] = True
        return function


def custom_description(description: str, format_: object) -> str:
    """A custom tool's description with the grammar that its input must follow."""
    if isinstance(format_, dict) and isinstance(format_.get("definition"), str):
        grammar = f"The input must match this {format_.get('syntax') or ''} grammar:\n{format_['definition']}"
        return f"{description}\n\n{grammar}" if description else grammar
    return description


def custom_arguments(text: object) -> str:
    """A custom call's free text as the arguments of the function that stands for it."""
    return orjson.dumps({"input": text if isinstance(text, str) else ""}).decode()
