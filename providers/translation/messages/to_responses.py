"""Turn a Messages conversation into Responses input items.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.translation.common.results import Results
from providers.translation.common.tool_names import ToolNames
from providers.translation.messages import history, sources
from providers.translation.messages import input as read
from providers.translation.messages.input import Turn
from providers.translation.messages.to_chat import short_id
from providers.translation.messages.writer import upstream_id

MAX_CALL_ID = 64

Item = dict[str, Any]

OpenItem = Callable[[str], Item | None]
"""sealed text → the upstream's own reasoning item, or None when it is not this upstream's."""


@dataclass(slots=True)
class ResponsesConversation:
    """Collector of input items in order.

    The calls of a turn stand together, and their results behind them, wherever the caller had them.
    """

    names: ToolNames
    open_item: OpenItem
    items: list[Item] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    _results: Results[tuple[str, Item]] = field(default_factory=Results)
    _later: list[Item] = field(default_factory=list)  # images that no assistant message can hold

    def read(self, turns: list[Turn]) -> None:
        """Add a whole conversation."""
        for place, turn in enumerate(turns):
            for where, block in turn.blocks if turn.role == "user" else ():
                if block.get("type") == "tool_result":
                    self._results.add(str(block.get("tool_use_id")), place, (where, block))
        for place, turn in enumerate(turns):
            if turn.role == "assistant":
                self._said_by_user([])
                self._assistant(place, turn)
            elif turn.role == "system":
                text = read.SEPARATOR.join(str(block.get("text") or "") for _, block in turn.blocks)
                if text := read.without_attribution(text):
                    self.items.append({"role": "system", "content": text})
            else:
                self._user(turn)
        self._said_by_user([])

    def _assistant(self, place: int, turn: Turn) -> None:
        calls: list[Item] = []
        for where, block in turn.blocks:
            kind = block.get("type")
            if kind == "text":
                self._said(str(block.get("text") or ""))
            elif kind == "tool_use":
                self._call(block)
                calls.append(block)
            elif kind in ("thinking", "redacted_thinking"):
                item = self.open_item(str(block.get("signature") or block.get("data") or ""))
                self.items.extend([item] if item is not None else [])
            elif kind == "image":
                self._said("[the image follows in the next user message]")
                self._later.extend(input_parts(block, where))
            else:
                self._said(history.said_text(block))
        for tool_use_id, found in self._results.take_all([str(block.get("id")) for block in calls], place):
            self._result(tool_use_id, found)

    def _said(self, text: str) -> None:
        if text:
            content = [{"type": "output_text", "text": text}]
            self.items.append({"role": "assistant", "content": content})

    def _call(self, block: Item) -> None:
        raw_id = upstream_id(str(block.get("id")))
        self.call_ids.add(raw_id)
        item = {
            "type": "function_call",
            "call_id": short_id(raw_id, MAX_CALL_ID),
            "name": self.names.shorten(str(block.get("name") or "")),
            "arguments": orjson.dumps(block.get("input") or {}).decode(),
        }
        self.items.append(item)

    def _user(self, turn: Turn) -> None:
        parts: list[Item] = []
        for where, block in turn.blocks:
            if block.get("type") != "tool_result":  # one without its call: nothing could read it
                parts.extend(input_parts(block, where))
        self._said_by_user(parts)

    def _said_by_user(self, parts: list[Item]) -> None:
        parts = [*self._later, *parts]
        self._later = []
        if parts:
            self.items.append({"role": "user", "content": parts})

    def _result(self, tool_use_id: str, found: tuple[str, Item] | None) -> None:
        """Answer a call, also one that was never answered: the API refuses it otherwise."""
        call_id = short_id(upstream_id(tool_use_id), MAX_CALL_ID)
        output: str | list[Item] = read.NO_RESULT
        if found is not None:
            where, block = found
            parts: list[Item] = []
            for number, inner in enumerate(read.blocks(block.get("content"), f"{where}.content")):
                parts.extend(input_parts(inner, f"{where}.content.{number}"))
            output = parts
            if all(part["type"] == "input_text" for part in parts):
                text = read.SEPARATOR.join(part["text"] for part in parts)
                output = history.result_error_text(text, block)
            elif block.get("is_error") is True:
                output = [{"type": "input_text", "text": "Error:"}, *parts]
        self.items.append({"type": "function_call_output", "call_id": call_id, "output": output})


def input_parts(block: Item, where: str) -> list[Item]:
    """Return one block of a user message or tool result as input parts."""
    kind = block.get("type")
    if kind == "image":
        return [{"type": "input_image", "image_url": sources.image_url(block, where), "detail": "auto"}]
    if kind == "document":
        return _document_parts(block, where)
    text = sources.plain_text(block, where)
    return [{"type": "input_text", "text": text}] if text else []


def _document_parts(block: Item, where: str) -> list[Item]:
    inner = sources.plain_document(block, where)
    if inner is not None:
        return [part for each in inner for part in input_parts(each, f"{where}.source")]
    source = sources.source_of(block, where)
    if source.get("type") == "url":
        return [{"type": "input_file", "file_url": str(source.get("url") or "")}]
    if source.get("type") != "base64":
        raise sources.refused_source(source, where)
    file = {
        "type": "input_file",
        "filename": sources.file_name(block),
        "file_data": sources.data_url(source),
    }
    return [file]
