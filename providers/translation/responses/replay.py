"""Tell a stored response again as a stream of events, and read what of a stream is asked for.

Pure. Of a response that ran in the background the events were kept as they came; those of any other are made anew
from the whole, in the same order, each text in one piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.openai_responses import TERMINAL
from providers.dialects.types import Failure, FailureKind, Refused
from providers.translation.responses.listing import parameters

Object = dict[str, Any]

RUNNING = frozenset(("queued", "in_progress"))
FROM_START = -1
"""Stands for `starting_after` where nobody has named it: events are counted from 0."""
MOST_NUMBER_DIGITS = 12

_ENDS = {"completed": "response.completed", "failed": "response.failed"}
_CALLS = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
    "mcp_call": ("arguments", "response.mcp_call_arguments"),
}
_SUMMARY, _REASONING, _REFUSAL = (
    "response.reasoning_summary_text", "response.reasoning_text", "response.refusal",
)  # fmt: skip


class Numbered(msgspec.Struct):
    """Type and number of an event that was kept."""

    type: str = ""
    sequence_number: int | None = None

    @property
    def is_last(self) -> bool:
        return self.type in TERMINAL


_decoder = msgspec.json.Decoder(Numbered)


def numbered(data: bytes) -> Numbered:
    """Return type and number of an event; what can't be read has neither."""
    try:
        return tolerant(_decoder.decode, data)
    except UNREADABLE:
        return Numbered()


def asked_for(query: bytes) -> int | None:
    """Return after which number a query asks for the events of a response; None: it asks for the response.

    Raises `Refused` naming the parameter.
    """
    asked = parameters(query)
    wish = asked.get("stream", "false").lower()
    if wish not in ("true", "false"):
        raise _refused("stream: must be true or false", "stream")
    after = asked.get("starting_after")
    if wish == "false":
        if after is not None:
            raise _refused("starting_after: goes with stream=true", "starting_after")
        return None
    if after is None:
        return FROM_START
    if not after.isascii() or not after.isdigit() or len(after) > MOST_NUMBER_DIGITS:
        raise _refused("starting_after: must be the sequence_number of an event", "starting_after")
    return int(after)


def end_of(response: Object) -> str:
    """Return the name of the event that ends a response."""
    return _ENDS.get(str(response.get("status")), "response.incomplete")


def written(name: str, data: bytes) -> bytes:
    """Return an event as it stands in a stream."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def rest(response: Object, told: int) -> list[bytes]:
    """Return what is left of the events of a response that has ended: its end, or all where none has been told."""
    if not told:
        return events_of(response)
    return [orjson.dumps({"type": end_of(response), "sequence_number": told, "response": response})]


def events_of(response: Object) -> list[bytes]:
    """Return the events that tell a whole response, as JSON."""
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "completed_at": None}
    begun |= {"error": None, "incomplete_details": None}
    told: list[tuple[str, Object]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
    ]
    for index, item in enumerate(_objects(response.get("output"))):
        told += _item(index, item)
    told.append((end_of(response), {"response": response}))
    return [
        orjson.dumps({"type": name, "sequence_number": number, **fields})
        for number, (name, fields) in enumerate(told)
    ]


def _item(index: int, item: Object) -> Iterator[tuple[str, Object]]:
    kind, where = item.get("type"), {"item_id": item.get("id"), "output_index": index}
    begun = {**item, "status": "in_progress"} if "status" in item else dict(item)
    inner: list[tuple[str, Object]] = []
    if kind == "message":
        begun["content"] = []
        inner = [
            event for at, part in enumerate(_objects(item.get("content"))) for event in _part(where, at, part)
        ]
    elif kind == "reasoning":
        begun["summary"] = []
        inner = [
            event
            for at, part in enumerate(_objects(item.get("summary")))
            for event in _summary(where, at, part)
        ]
        for at, part in enumerate(_objects(item.get("content"))):
            inner += _text(_REASONING, {**where, "content_index": at}, "text", part.get("text"), {})
    elif kind in _CALLS:
        member, name = _CALLS[kind]
        begun[member] = ""
        inner = _text(name, where, member, item.get(member), {})
    yield "response.output_item.added", {"output_index": index, "item": begun}
    yield from inner
    yield "response.output_item.done", {"output_index": index, "item": item}


def _part(where: Object, at: int, part: Object) -> Iterator[tuple[str, Object]]:
    place, is_refusal = {**where, "content_index": at}, part.get("type") == "refusal"
    member = "refusal" if is_refusal else "text"
    empty = {**part, member: ""}
    if "annotations" in part:
        empty["annotations"] = []
    yield "response.content_part.added", {**place, "part": empty}
    if is_refusal:
        yield from _text(_REFUSAL, place, member, part.get(member), {})
    else:
        yield from _text("response.output_text", place, member, part.get(member), {"logprobs": []})
    for number, annotation in enumerate(_objects(part.get("annotations"))):
        added = {**place, "annotation_index": number, "annotation": annotation}
        yield "response.output_text.annotation.added", added
    yield "response.content_part.done", {**place, "part": part}


def _summary(where: Object, at: int, part: Object) -> Iterator[tuple[str, Object]]:
    place = {**where, "summary_index": at}
    yield "response.reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}
    yield from _text(_SUMMARY, place, "text", part.get("text"), {})
    yield "response.reasoning_summary_part.done", {**place, "part": part}


def _text(name: str, place: Object, member: str, text: Any, more: Object) -> list[tuple[str, Object]]:
    """Return one text's delta and its end."""
    whole = text if isinstance(text, str) else ""
    return [
        (f"{name}.delta", {**place, "delta": whole, **more}),
        (f"{name}.done", {**place, member: whole, **more}),
    ]


def _objects(listed: Any) -> list[Object]:
    return [one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict)]


def _refused(message: str, param: str) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=param))
