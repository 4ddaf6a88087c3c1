"""Write an answer in the OpenAI Responses dialect, streamed or whole.

Pure.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from providers.dialects import openai_responses
from providers.dialects.mending import UNREADABLE
from providers.dialects.openai_response import Resource
from providers.dialects.types import Failure, MakeId, Moment, seconds
from providers.translation.common.parts import CALL_KINDS, Outcome, Part, PartKind
from providers.translation.common.tool_names import ToolTable


class ResponseHead(msgspec.Struct, frozen=True):
    """The fields of the response beside the answer, and what its items need."""

    resource: Resource
    ids: MakeId
    tools: ToolTable = msgspec.field(default_factory=ToolTable)
    now: Moment = 0.0  # asked for the time of the end


def ended(head: ResponseHead, output: list[Any], outcome: Outcome) -> dict[str, Any]:
    """Return the response object after its last item."""
    reason = {"length": "max_output_tokens"}.get(outcome.reason, outcome.reason)
    is_complete = reason in ("stop", "tool_calls") or (reason == "content_filter" and outcome.has_refusal)
    usage = openai_responses.usage_object(outcome.usage, outcome.reasoning_tokens)
    if is_complete:
        return head.resource.object("completed", output, usage=usage, completed_at=seconds(head.now))
    return head.resource.object("incomplete", output, usage=usage, incomplete_details={"reason": reason})


def whole_response(head: ResponseHead, parts: list[Part], outcome: Outcome) -> bytes:
    """Return the answer to a call that was not streamed."""
    return orjson.dumps(
        ended(head, [finished_item(head, part, started_item(head, part)) for part in parts], outcome)
    )


def started_item(head: ResponseHead, part: Part) -> dict[str, Any]:
    """Return an item as it stands in `response.output_item.added`."""
    if part.kind in CALL_KINDS:
        return _started_call(head, part)
    if part.kind in (PartKind.REASONING, PartKind.REDACTED):
        return {"id": head.ids("rs_"), "type": "reasoning", "summary": []}
    return {
        "id": head.ids("msg_"),
        "type": "message",
        "status": "in_progress",
        "role": "assistant",
        "content": [],
    }


def _started_call(head: ResponseHead, part: Part) -> dict[str, Any]:
    tool = head.tools.find(part.name)
    is_custom = tool.is_custom or part.kind is PartKind.CUSTOM
    item: dict[str, Any] = {
        "id": head.ids("ctc_" if is_custom else "fc_"),
        "type": "custom_tool_call" if is_custom else "function_call",
        "status": "in_progress",
        "call_id": part.id,
        "name": tool.name,
        "input" if is_custom else "arguments": "",
    }
    if tool.namespace is not None:
        item["namespace"] = tool.namespace
    return item


def finished_item(head: ResponseHead, part: Part, item: dict[str, Any]) -> dict[str, Any]:
    """Return the started item with all that the part holds: the copy that clients go by."""
    if item["type"] == "custom_tool_call":
        return {**item, "status": "completed", "input": custom_input(part)}
    if item["type"] == "function_call":
        return {**item, "status": "completed", "arguments": part.text or "{}"}
    if item["type"] == "reasoning":
        summary = [{"type": "summary_text", "text": part.text}] if part.fragments else []
        sealed = {} if part.sealed is None else {"encrypted_content": part.sealed}
        return {**item, "summary": summary, **sealed}
    return {**item, "status": "completed", "content": [content_part(part, part.text)]}


def content_part(part: Part, text: str) -> dict[str, Any]:
    if part.kind is PartKind.REFUSAL:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": part.annotations, "logprobs": []}


def custom_input(part: Part) -> str:
    """Return the free text behind a custom call that the upstream made as a function call."""
    if part.kind is PartKind.CUSTOM:
        return part.text
    try:
        arguments = orjson.loads(part.text)
    except UNREADABLE:
        return part.text
    text = arguments.get("input") if isinstance(arguments, dict) else None
    return text if isinstance(text, str) else part.text


_DELTAS = {
    PartKind.TEXT: "response.output_text.delta",
    PartKind.REFUSAL: "response.refusal.delta",
    PartKind.REASONING: "response.reasoning_summary_text.delta",
    PartKind.TOOL: "response.function_call_arguments.delta",
}


class ResponsesWriter:
    """A sink that writes Responses events, numbered, items one after the other."""

    def __init__(self, head: ResponseHead) -> None:
        self._head = head
        self._out = bytearray()
        self._number = 0
        self._output: list[dict[str, Any]] = []
        self._item: dict[str, Any] = {}
        self._delta_start = b""
        self._delta_middle = b""
        self._has_begun = False

    def begin(self) -> None:
        self._has_begun = True
        for type_name in ("response.created", "response.in_progress"):
            self._event(type_name, {"response": self._head.resource.object("in_progress", [])})

    def open(self, part: Part) -> None:
        self._item = item = started_item(self._head, part)
        self._event("response.output_item.added", {"output_index": len(self._output), "item": item})
        if item["type"] == "message":
            self._event("response.content_part.added", {**self._place(part), "part": content_part(part, "")})
        elif part.kind is PartKind.REASONING:
            empty = {"type": "summary_text", "text": ""}
            self._event("response.reasoning_summary_part.added", {**self._place(part), "part": empty})
        type_name = _DELTAS.get(part.kind, "").encode()
        self._delta_start = b'event: %b\ndata: {"type":"%b","sequence_number":' % (type_name, type_name)
        place = orjson.dumps(self._place(part))[1:-1]
        extra = b',"logprobs":[]' if part.kind is PartKind.TEXT else b""
        self._delta_middle = b"," + place + extra + b',"delta":'

    def delta(self, part: Part, text: str) -> None:
        if self._item["type"] == "custom_tool_call":
            return  # its free text is known only when its JSON is whole
        number = b"%d" % self._number
        self._number += 1
        self._out += self._delta_start + number + self._delta_middle + orjson.dumps(text) + b"}\n\n"

    def close(self, part: Part) -> None:
        done = finished_item(self._head, part, self._item)
        place = self._place(part)
        if done["type"] == "message":
            self._close_message(part, place, done["content"][0])
        elif part.kind is PartKind.REASONING:
            self._event("response.reasoning_summary_text.done", {**place, "text": part.text})
            self._event("response.reasoning_summary_part.done", {**place, "part": done["summary"][0]})
        elif done["type"] == "function_call":
            if not part.fragments:
                self.delta(part, done["arguments"])
            arguments = {"name": done["name"], "arguments": done["arguments"]}
            self._event("response.function_call_arguments.done", {**place, **arguments})
        elif done["type"] == "custom_tool_call":
            self._event("response.custom_tool_call_input.delta", {**place, "delta": done["input"]})
            self._event("response.custom_tool_call_input.done", {**place, "input": done["input"]})
        self._event("response.output_item.done", {"output_index": len(self._output), "item": done})
        self._output.append(done)

    def end(self, outcome: Outcome) -> None:
        response = ended(self._head, self._output, outcome)
        self._event(f"response.{response['status']}", {"response": response})

    def fail(self, failure: Failure) -> None:
        """Write `response.failed`: the only form that Codex acts on.

        It never comes before `response.created`.
        """
        if not self._has_begun:
            self.begin()
        response = self._head.resource.object("in_progress", self._output)
        self._out += openai_responses.failed_event(failure, response, self._number)
        self._number += 1

    def ping(self) -> bytes:
        return openai_responses.KEEPALIVE

    def take(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def _close_message(self, part: Part, place: dict[str, Any], content: dict[str, Any]) -> None:
        if part.kind is PartKind.REFUSAL:
            self._event("response.refusal.done", {**place, "refusal": part.text})
        else:
            for number, annotation in enumerate(part.annotations):
                noted = {**place, "annotation_index": number, "annotation": annotation}
                self._event("response.output_text.annotation.added", noted)
            self._event("response.output_text.done", {**place, "text": part.text, "logprobs": []})
        self._event("response.content_part.done", {**place, "part": content})

    def _place(self, part: Part) -> dict[str, Any]:
        place: dict[str, Any] = {"item_id": self._item["id"], "output_index": len(self._output)}
        if self._item["type"] == "message":
            place["content_index"] = 0
        elif part.kind is PartKind.REASONING:
            place["summary_index"] = 0
        return place

    def _event(self, type_name: str, fields: dict[str, Any]) -> None:
        payload = {"type": type_name, "sequence_number": self._number, **fields}
        self._number += 1
        self._out += openai_responses.event_bytes(type_name, payload)
