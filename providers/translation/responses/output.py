"""Write the output of a Responses answer as it grows: items, their events, the response object.

Pure. Items open in order of `output_index`; every one is added once and done once. All methods that write
give the bytes of whole events.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialects.openai_response import Resource
from providers.dialects.openai_responses import event_bytes

Object = dict[str, Any]


class ResponseOutput:
    """One response: its object, the numbering of its events, and its items."""

    def __init__(self, resource: Resource) -> None:
        self.items: list[Object] = []  # by output index, complete once done
        self._resource = resource
        self._sequence_number = 0
        self._done: set[int] = set()

    def event(self, name: str, /, **fields: Any) -> bytes:
        data = {"type": name, "sequence_number": self._sequence_number, **fields}
        self._sequence_number += 1
        return event_bytes(name, data)

    def delta(self, prefix: bytes, text: str, suffix: bytes) -> bytes:
        """Return a delta event whose fixed parts were written once, by `delta_form`: this is the hot path."""
        number = self._sequence_number
        self._sequence_number = number + 1
        return b"%b%d%b%b%b" % (prefix, number, b',"delta":', orjson.dumps(text), suffix)

    def add(self, item: Object) -> tuple[int, bytes]:
        """Add an item and return `(output_index, event)`.

        The item itself is filled in until it is done.
        """
        index = len(self.items)
        self.items.append(item)
        return index, self.event("response.output_item.added", output_index=index, item=item)

    @property
    def done_items(self) -> list[Object]:
        return [item for index, item in enumerate(self.items) if index in self._done]

    def done(self, index: int) -> bytes:
        self._done.add(index)
        return self.event("response.output_item.done", output_index=index, item=self.items[index])

    def response(self, status: str, **fields: Any) -> Object:
        """Return the response object in one of its states."""
        return self._resource.object(status, self.items, **fields)


def delta_form(name: str, /, **fields: Any) -> bytes:
    """Return the beginning of every delta event of one part, up to its sequence number."""
    data = orjson.dumps({"type": name, **fields})
    return b'event: %b\ndata: %b,"sequence_number":' % (name.encode(), data[:-1])


class TextPart:
    """One `output_text` or `refusal` part of a message item."""

    def __init__(self, out: ResponseOutput, item_id: str, place: tuple[int, int]) -> None:
        self._out = out
        self._where: Object = {"item_id": item_id, "output_index": place[0], "content_index": place[1]}
        self._form = delta_form("response.output_text.delta", **self._where)
        self._fragments: list[str] = []

    def open(self) -> bytes:
        return self._out.event("response.content_part.added", **self._where, part=_text_part(""))

    def delta(self, text: str) -> bytes:
        self._fragments.append(text)
        return self._out.delta(self._form, text, b',"logprobs":[]}\n\n')

    def close(self) -> tuple[Object, bytes]:
        """End the part and return `(part, events)`."""
        text = "".join(self._fragments)
        part = _text_part(text)
        done = self._out.event("response.output_text.done", **self._where, text=text, logprobs=[])
        return part, done + self._out.event("response.content_part.done", **self._where, part=part)


def _text_part(text: str) -> Object:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


class MessageItem:
    """A message item: one part per text block.

    It stays open while texts follow each other.
    """

    def __init__(self, out: ResponseOutput, item_id: str) -> None:
        self._out = out
        self._id = item_id
        self._item: Object = {
            "id": item_id,
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        self._index = 0
        self._part: TextPart | None = None  # the open one
        self._parts: list[Object] = []  # the closed ones

    def start(self) -> bytes:
        self._index, added = self._out.add(self._item)
        return added

    def text(self, text: str) -> bytes:
        if self._part is not None:
            return self._part.delta(text)
        self._part = TextPart(self._out, self._id, (self._index, len(self._parts)))
        return self._part.open() + self._part.delta(text)

    def close_part(self) -> bytes:
        if self._part is None:
            return b""
        part, events = self._part.close()
        self._part = None
        self._parts.append(part)
        return events

    def refusal(self, text: str) -> bytes:
        where: Object = {"item_id": self._id, "output_index": self._index, "content_index": len(self._parts)}
        part = {"type": "refusal", "refusal": text}
        self._parts.append(part)
        event = self._out.event
        return (
            event("response.content_part.added", **where, part={"type": "refusal", "refusal": ""})
            + event("response.refusal.delta", **where, delta=text)
            + event("response.refusal.done", **where, refusal=text)
            + event("response.content_part.done", **where, part=part)
        )

    def close(self, status: str) -> bytes:
        events = self.close_part()
        self._item |= {"status": status, "content": self._parts}
        return events + self._out.done(self._index)


class ReasoningItem:
    """A reasoning item: the thinking's text as the summary, the block itself sealed."""

    def __init__(self, out: ResponseOutput, item_id: str) -> None:
        self._out = out
        self._item: Object = {"id": item_id, "type": "reasoning", "summary": []}
        self._index = 0
        self._form = b""
        self._fragments: list[str] = []

    def start(self) -> bytes:
        self._index, added = self._out.add(self._item)
        return added

    def text(self, text: str) -> bytes:
        events = b"" if self._fragments else self._begin()
        self._fragments.append(text)
        return events + self._out.delta(self._form, text, b"}\n\n")

    @property
    def whole_text(self) -> str:
        return "".join(self._fragments)

    def close(self, sealed: str | None) -> bytes:
        events = b""
        if self._fragments:
            part = {"type": "summary_text", "text": self.whole_text}
            events += self._out.event(
                "response.reasoning_summary_text.done", **self._where(), text=self.whole_text
            )
            events += self._out.event("response.reasoning_summary_part.done", **self._where(), part=part)
            self._item["summary"] = [part]
        if sealed is not None:
            self._item["encrypted_content"] = sealed
        return events + self._out.done(self._index)

    def _begin(self) -> bytes:
        self._form = delta_form("response.reasoning_summary_text.delta", **self._where())
        return self._out.event(
            "response.reasoning_summary_part.added",
            **self._where(),
            part={"type": "summary_text", "text": ""},
        )

    def _where(self) -> Object:
        return {"item_id": self._item["id"], "output_index": self._index, "summary_index": 0}


