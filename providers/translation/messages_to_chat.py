"""A Messages conversation as Chat Completions messages. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.translation import messages_input as read
from providers.translation.messages_writer import upstream_id
from providers.translation.tool_names import ToolNames, short_name

MAX_CALL_ID = 40
"""OpenAI refuses longer tool-call ids."""

Block = dict[str, Any]

OpenReasoning = Callable[[str, str], tuple[str, str] | None]
"""(thinking text, signature) → the field and the text that the upstream takes back, or None."""


@dataclass(slots=True)
class ChatConversation:
    """Collects Chat messages in order. Tool results stand directly behind the calls that they answer."""

    names: ToolNames
    open_reasoning: OpenReasoning
    loop_start: int  # messages from here on belong to the turn in progress
    messages: list[Block] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    _unanswered: list[str] = field(default_factory=list)

    def add(self, position: int, where: str, role: str, blocks: list[Block]) -> None:
        if role == "assistant":
            self.settle()
            self._assistant(position, where, blocks)
        elif role == "system":
            self.settle()
            text = read.SEPARATOR.join(str(block.get("text") or "") for block in blocks)
            self.messages.append({"role": "system", "content": text})
        else:
            self._user(where, blocks)

    def settle(self) -> None:
        """Calls that were never answered get an answer: every OpenAI server refuses them otherwise."""
        for call_id in self._unanswered:
            self.messages.append({"role": "tool", "tool_call_id": call_id, "content": read.NO_RESULT})
        self._unanswered = []

    def _assistant(self, position: int, where: str, blocks: list[Block]) -> None:
        texts: list[str] = []
        calls: list[Block] = []
        reasoning: dict[str, str] = {}
        for number, block in enumerate(blocks):
            kind = str(block.get("type"))
            if kind == "text":
                texts.append(str(block.get("text") or ""))
            elif kind == "tool_use":
                calls.append(self._call(block))
            elif kind == "thinking" and position >= self.loop_start:
                self._reasoning(block, reasoning)
            elif read.is_server_tool_block(kind):
                texts.append(read.server_tool_text(block))
            elif kind not in ("thinking", "redacted_thinking"):
                raise read.unknown_block(kind, f"{where}.content.{number}")
        if not texts and not calls:
            return
        message: Block = {"role": "assistant", "content": "".join(texts) or None, **reasoning}
        if calls:
            message["tool_calls"] = calls
            self._unanswered = [call["id"] for call in calls]
        self.messages.append(message)

    def _reasoning(self, block: Block, reasoning: dict[str, str]) -> None:
        text = str(block.get("thinking") or "")
        opened = self.open_reasoning(text, str(block.get("signature") or ""))
        if opened is not None:
            field_name, whole = opened
            reasoning[field_name] = reasoning.get(field_name, "") + whole

    def _call(self, block: Block) -> Block:
        arguments = orjson.dumps(block.get("input") or {}).decode()
        name = self.names.shorten(str(block.get("name") or ""))
        call_id = self._id(block.get("id"))
        self.call_ids.add(upstream_id(str(block.get("id"))))
        return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}

    def _id(self, tool_use_id: object) -> str:
        return short_id(upstream_id(str(tool_use_id)), MAX_CALL_ID)

    def _user(self, where: str, blocks: list[Block]) -> None:
        parts: list[Block] = []
        for number, block in enumerate(blocks):
            at = f"{where}.content.{number}"
            if block.get("type") == "tool_result":
                self._tool_result(block, at, parts)
            else:
                parts.extend(user_parts(block, at))
        self.settle()
        if parts:
            self.messages.append({"role": "user", "content": joined(parts)})

    def _tool_result(self, block: Block, where: str, later: list[Block]) -> None:
        """The text goes into a `tool` message, which holds nothing else; images follow as user's."""
        call_id = self._id(block.get("tool_use_id"))
        if call_id not in self._unanswered:
            return  # a result without its call: nothing that the model could read it with
        self._unanswered.remove(call_id)
        parts: list[Block] = []
        for number, inner in enumerate(read.blocks(block.get("content"), f"{where}.content")):
            parts.extend(user_parts(inner, f"{where}.content.{number}"))
        texts = [part["text"] for part in parts if part["type"] == "text"]
        files = [part for part in parts if part["type"] != "text"]
        if files:
            texts.append("[the files of this result follow in the next user message]")
            later.append({"type": "text", "text": f"[files of the result of call {call_id}]"})
            later.extend(files)
        content = read.result_error_text(read.SEPARATOR.join(texts), block)
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": content})


def short_id(call_id: str, limit: int) -> str:
    """The id itself, or a shorter one that is the same wherever it stands in the conversation."""
    return call_id if len(call_id) <= limit else short_name(call_id, limit)


def joined(parts: list[Block]) -> str | list[Block]:
    """Texts alone as one string, which every server takes; with images as parts."""
    if all(part["type"] == "text" for part in parts):
        return read.SEPARATOR.join(part["text"] for part in parts)
    return parts


def user_parts(block: Block, where: str) -> list[Block]:
    """One block of a user message or tool result as Chat parts."""
    kind = block.get("type")
    if kind == "text":
        text = str(block.get("text") or "")
        return [{"type": "text", "text": text}] if text else []
    if kind == "image":
        return [{"type": "image_url", "image_url": {"url": read.image_url(block, where)}}]
    if kind == "document":
        return _document_parts(block, where)
    if kind == "search_result":
        return [{"type": "text", "text": read.search_result_text(block)}]
    if kind == "tool_reference":
        return [{"type": "text", "text": f"[tool {block.get('tool_name')}]"}]
    if read.is_server_tool_block(str(kind)):
        return [{"type": "text", "text": read.server_tool_text(block)}]
    raise read.unknown_block(kind, where)


def _document_parts(block: Block, where: str) -> list[Block]:
    inner = read.plain_document(block, where)
    if inner is not None:
        return [part for each in inner for part in user_parts(each, f"{where}.source")]
    source = read.source_of(block, where)
    if source.get("type") != "base64":
        raise read.refused_source(source, where)
    file = {"filename": read.file_name(block), "file_data": read.data_url(source)}
    return [{"type": "file", "file": file}]
