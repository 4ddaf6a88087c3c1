"""Read a Responses call, for pairs that carry it to another dialect.

Pure. Raises `Refused` naming the field (`input.3.content.0`) for what can't be carried.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from providers.translation.common import values
from providers.translation.common.openai_upstream import refuse
from providers.translation.common.root_schemas import object_schema
from providers.translation.common.tool_names import Tool, ToolTable
from providers.translation.responses.vendor_items import is_left_out

Item = dict[str, Any]

CUSTOM_SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input, as plain text"}},
    "required": ["input"],
    "additionalProperties": False,
}
_NEED_STATE = ("previous_response_id", "conversation", "prompt")


def values_of(listed: object) -> list[Any]:
    """Return a list as it is; anything else as an empty one."""
    return listed if isinstance(listed, list) else []


def refuse_what_changes_the_result(body: Item) -> None:
    """Refuse the top-level fields that no Chat upstream can honour and whose loss would be felt."""
    for name in _NEED_STATE:
        if body.get(name) is not None:
            raise refuse(f"{name}: nothing is stored under it here; send the whole input", name)
    if values.flag(body, "background"):
        raise refuse("background: this upstream answers in the foreground only", "background")
    if body.get("top_logprobs") or "message.output_text.logprobs" in values_of(body.get("include")):
        raise refuse("top_logprobs: log probabilities are not carried over", "top_logprobs")


def input_items(body: Item) -> Iterator[tuple[str, Item]]:
    """Yield (where, item) of each input item; a string is one user message."""
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
    """Return the item's type; one with a role and no type is a message."""
    kind = item.get("type")
    if isinstance(kind, str):
        return kind
    return "message" if "role" in item else "item_reference" if "id" in item else "unknown"


def parts_of(content: object, where: str) -> list[Item]:
    """Return a message's or an output's content as a list of parts; a string is one text."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "input_text", "text": content}] if content else []
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return content
    raise refuse(f"{where}: must be a string or a list of parts", where)


class CallerTools(msgspec.Struct):
    """The caller's tools as functions of the upstream, with the way back in `table`."""

    table: ToolTable = msgspec.field(default_factory=ToolTable)
    functions: list[Item] = []  # flat: name, description, parameters, strict
    left_out: list[str] = []  # tools that only a vendor can run

    def read(self, body: Item) -> None:
        for position, tool in enumerate(values.objects(body, "tools")):
            self._add(tool, None, f"tools.{position}")

    def upstream_name(self, name: str, namespace: object = None, *, is_custom: bool = False) -> str:
        """Return the name under which the upstream knows the tool, also one that only the history calls."""
        space = namespace if isinstance(namespace, str) and namespace else None
        return self.table.add(Tool(name, is_custom, space))

    def _add(self, tool: Item, namespace: str | None, where: str) -> None:
        """Add functions and custom tools; namespaces are opened."""
        kind = tool.get("type")
        if kind == "namespace":
            for number, inner in enumerate(values.objects(tool, "tools", f"{where}.")):
                self._add(inner, str(tool.get("name") or ""), f"{where}.tools.{number}")
        elif kind in ("function", "custom"):
            if not isinstance(tool.get("name"), str) or not tool["name"]:
                raise refuse(f"{where}.name: is required", f"{where}.name")
            self.functions.append(self._function(tool, namespace))
        elif is_left_out(kind):
            self.left_out.append(f"{where}.type={kind}")
        else:
            raise refuse(f"{where}: tools of type {kind} are not supported by this upstream", f"{where}.type")

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
        function["parameters"] = object_schema(tool.get("parameters"))
        if tool.get("strict") is True:
            function["strict"] = True
        return function


def custom_description(description: str, format_: object) -> str:
    """Return a custom tool's description with the grammar that its input must follow."""
    if isinstance(format_, dict) and isinstance(format_.get("definition"), str):
        grammar = f"The input must match this {format_.get('syntax') or ''} grammar:\n{format_['definition']}"
        return f"{description}\n\n{grammar}" if description else grammar
    return description


def custom_arguments(text: object) -> str:
    """Return a custom call's free text as the arguments of the function that stands for it."""
    return orjson.dumps({"input": text if isinstance(text, str) else ""}).decode()
