"""A Responses conversation as Chat Completions messages. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers.translation import responses_call as read
from providers.translation.messages_input import NO_RESULT, SEPARATOR
from providers.translation.messages_to_chat import MAX_CALL_ID, OpenReasoning, joined, short_id
from providers.translation.openai_upstream import refuse

Item = dict[str, Any]

_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


@dataclass(slots=True)
class ChatFromItems:
    """Collects Chat messages. Results stand directly behind their calls, wherever the items had them."""

    tools: read.CallerTools
    open_reasoning: OpenReasoning
    messages: list[Item] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    _outputs: dict[str, tuple[str, Item]] = field(default_factory=dict)
    _assistant: Item | None = None  # the turn that is being collected
    _has_answers: bool = False  # results of it have come: what the model says next is another turn

    def read(self, body: Item) -> None:
        items = list(read.input_items(body))
        for where, item in items:
            if read.kind_of(item) in _OUTPUTS:
                self._outputs[str(item.get("call_id"))] = (where, item)
        loop_start = max((n for n, (_, item) in enumerate(items) if item.get("role") == "user"), default=-1)
        for position, (where, item) in enumerate(items):
            self._add(where, item, is_in_loop=position > loop_start)
        self._flush()

    def _add(self, where: str, item: Item, *, is_in_loop: bool) -> None:
        kind = read.kind_of(item)
        if kind == "message":
            self._message(where, item)
        elif kind in _CALLS:
            self._call(item, kind)
        elif kind == "reasoning":
            self._reasoning(item, is_in_loop)
        elif kind == "item_reference":
            raise refuse(f"{where}: nothing is stored under this id here", where)
        elif kind in _OUTPUTS:
            self._has_answers = self._assistant is not None
        elif kind not in read.RECORDS:
            raise refuse(f"{where}: an item of type {kind!r} can't be sent to this upstream", where)

    def _message(self, where: str, item: Item) -> None:
        role = item.get("role")
        parts = [
            part
            for number, piece in enumerate(read.parts_of(item.get("content"), f"{where}.content"))
            for part in chat_parts(piece, f"{where}.content.{number}")
        ]
        if role == "assistant":
            turn = self._turn(has_text=True)
            turn["content"] = (turn["content"] or "") + "".join(part.get("text", "") for part in parts)
            return
        if role not in ("user", "system", "developer"):
            raise refuse(f"{where}.role: must be user, assistant, system or developer", f"{where}.role")
        self._flush()
        if parts:
            self.messages.append({"role": "user" if role == "user" else "system", "content": joined(parts)})

    def _turn(self, *, has_text: bool = False) -> Item:
        """The assistant turn being collected. Text after calls, and anything after results, begins a new one."""
        if (
            self._assistant is not None
            and self._assistant.get("tool_calls")
            and (has_text or self._has_answers)
        ):
            self._flush()
        if self._assistant is None:
            self._assistant = {"role": "assistant", "content": None}
        return self._assistant

    def _call(self, item: Item, kind: str) -> None:
        is_custom = kind == "custom_tool_call"
        raw_id = str(item.get("call_id") or item.get("id") or "")
        turn = self._turn()
        if raw_id in self._answered_in(turn):
            self._flush()
            turn = self._turn()
        self.call_ids.add(raw_id)
        name = self.tools.upstream_name(
            str(item.get("name") or ""), item.get("namespace"), is_custom=is_custom
        )
        arguments = read.custom_arguments(item.get("input")) if is_custom else item.get("arguments")
        function = {"name": name, "arguments": arguments or "{}"}
        turn.setdefault("tool_calls", []).append({"id": raw_id, "type": "function", "function": function})

    def _answered_in(self, turn: Item) -> set[str]:
        return {call["id"] for call in turn.get("tool_calls", ())}

    def _reasoning(self, item: Item, is_in_loop: bool) -> None:
        if not is_in_loop:
            return
        summary = read.values_of(item.get("summary"))
        texts = [piece.get("text") for piece in summary if isinstance(piece, dict)]
        text = "".join(str(each) for each in texts if each)
        opened = self.open_reasoning(text, str(item.get("encrypted_content") or ""))
        if opened is not None:
            field_name, whole = opened
            if self._assistant is not None and self._assistant.get("tool_calls"):
                self._flush()
            turn = self._turn()
            turn[field_name] = turn.get(field_name, "") + whole

    def _flush(self) -> None:
        """The collected turn, and the result of each of its calls in their order."""
        turn, self._assistant, self._has_answers = self._assistant, None, False
        if turn is None or not (turn["content"] or turn.get("tool_calls")):
            return
        self.messages.append(turn)
        later: list[Item] = []
        for call in turn.get("tool_calls", ()):
            where, output = self._outputs.pop(call["id"], ("", {"output": NO_RESULT}))
            call["id"] = short_id(call["id"], MAX_CALL_ID)
            self._result(call["id"], where, output, later)
        if later:
            self.messages.append({"role": "user", "content": later})

    def _result(self, call_id: str, where: str, output: Item, later: list[Item]) -> None:
        """The text goes into a `tool` message, which holds nothing else; images follow as user's."""
        parts = [
            part
            for number, piece in enumerate(read.parts_of(output.get("output"), f"{where}.output"))
            for part in chat_parts(piece, f"{where}.output.{number}")
        ]
        texts = [part["text"] for part in parts if part["type"] == "text"]
        files = [part for part in parts if part["type"] != "text"]
        if files:
            texts.append("[the files of this result follow in the next user message]")
            later.append({"type": "text", "text": f"[files of the result of call {call_id}]"})
            later.extend(files)
        content = SEPARATOR.join(texts)
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": content})


def chat_parts(part: Item, where: str) -> list[Item]:
    """One part of a message or of a tool's output as Chat parts."""
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text", "summary_text"):
        text = part.get("text")
        return [{"type": "text", "text": text}] if isinstance(text, str) and text else []
    if kind == "refusal":
        return [{"type": "text", "text": str(part.get("refusal") or "")}]
    if kind == "input_image":
        return [_image(part, where)]
    if kind == "input_file":
        return [_file(part, where)]
    raise refuse(f"{where}: a part of type {kind!r} can't be sent to this upstream", where)


def _image(part: Item, where: str) -> Item:
    url = part.get("image_url")
    if not isinstance(url, str) or not url:
        raise refuse(f"{where}.image_url: is required; stored files can't be sent", f"{where}.image_url")
    image: Item = {"url": url}
    if isinstance(part.get("detail"), str):
        image["detail"] = part["detail"]
    return {"type": "image_url", "image_url": image}


def _file(part: Item, where: str) -> Item:
    data = part.get("file_data")
    if not isinstance(data, str) or not data:
        raise refuse(f"{where}.file_data: is required; no other source can be sent", f"{where}.file_data")
    return {"type": "file", "file": {"filename": part.get("filename") or "file.pdf", "file_data": data}}
