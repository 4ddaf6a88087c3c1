"""Turn tools, tool choice and answer format of both OpenAI surfaces into Anthropic's form.

Pure.
"""

from __future__ import annotations

from typing import Any

from providers.translation.common import values
from providers.translation.common.media import refused
from providers.translation.common.root_schemas import object_schema
from providers.translation.common.tool_names import Tool, ToolTable
from providers.translation.messages.cache_marks import Block, mark_from
from providers.translation.messages.request import JSON_ONLY, Draft
from providers.translation.messages.schemas import strict_schema

Object = dict[str, Any]


def keep_allowed(draft: Draft, names: set[str]) -> None:
    """Leave out the tools that `allowed_tools` does not name: they are not shown to the model."""
    draft.tools = [tool for tool in draft.tools if tool["name"] in names]


def choice_word(choice: Any) -> Block | None:
    if choice is None:
        return None
    types = {"none": "none", "auto": "auto", "required": "any"}
    if not isinstance(choice, str) or choice not in types:
        raise refused("tool_choice is not known", "tool_choice")
    return {"type": types[choice]}


def function_tool(tool: Object, path: str, table: ToolTable, namespace: str | None = None) -> Block:
    """Return a tool from `{name, description, parameters, strict, cache_control}`, alike in both surfaces."""
    name = values.needed_text(tool, "name", path)
    block: Block = {"name": table.add(Tool(name, namespace=namespace))}
    description = values.text(tool, "description", path)
    if description:
        block["description"] = description
    is_any = isinstance(tool.get("parameters"), bool)  # a schema, too: it says nothing of the arguments
    schema = object_schema(None if is_any else values.child(tool, "parameters", path))
    if tool.get("strict") is True:
        block |= {"input_schema": strict_schema(schema), "strict": True}
    else:
        block["input_schema"] = schema
    mark = mark_from(tool)
    return block if mark is None else {**block, "cache_control": mark}


def custom_tool(tool: Object, path: str, table: ToolTable, namespace: str | None = None) -> Block:
    """Return a tool that takes free text: one string argument, with the grammar in words."""
    name = values.needed_text(tool, "name", path)
    words = [values.text(tool, "description", path) or ""]
    format_ = values.child(tool, "format", path) or {}
    grammar = format_.get("grammar") if isinstance(format_.get("grammar"), dict) else format_
    if format_.get("type") == "grammar" and isinstance(grammar, dict):
        syntax, definition = grammar.get("syntax", ""), grammar.get("definition", "")
        words.append(f"The input must follow this {syntax} grammar:\n{definition}")
    block: Block = {"name": table.add(Tool(name, is_custom=True, namespace=namespace))}
    description = "\n\n".join(word for word in words if word)
    if description:
        block["description"] = description
    block["input_schema"] = {
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
    }
    mark = mark_from(tool)
    return block if mark is None else {**block, "cache_control": mark}


def set_format(draft: Draft, kind: Any, schema: Any, param: str) -> None:
    """Set the answer's format: `text`, `json_object` (an instruction, no guarantee), `json_schema`."""
    if kind == "json_schema":
        if not isinstance(schema, dict):
            raise refused("a json_schema format needs a schema", param)
        draft.schema = strict_schema(schema)
    elif kind == "json_object":
        draft.system.append({"type": "text", "text": JSON_ONLY})
    elif kind not in (None, "text"):
        raise refused(f"the format {kind} is not supported", param)
