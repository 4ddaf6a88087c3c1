"""A Messages conversation as Responses input items. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.translation import messages_input as read
from providers.translation.messages_to_chat import short_id
from providers.translation.messages_writer import upstream_id
from providers.translation.tool_names import ToolNames

MAX_CALL_ID = 64

Item = dict[str, Any]

OpenItem = Callable[[str], Item | None]
"""sealed text → the upstream's own reasoning item, or None when it is not this upstream's."""


@dataclass(slots=True)
class ResponsesConversation:
    """Collects input items in order."""

    names: ToolNames
    open_item: OpenItem
    items: list[Item] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    _unanswered: list[str] = field(default_factory=list)

    def add(self, where: str, role: str, blocks: list[Item]) -> None:
        if role == "user":
            self._user(where, blocks)
            return
        self.settle()
        if role == "system":
            texts = [str(block.get("text") or "") for block in blocks]
            self.items.append({"role": "system", "content": read.SEPARATOR.join(texts)})
        else:
            self._assistant(where, blocks)

    def settle(self) -> None:
        """Calls that were never answered get an answer: the API refuses them otherwise."""
        for call_id in self._unanswered:
            output = {"type": "function_call_output", "call_id": call_id, "output": read.NO_RESULT}
            self.items.append(output)
        self._unanswered = []

    def _assistant(self, where: str, blocks: list[Item]) -> None:
        calls: list[str] = []
        for number, block in enumerate(blocks):
            kind = str(block.get("type"))
            if kind == "text":
                self._said(str(block.get("text") or ""))
            elif kind == "tool_use":
                calls.append(self._call(block))
            elif kind in ("thinking", "redacted_thinking"):
                item = self.open_item(str(block.get("signature") or block.get("data") or ""))
                self.items.extend([item] if item is not None else [])
            elif read.is_server_tool_block(kind):
                self._said(read.server_tool_text(block))
            else:
                raise read.unknown_block(kind, f"{where}.content.{number}")
        self._unanswered = calls

    def _said(self, text: str) -> None:
        if text:
            content = [{"type": "output_text", "text": text}]
            self.items.append({"role": "assistant", "content": content})

    def _call(self, block: Item) -> str:
        raw_id = upstream_id(str(block.get("id")))
        call_id = short_id(raw_id, MAX_CALL_ID)
        self.call_ids.add(raw_id)
        item = {
            "type": "function_call",
            "call_id": call_id,
            "name": self.names.shorten(str(block.get("name") or "")),
            "arguments": orjson.dumps(block.get("input") or {}).decode(),
        }
        self.items.append(item)
        return call_id

    def _user(self, where: str, blocks: list[Item]) -> None:
        parts: list[Item] = []
        for number, block in enumerate(blocks):
            at = f"{where}.content.{number}"
            if block.get("type") == "tool_result":
                self._tool_result(block, at)
            else:
                parts.extend(input_parts(block, at))
        self.settle()
        if parts:
            self.items.append({"role": "user", "content": parts})

    def _tool_result(self, block: Item, where: str) -> None:
        call_id = short_id(upstream_id(str(block.get("tool_use_id"))), MAX_CALL_ID)
        if call_id not in self._unanswered:
            return  # a result without its call: nothing that the model could read it with
        self._unanswered.remove(call_id)
        parts: list[Item] = []
        for number, inner in enumerate(read.blocks(block.get("content"), f"{where}.content")):
            parts.extend(input_parts(inner, f"{where}.content.{number}"))
        output: str | list[Item] = parts
        if all(part["type"] == "input_text" for part in parts):
            text = read.SEPARATOR.join(part["text"] for part in parts)
            output = read.result_error_text(text, block)
        elif block.get("is_error") is True:
            output = [{"type": "input_text", "text": "Error:"}, *parts]
        self.items.append({"type": "function_call_output", "call_id": call_id, "output": output})


def input_parts(block: Item, where: str) -> list[Item]:
    """One block of a user message or tool result as input parts."""
    kind = block.get("type")
    if kind == "text":
        text = str(block.get("text") or "")
        return [{"type": "input_text", "text": text}] if text else []
    if kind == "image":
        return [{"type": "input_image", "image_url": read.image_url(block, where), "detail": "auto"}]
    if kind == "document":
        return _document_parts(block, where)
    if kind == "search_result":
        return [{"type": "input_text", "text": read.search_result_text(block)}]
    if kind == "tool_reference":
        return [{"type": "input_text", "text": f"[tool {block.get('tool_name')}]"}]
    if read.is_server_tool_block(str(kind)):
        return [{"type": "input_text", "text": read.server_tool_text(block)}]
    raise read.unknown_block(kind, where)


def _document_parts(block: Item, where: str) -> list[Item]:
    inner = read.plain_document(block, where)
    if inner is not None:
        return [part for each in inner for part in input_parts(each, f"{where}.source")]
    source = read.source_of(block, where)
    if source.get("type") == "url":
        return [{"type": "input_file", "file_url": str(source.get("url") or "")}]
    if source.get("type") != "base64":
        raise read.refused_source(source, where)
    file = {"type": "input_file", "filename": read.file_name(block), "file_data": read.data_url(source)}
    return [file]
