"""Turn a Messages conversation into Chat Completions messages.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.translation.common.carried import Carried
from providers.translation.common.results import Results
from providers.translation.common.tool_names import ToolNames, short_name
from providers.translation.messages import history, sources
from providers.translation.messages import input as read
from providers.translation.messages.input import Turn
from providers.translation.messages.writer import upstream_id

MAX_CALL_ID = 40
"""Length of a tool-call id above which OpenAI refuses it."""

Block = dict[str, Any]

OpenReasoning = Callable[[str, str], Carried | None]
"""(thinking text, seal) → what the upstream takes back, or None."""


@dataclass(slots=True)
class ChatConversation:
    """Collector of Chat messages in order.

    Tool results stand directly behind the calls that they answer, wherever the caller had them.
    """

    names: ToolNames
    open_reasoning: OpenReasoning
    messages: list[Block] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    _results: Results[tuple[str, Block]] = field(default_factory=Results)
    _later: list[Block] = field(default_factory=list)  # files that no assistant or tool message can hold

    def read(self, turns: list[Turn]) -> None:
        """Add a whole conversation."""
        for place, turn in enumerate(turns):
            for where, block in turn.blocks if turn.role == "user" else ():
                if block.get("type") == "tool_result":
                    self._results.add(str(block.get("tool_use_id")), place, (where, block))
        for place, turn in enumerate(turns):
            if turn.role == "assistant":
                self._flush_later()
                self._assistant(place, turn)
            elif turn.role == "system":
                text = read.SEPARATOR.join(str(block.get("text") or "") for _, block in turn.blocks)
                if text := read.without_attribution(text):
                    self.messages.append({"role": "system", "content": text})
            else:
                self._user(turn)
        self._flush_later()

    def _assistant(self, place: int, turn: Turn) -> None:
        texts: list[str] = []
        calls: list[Block] = []
        carried = Carried()
        for where, block in turn.blocks:
            kind = block.get("type")
            if kind == "text":
                texts.append(str(block.get("text") or ""))
            elif kind == "tool_use":
                calls.append(block)
            elif kind in ("thinking", "redacted_thinking"):
                self._reasoning(block, carried)
            elif kind == "image":
                texts.append("[the image follows in the next user message]")
                self._later.extend(user_parts(block, where))
            else:
                texts.append(history.said_text(block))
        text = "".join(texts)
        if not text and not calls:
            return
        message: Block = {"role": "assistant", "content": text or None}
        if calls:
            message |= carried.reasoning()
            message["tool_calls"] = [self._call(block, carried) for block in calls]
        self.messages.append(message)
        for tool_use_id, found in self._results.take_all([str(block.get("id")) for block in calls], place):
            self._result(tool_use_id, found)

    def _reasoning(self, block: Block, carried: Carried) -> None:
        seal = str(block.get("signature") or block.get("data") or "")
        found = self.open_reasoning(str(block.get("thinking") or ""), seal)
        if found is not None:
            carried.add(found)

    def _call(self, block: Block, carried: Carried) -> Block:
        raw_id = upstream_id(str(block.get("id")))
        arguments = orjson.dumps(block.get("input") or {}).decode()
        name = self.names.shorten(str(block.get("name") or ""))
        self.call_ids.add(raw_id)
        function = {"name": name, "arguments": arguments}
        extra = carried.extras.get(raw_id, {})
        return {"id": short_id(raw_id, MAX_CALL_ID), "type": "function", "function": function, **extra}

    def _user(self, turn: Turn) -> None:
        parts, self._later = self._later, []
        for where, block in turn.blocks:
            if block.get("type") != "tool_result":  # one without its call: nothing could read it
                parts.extend(user_parts(block, where))
        if parts:
            self.messages.append({"role": "user", "content": joined(parts)})

    def _flush_later(self) -> None:
        if self._later:
            self.messages.append({"role": "user", "content": self._later})
            self._later = []

    def _result(self, tool_use_id: str, found: tuple[str, Block] | None) -> None:
        """Put the text into a `tool` message, which holds nothing else; images follow as user's.

        A call that was never answered is answered here: every OpenAI server refuses it otherwise.
        """
        call_id = short_id(upstream_id(tool_use_id), MAX_CALL_ID)
        content = read.NO_RESULT
        if found is not None:
            where, block = found
            parts: list[Block] = []
            for number, inner in enumerate(read.blocks(block.get("content"), f"{where}.content")):
                parts.extend(user_parts(inner, f"{where}.content.{number}"))
            texts = [part["text"] for part in parts if part["type"] == "text"]
            files = [part for part in parts if part["type"] != "text"]
            if files:
                texts.append("[the files of this result follow in the next user message]")
                self._later.append({"type": "text", "text": f"[files of the result of call {call_id}]"})
                self._later.extend(files)
            content = history.result_error_text(read.SEPARATOR.join(texts), block)
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": content})


def short_id(call_id: str, limit: int) -> str:
    """Return the id itself, or a shorter one that is the same wherever it stands in the conversation."""
    return call_id if len(call_id) <= limit else short_name(call_id, limit)


def joined(parts: list[Block]) -> str | list[Block]:
    """Return texts alone as one string, which every server takes; with images as parts."""
    if all(part["type"] == "text" for part in parts):
        return read.SEPARATOR.join(part["text"] for part in parts)
    return parts


def user_parts(block: Block, where: str) -> list[Block]:
    """Return one block of a user message or tool result as Chat parts."""
    kind = block.get("type")
    if kind == "image":
        return [{"type": "image_url", "image_url": {"url": sources.image_url(block, where)}}]
    if kind == "document":
        return _document_parts(block, where)
    text = sources.plain_text(block, where)
    return [{"type": "text", "text": text}] if text else []


def _document_parts(block: Block, where: str) -> list[Block]:
    inner = sources.plain_document(block, where)
    if inner is not None:
        return [part for each in inner for part in user_parts(each, f"{where}.source")]
    source = sources.source_of(block, where)
    if source.get("type") != "base64":
        raise sources.refused_source(source, where)
    file = {"filename": sources.file_name(block), "file_data": sources.data_url(source)}
    return [{"type": "file", "file": file}]
