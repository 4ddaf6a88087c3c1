"""Read a Responses request into a draft of a Messages call.

Pure. The field rule is written down in `pairs/responses_over_messages.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from providers.dialects.types import Call, Target
from providers.translation.chat.input import automatic_mark, text_block
from providers.translation.common import values
from providers.translation.common.media import document_url_block, file_block, image_block, refused
from providers.translation.common.tool_names import Tool, ToolTable
from providers.translation.messages.cache_marks import Block, mark_from
from providers.translation.messages.openai_tools import (
    choice_word,
    custom_tool,
    function_tool,
    keep_allowed,
    set_format,
)
from providers.translation.messages.request import Draft
from providers.translation.responses.vendor_items import (
    CLIENT_CALLS,
    CLIENT_OUTPUTS,
    RECORDS,
    client_text,
    is_left_out,
)

Object = dict[str, Any]
OpenThought = Callable[[str, str], bytes | None]
"""Unseals `(encrypted_content, model)`: the block's JSON, or None when it was not sealed by us for this model."""


def read_responses(
    call: Call, target: Target, table: ToolTable, open_thought: OpenThought
) -> tuple[Draft, Object]:
    """Return the draft, and the body for what concerns the answer.

    Raises `Refused` naming the field.
    """
    body = values.body_object(call.body)
    _refuse_what_changes_the_result(body)
    asked = values.needed_text(body, "model")
    draft = Draft(model=target.model or asked, effort_param="reasoning.effort", messages_param="input")
    instructions = values.text(body, "instructions")
    if instructions and instructions.strip():
        draft.add_system([text_block(instructions)])
    _read_tools(body, draft, table)
    _InputReader(draft, table, open_thought).read(body)
    _read_format(body, draft)
    draft.max_tokens = values.count(body, "max_output_tokens")
    draft.temperature = values.number(body, "temperature")
    draft.top_p = values.number(body, "top_p")
    reasoning = values.child(body, "reasoning") or {}
    draft.effort = values.text(reasoning, "effort", "reasoning.")
    draft.wants_summary = bool(reasoning.get("summary") or reasoning.get("generate_summary"))
    draft.user = values.text(body, "safety_identifier") or values.text(body, "user")
    draft.automatic_mark = automatic_mark(body)
    draft.stream = values.flag(body, "stream") is True
    return draft, body


def _refuse_what_changes_the_result(body: Object) -> None:
    for name in ("previous_response_id", "conversation", "prompt"):
        if body.get(name) is not None:
            raise refused(f"{name} is not supported here", name)
    if values.flag(body, "background"):
        raise refused("background answers are not supported", "background")
    if body.get("top_logprobs"):
        raise refused("top_logprobs are not supported", "top_logprobs")
    if "message.output_text.logprobs" in (body.get("include") or ()):
        raise refused("logprobs are not supported", "include")


def _read_format(body: Object, draft: Draft) -> None:
    text = values.child(body, "text") or {}
    format_ = values.child(text, "format", "text.") or {}
    set_format(draft, format_.get("type"), format_.get("schema"), "text.format")


# --- tools ------------------------------------------------------------------------------------------


def _read_tools(body: Object, draft: Draft, table: ToolTable) -> None:
    _add_tools(values.objects(body, "tools"), "tools.", draft, table)
    draft.is_parallel = values.flag(body, "parallel_tool_calls") is not False
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = values.objects(choice, "tools", "tool_choice.")
        keep_allowed(draft, {_upstream_name(tool, table) for tool in allowed if tool.get("name")})
        choice = choice.get("mode")
    if isinstance(choice, dict):
        if choice.get("type") not in ("function", "custom"):
            raise refused(f"tools of type {choice.get('type')} are not supported", "tool_choice.type")
        values.needed_text(choice, "name", "tool_choice.")
        draft.tool_choice = {"type": "tool", "name": _upstream_name(choice, table)}
    else:
        draft.tool_choice = choice_word(choice)


def _upstream_name(tool: Object, table: ToolTable) -> str:
    namespace = tool.get("namespace")
    return table.add(
        Tool(tool["name"], tool.get("type") == "custom", namespace if isinstance(namespace, str) else None)
    )


def _add_tools(tools: list[Object], path: str, draft: Draft, table: ToolTable) -> None:
    for at, tool in enumerate(tools):
        kind = tool.get("type")
        if kind == "namespace":
            _add_namespace(tool, f"{path}{at}.", draft, table)
        elif kind == "function":
            draft.tools.append(function_tool(tool, f"{path}{at}.", table))
        elif kind == "custom":
            draft.tools.append(custom_tool(tool, f"{path}{at}.", table))
        elif is_left_out(kind):
            draft.left_out.append(f"{path}{at}.type={kind}")
        else:
            raise refused(f"tools of type {kind} are not supported", f"{path}{at}.type")


