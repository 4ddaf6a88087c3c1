"""Put together the tool calls of a Chat Completions answer from what servers send of them.

Pure. Tolerates calls without index or id, with the name in every fragment, several calls under one index (with ids,
without, the later ones without a name, or their arguments in one text), and arguments that are no object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from providers.dialects.openai_chat import Custom, Function, ToolCall
from providers.dialects.openai_fields import text_or_none
from providers.translation.common.arguments import first_object, is_whole_object, plain_arguments
from providers.translation.common.parts import CallIds, Part, PartKind, ReaderContext

Extra = dict[str, Any]
Append = Callable[[Part, str], None]
Begin = Callable[[Part, Extra], None]


class CallReader:
    """Finds the calls of one answer, and hands each on when its name is known."""

    def __init__(self, context: ReaderContext, begin: Begin, append: Append) -> None:
        self.found: list[Part] = []
        self.written = 0  # characters
        self.has_odd_end = False  # arguments came for a call that had ended
        self.late: dict[str, Extra] = {}  # what came for calls that had begun, by their ids
        self._begin = begin
        self._append = append
        self._by_index: dict[int, Part] = {}
        self._last_index = -1
        self._raw_ids: dict[int, str] = {}
        self._held: dict[int, str] = {}  # by `id(part)`: arguments that do not begin as an object
        self._call_ids = CallIds(context)

    def add(self, call: ToolCall) -> None:
        """Read one entry of `tool_calls`, whole or a fragment."""
        function = call.function or _as_function(call.custom)
        name = text_or_none(function.name) or ""
        raw_id = text_or_none(call.id) or ""
        arguments = _arguments(function.arguments)
        index = self._index(call, raw_id)
        part = self._by_index.get(index)
        if part is None or self._is_another(part, index, (name, raw_id, arguments)):
            name = name or ("" if part is None else part.name)
            part = self._new(index, raw_id)
        self._raw_ids[index] = self._raw_ids[index] or raw_id
        extra = _extra_of(call)
        if name and not part.name:
            part.name = name
            part.id = self._call_ids.unique(self._raw_ids[index])
            self._begin(part, extra)
        elif extra:
            self.late[part.id] = {**self.late.get(part.id, {}), **extra}
        self._more(part, arguments, index)

    def text(self, part: Part) -> str:
        """Return the arguments so far, as an object where they mean one."""
        held = self._held.get(id(part))
        return part.text if held is None else plain_arguments(held)

    def settle(self, part: Part) -> None:
        """Write arguments that were held, before their call ends."""
        held = self._held.pop(id(part), None)
        if held is not None:
            self._append(part, plain_arguments(held))

    def _new(self, index: int, raw_id: str) -> Part:
        part = Part(PartKind.TOOL)
        self._by_index[index], self._raw_ids[index], self._last_index = part, raw_id, index
        self.found.append(part)
        return part

    def _more(self, part: Part, arguments: str, index: int) -> None:
        if part.is_closed:
            self.has_odd_end = self.has_odd_end or bool(arguments.strip())
            return
        if not arguments:
            return
        self.written += len(arguments)
        end = first_object(part.text, arguments)
        if end is None:
            self._hold_or_append(part, arguments)
            return
        self._hold_or_append(part, arguments[:end])
        rest = ToolCall(index=index, function=Function(part.name, arguments[end:]))
        self.written -= len(arguments) - end
        self.add(rest)

    def _hold_or_append(self, part: Part, arguments: str) -> None:
        if part.fragments:
            self._append(part, arguments)
            return
        text = self._held.pop(id(part), "") + arguments
        if text.lstrip().startswith("{"):
            self._append(part, text)
        else:
            self._held[id(part)] = text

    def _is_another(self, part: Part, index: int, told: tuple[str, str, str]) -> bool:
        """Tell whether this is not the call that is known under the index."""
        name, raw_id, arguments = told
        is_other_id = bool(raw_id) and self._raw_ids[index] not in ("", raw_id)
        is_other_name = bool(name) and bool(part.name) and name != part.name
        if is_other_id and name:
            return True
        text = self.text(part)
        if not text:
            return is_other_name
        is_next = arguments.lstrip().startswith("{") or is_other_name or is_other_id
        return is_next and is_whole_object(text)

    def _index(self, call: ToolCall, raw_id: str) -> int:
        if call.index is not None:
            return call.index
        for index, known in self._raw_ids.items():
            if raw_id and known == raw_id:
                return index
        is_new = bool(raw_id) or bool(call.function and call.function.name) or self._last_index < 0
        return len(self._by_index) if is_new else self._last_index


def _as_function(custom: Custom | None) -> Function:
    return Function() if custom is None else Function(custom.name, custom.input)


def _arguments(value: object) -> str:
    """Return arguments as a string; some servers send the object itself."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _extra_of(call: ToolCall) -> Extra:
    told = (
        ("extra_content", call.extra_content),
        ("provider_specific_fields", call.provider_specific_fields),
        ("thought_signature", call.thought_signature),
    )
    return {name: value for name, value in told if value}
