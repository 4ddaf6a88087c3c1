"""Turn a Responses conversation into Chat Completions messages.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers.translation.common.arguments import plain_arguments
from providers.translation.common.carried import Carried
from providers.translation.common.openai_upstream import refuse
from providers.translation.common.results import Results
from providers.translation.messages.input import NO_RESULT, SEPARATOR
from providers.translation.messages.to_chat import MAX_CALL_ID, OpenReasoning, joined, short_id
from providers.translation.responses import call as read
from providers.translation.responses.vendor_items import CLIENT_CALLS, CLIENT_OUTPUTS, RECORDS, client_text

Item = dict[str, Any]

_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


@dataclass(slots=True)
class ChatFromItems:
    """Collector of Chat messages.

    Results stand directly behind their calls, wherever the items had them.
    """

    tools: read.CallerTools
    open_reasoning: OpenReasoning
    messages: list[Item] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    _outputs: Results[tuple[str, Item]] = field(default_factory=Results)
    _assistant: Item | None = None  # the turn that is being collected
    _place: int = 0  # of the item that is being read
    _began: int = 0  # place of the turn's first item
    _carried: Carried = field(default_factory=Carried)  # of this turn
    _has_answers: bool = False  # results of it have come: what the model says next is another turn

    def read(self, body: Item) -> None:
        items = list(read.input_items(body))
        for place, (where, item) in enumerate(items):
            if read.kind_of(item) in _OUTPUTS:
                self._outputs.add(str(item.get("call_id")), place, (where, item))
        for self._place, (where, item) in enumerate(items):
            self._add(where, item)
        self._flush()

    def _add(self, where: str, item: Item) -> None:
        kind = read.kind_of(item)
        if kind == "message":
            self._message(where, item)
        elif kind in _CALLS:
            self._call(item, kind)
        elif kind == "reasoning":
            self._reasoning(item)
        elif kind == "item_reference":
            raise refuse(f"{where}: nothing is stored under this id here", where)
        elif kind in _OUTPUTS:
            self._has_answers = self._assistant is not None
        elif kind in CLIENT_CALLS:
            turn = self._turn(has_text=True)
            turn["content"] = (turn["content"] or "") + client_text(item)
        elif kind in CLIENT_OUTPUTS:
            self._flush()
            self.messages.append({"role": "user", "content": client_text(item)})
        elif kind not in RECORDS and kind != "compaction_trigger":
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
        """Return the assistant turn being collected.

        Text after calls, and anything after results, begins a new one.
        """
        if (
            self._assistant is not None
            and self._assistant.get("tool_calls")
            and (has_text or self._has_answers)
        ):
            self._flush()
        if self._assistant is None:
            self._assistant, self._began = {"role": "assistant", "content": None}, self._place
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
        arguments = (
            read.custom_arguments(item.get("input")) if is_custom else str(item.get("arguments") or "")
        )
        function = {"name": name, "arguments": plain_arguments(arguments)}
        turn.setdefault("tool_calls", []).append({"id": raw_id, "type": "function", "function": function})

    def _answered_in(self, turn: Item) -> set[str]:
        return {call["id"] for call in turn.get("tool_calls", ())}

    def _reasoning(self, item: Item) -> None:
        summary = read.values_of(item.get("summary"))
        texts = [piece.get("text") for piece in summary if isinstance(piece, dict)]
        text = "".join(str(each) for each in texts if each)
        found = self.open_reasoning(text, str(item.get("encrypted_content") or ""))
        if found is None:
            return
        if found.is_reasoning and self._assistant is not None and self._assistant.get("tool_calls"):
            self._flush()
        self._turn()
        self._carried.add(found)

    def _flush(self) -> None:
        """Add the collected turn, and the result of each of its calls in their order."""
        turn, self._assistant, self._has_answers = self._assistant, None, False
        carried, self._carried = self._carried, Carried()
        if turn is None or not (turn["content"] or turn.get("tool_calls")):
            return
        calls = turn.get("tool_calls", ())
        self.messages.append({**turn, **carried.reasoning()} if calls else turn)
        later: list[Item] = []
        for call in calls:
            call.update(carried.extras.get(call["id"], {}))
            where, output = self._outputs.take(call["id"], self._began) or ("", {"output": NO_RESULT})
            call["id"] = short_id(call["id"], MAX_CALL_ID)
            self._result(call["id"], where, output, later)
        if later:
            self.messages.append({"role": "user", "content": later})

    def _result(self, call_id: str, where: str, output: Item, later: list[Item]) -> None:
        """Put the text into a `tool` message, which holds nothing else; images follow as user's."""
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
    """Return one part of a message or of a tool's output as Chat parts."""
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