def _add_namespace(group: Object, path: str, draft: Draft, table: ToolTable) -> None:
    namespace = values.needed_text(group, "name", path)
    about = values.text(group, "description", path)
    for at, tool in enumerate(values.objects(group, "tools", path)):
        make = custom_tool if tool.get("type") == "custom" else function_tool
        block = make(tool, f"{path}tools.{at}.", table, namespace)
        if about:
            block["description"] = "\n\n".join(part for part in (about, block.get("description")) if part)
        draft.tools.append(block)


# --- input ------------------------------------------------------------------------------------------


class _InputReader:
    """Reader of the input items, in order."""

    def __init__(self, draft: Draft, table: ToolTable, open_thought: OpenThought) -> None:
        self._draft = draft
        self._turns = draft.turns
        self._table = table
        self._open_thought = open_thought

    def read(self, body: Object) -> None:
        given = body.get("input")
        if isinstance(given, str):
            if given.strip():
                self._turns.user([text_block(given)])
            return
        for at, item in enumerate(values.objects(body, "input")):
            self._item(item, f"input.{at}.")

    def _item(self, item: Object, path: str) -> None:
        kind = item.get("type") or ("message" if "role" in item else None)
        if kind == "message":
            self._message(item, path)
        elif kind == "function_call":
            arguments = values.json_object(item.get("arguments"), f"{path}arguments")
            self._call(item, path, arguments)
        elif kind == "custom_tool_call":
            self._call(item, path, {"input": values.text(item, "input", path) or ""})
        elif kind in ("function_call_output", "custom_tool_call_output"):
            self._output(item, path)
        elif kind == "reasoning":
            self._reasoning(item)
        elif kind == "additional_tools":
            _add_tools(values.objects(item, "tools", path), f"{path}tools.", self._draft, self._table)
        elif kind in CLIENT_CALLS:
            self._turns.assistant([text_block(client_text(item))])
        elif kind in CLIENT_OUTPUTS:
            self._turns.user([text_block(client_text(item))])
        elif kind not in RECORDS:
            raise refused(f"input items of type {kind} are not supported", f"{path}type")

    def _message(self, item: Object, path: str) -> None:
        role = item.get("role")
        blocks = content_blocks(item, "content", path)
        if role in ("system", "developer", "assistant"):
            for block in blocks:
                if block["type"] != "text":
                    raise refused(f"only text is possible in {path}content", f"{path}content")
        if role in ("system", "developer"):
            self._draft.add_system(blocks)
        elif role == "assistant":
            self._turns.assistant(blocks)
        elif role == "user":
            if not blocks:
                raise refused(f"{path}content is empty", f"{path}content")
            self._turns.user(blocks)
        else:
            raise refused(f"{path}role is not known", f"{path}role")

    def _call(self, item: Object, path: str, arguments: Any) -> None:
        name = values.needed_text(item, "name", path)
        tool = Tool(name, item["type"] == "custom_tool_call", values.text(item, "namespace", path))
        self._turns.tool_use(values.needed_text(item, "call_id", path), self._table.add(tool), arguments)

    def _output(self, item: Object, path: str) -> None:
        output = item.get("output")
        result: Block = {
            "content": output if isinstance(output, str) else content_blocks(item, "output", path)
        }
        mark = mark_from(item)
        if mark is not None:
            result["cache_control"] = mark
        self._turns.tool_result(values.needed_text(item, "call_id", path), result)

    def _reasoning(self, item: Object) -> None:
        sealed = item.get("encrypted_content")
        block = self._open_thought(sealed, self._draft.model) if isinstance(sealed, str) and sealed else None
        if block is not None:
            self._turns.assistant([orjson.loads(block)])


def content_blocks(holder: Object, name: str, path: str) -> list[Block]:
    """Return text or parts as blocks; empty texts are left out, for Anthropic refuses them."""
    content = holder.get(name)
    if isinstance(content, str):
        return [text_block(content)] if content.strip() else []
    blocks = []
    for at, part in enumerate(values.objects(holder, name, path)):
        block = _part(part, f"{path}{name}.{at}.")
        mark = mark_from(part)
        if block is not None:
            blocks.append(block if mark is None else {**block, "cache_control": mark})
    return blocks


def _part(part: Object, path: str) -> Block | None:
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text", "refusal"):
        name = "refusal" if kind == "refusal" else "text"
        text = values.text(part, name, path) or ""
        return text_block(text) if text.strip() else None
    if kind == "input_image":
        if part.get("image_url") is None and part.get("file_id") is not None:
            raise refused("stored files are not supported", f"{path}file_id")
        return image_block(part.get("image_url"), f"{path}image_url")
    if kind == "input_file":
        if part.get("file_url") is not None:
            return document_url_block(part["file_url"], part.get("filename"), f"{path}file_url")
        if part.get("file_data") is None and part.get("file_id") is not None:
            raise refused("stored files are not supported", f"{path}file_id")
        return file_block(part.get("file_data"), part.get("filename"), f"{path}file_data")
    if kind == "input_audio":
        raise refused("audio is not supported", f"{path}type")
    raise refused(f"content parts of type {kind} are not supported", f"{path}type")
