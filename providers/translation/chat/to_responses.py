"""Turn a Chat Completions conversation into Responses input items.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.translation.common import values
from providers.translation.common.arguments import plain_arguments
from providers.translation.common.openai_upstream import refuse
from providers.translation.common.results import Results
from providers.translation.common.tool_names import ToolNames
from providers.translation.messages.input import NO_RESULT, SEPARATOR
from providers.translation.messages.to_chat import short_id
from providers.translation.messages.to_responses import MAX_CALL_ID

Item = dict[str, Any]


@dataclass(slots=True)
class ItemsFromChat:
    """Collector of input items in the caller's order."""

    names: ToolNames
    items: list[Item] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    _results: Results[tuple[str, Item]] = field(default_factory=Results)
    _calls: dict[str, str] = field(default_factory=dict)  # of this turn: raw id → kind of its item
    _began: int = 0  # place of the turn
    _legacy_count: int = 0

    def read(self, body: Item) -> None:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise refuse("messages: at least one message is required", "messages")
        for position, message in enumerate(messages):
            where = f"messages.{position}"
            if not isinstance(message, dict):
                raise refuse(f"{where}: must be an object", where)
            if message.get("role") in ("tool", "function"):
                self._results.add(self._result_id(message), position, (where, message))
            elif isinstance(message.get("function_call"), dict):
                self._legacy_count += 1
        self._legacy_count = 0
        for position, message in enumerate(messages):
            self._add(position, f"messages.{position}", message)
        self._settle()

    def _result_id(self, message: Item) -> str:
        if message["role"] == "function":
            return f"call_legacy_{self._legacy_count}"
        return str(message.get("tool_call_id"))

    def _add(self, position: int, where: str, message: Item) -> None:
        role = message.get("role")
        if role in ("tool", "function"):
            return  # it stands behind its call
        if role == "assistant":
            if _has_said(message):
                self._settle()
            if not self._calls:
                self._began = position
            self._assistant(where, message)
        elif role in ("user", "system", "developer"):
            self._settle()
            parts = self._parts(where, message)
            if parts:
                self.items.append({"role": role, "content": parts})
        else:
            raise refuse(f"{where}.role: {role!r} is not known", f"{where}.role")

    def _settle(self) -> None:
        """Put the results behind the calls of a turn, also for those that were never answered: the API refuses them."""
        calls, self._calls = self._calls, {}
        for raw_id, found in self._results.take_all(list(calls), self._began):
            output = NO_RESULT
            if found is not None:
                output = SEPARATOR.join(part.get("text", "") for part in self._parts(*found))
            call_id = short_id(raw_id, MAX_CALL_ID)
            self.items.append({"type": f"{calls[raw_id]}_output", "call_id": call_id, "output": output})

    def _parts(self, where: str, message: Item) -> list[Item]:
        content = message.get("content")
        if isinstance(content, str):
            return [{"type": "input_text", "text": content}] if content else []
        if content is not None and not isinstance(content, list):
            raise refuse(f"{where}.content: must be a string or a list of parts", f"{where}.content")
        return [
            part
            for number, piece in enumerate(content or ())
            for part in input_parts(piece, f"{where}.content.{number}")
        ]

    def _assistant(self, where: str, message: Item) -> None:
        content = [
            {"type": "output_text", "text": part["text"]} if part["type"] == "input_text" else part
            for part in self._parts(where, message)
        ]
        if isinstance(message.get("refusal"), str) and message["refusal"]:
            content.append({"type": "refusal", "refusal": message["refusal"]})
        if content:
            self.items.append({"role": "assistant", "content": content})
        for number, call in enumerate(values.objects(message, "tool_calls", f"{where}.")):
            self._call(f"{where}.tool_calls.{number}", call)
        if isinstance(message.get("function_call"), dict):
            self._legacy_count += 1
            legacy = {"id": f"call_legacy_{self._legacy_count}", "function": message["function_call"]}
            self._call(f"{where}.function_call", legacy)

    def _call(self, where: str, call: object) -> None:
        if not isinstance(call, dict):
            raise refuse(f"{where}: must be an object", where)
        raw_id = str(call.get("id") or "")
        call_id = short_id(raw_id, MAX_CALL_ID)
        self.call_ids.add(raw_id)
        is_custom = call.get("type") == "custom"
        called = call.get("custom" if is_custom else "function")
        if not isinstance(called, dict):
            raise refuse(f"{where}: names no function", where)
        name = self.names.shorten(str(called.get("name") or ""))
        if is_custom:
            kind, rest = "custom_tool_call", {"input": called.get("input") or ""}
        else:
            kind, rest = "function_call", {"arguments": _arguments(called.get("arguments"))}
        self.items.append({"type": kind, "call_id": call_id, "name": name, **rest})
        self._calls[raw_id] = kind


def _arguments(value: object) -> str:
    """Return arguments as text; some clients keep the object itself."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return plain_arguments(text)


def _has_said(message: Item) -> bool:
    """Return whether it says more than calls: those of messages in a row are one turn's."""
    return bool(message.get("content") or message.get("refusal"))


def input_parts(part: object, where: str) -> list[Item]:
    """Return one part of a Chat message as an input part."""
    if isinstance(part, str):
        return [{"type": "input_text", "text": part}] if part else []
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict):
        raise refuse(f"{where}: must be a part", where)
    if kind == "text":
        text = part.get("text")
        return [{"type": "input_text", "text": text}] if isinstance(text, str) and text else []
    if kind == "refusal":
        return [{"type": "refusal", "refusal": str(part.get("refusal") or "")}]
    if kind == "image_url":
        return [_image(part, where)]
    if kind == "file":
        file = part.get("file")
        kept = ("filename", "file_data", "file_id")
        named = {name: file[name] for name in kept if file.get(name)} if isinstance(file, dict) else {}
        return [{"type": "input_file", **named}]
    raise refuse(f"{where}: a part of type {kind!r} can't be sent to this upstream", where)


def _image(part: Item, where: str) -> Item:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str) or not url:
        raise refuse(f"{where}.image_url.url: is required", f"{where}.image_url.url")
    detail = image.get("detail") if isinstance(image, dict) else None
    return {"type": "input_image", "image_url": url, "detail": detail or "auto"}