class CallItem:
    """A function call, whose arguments grow, or a custom tool's, whose input is known only at its end."""

    def __init__(self, out: ResponseOutput, item: Object, whole_input: str) -> None:
        self._out = out
        self._item = item
        self._index = 0
        self.is_custom = item["type"] == "custom_tool_call"
        self._form = b""
        self._fragments: list[str] = []
        self._whole_input = whole_input  # given at the start; used when no fragments come

    def start(self) -> bytes:
        self._index, added = self._out.add(self._item)
        if not self.is_custom:
            self._form = delta_form("response.function_call_arguments.delta", **self._where())
        return added

    def arguments(self, fragment: str) -> bytes:
        self._fragments.append(fragment)
        return b"" if self.is_custom else self._out.delta(self._form, fragment, b"}\n\n")

    @property
    def whole(self) -> str:
        return "".join(self._fragments) or self._whole_input

    def close(self, text: str, status: str) -> bytes:
        """End the item.

        `text`: the arguments, or a custom tool's input.
        """
        event, where = self._out.event, self._where()
        if self.is_custom:
            self._item["input"] = text
            return (
                event("response.custom_tool_call_input.delta", **where, delta=text)
                + event("response.custom_tool_call_input.done", **where, input=text)
                + self._out.done(self._index)
            )
        events = b"" if self._fragments else self._out.delta(self._form, text, b"}\n\n")
        self._item |= {"arguments": text, "status": status}
        done = event(
            "response.function_call_arguments.done", **where, name=self._item["name"], arguments=text
        )
        return events + done + self._out.done(self._index)

    def _where(self) -> Object:
        return {"item_id": self._item["id"], "output_index": self._index}
