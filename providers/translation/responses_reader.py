"""Reads an upstream's Responses answer, streamed or whole, into parts. Pure.

Deltas and closing events tell the same thing twice; servers differ in which they send. So every closing
event is compared with what was heard, and only what is missing is added.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from providers.dialects.openai_errors import failure_from_object
from providers.dialects.openai_fields import text_or_none
from providers.dialects.openai_responses import (
    TERMINAL,
    Event,
    decode_event,
    failure_of,
)
from providers.dialects.types import Failure, Usage
from providers.translation.parts import (
    CallIds,
    Outcome,
    Part,
    PartKind,
    ReaderContext,
    Sequencer,
    nonsense,
)
from providers.translation.responses_ending import Ending

Item = dict[str, Any]
Key = tuple[object, object]

_CALLS = {
    "function_call": (PartKind.TOOL, "arguments"),
    "custom_tool_call": (PartKind.CUSTOM, "input"),
}
SUMMARY_SEPARATOR = "\n\n"


class ResponsesReader:
    def __init__(self, sequencer: Sequencer, context: ReaderContext) -> None:
        self.failure: Failure | None = None
        self.is_complete = False
        self._sequencer = sequencer
        self._context = context
        self._call_ids = CallIds(context)
        self._parts: dict[Key, Part] = {}
        self._last_summary: dict[object, object] = {}
        self._done_items: set[object] = set()
        self._unplaced: set[object] = set()
        self._ending = Ending()
        self._written = 0
        self._has_calls = False
        self._has_refusal = False
        self._handlers: dict[str, Callable[[Event], None]] = {
            "response.output_text.delta": self._text_delta,
            "response.function_call_arguments.delta": self._call_delta,
            "response.custom_tool_call_input.delta": self._call_delta,
            "response.refusal.delta": self._refusal_delta,
            "response.reasoning_summary_text.delta": self._summary_delta,
            "response.reasoning_text.delta": self._reasoning_delta,
            "response.output_item.added": self._item_added,
            "response.output_item.done": self._item_done,
            "response.output_text.done": self._text_done,
            "response.refusal.done": self._refusal_done,
            "response.function_call_arguments.done": self._call_done,
            "response.custom_tool_call_input.done": self._call_done,
            "response.output_text.annotation.added": self._annotation,
        }

    @property
    def model(self) -> str | None:
        return self._ending.model

    def event(self, data: bytes) -> None:
        """One `data:` of the stream. The `type` inside counts, not the `event:` line."""
        if data.startswith(b"[DONE]"):  # some proxies add it
            return
        try:
            event = decode_event(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.failure = nonsense("The upstream sent something that is no response event")
            return
        handler = self._handlers.get(event.type)
        if handler is not None:
            self._sequencer.begin()
            handler(event)
        elif event.type in TERMINAL:
            self._terminal(event)
        elif isinstance(event.response, dict):
            self._ending.see(event.response)
            self._sequencer.begin()

    def whole(self, body: bytes) -> None:
        """A response that was not streamed."""
        try:
            response = orjson.loads(body)
        except orjson.JSONDecodeError:
            response = None
        if not isinstance(response, dict) or not (response.get("error") or "output" in response):
            self.failure = nonsense("The upstream sent something that is no response")
        elif response.get("error") or response.get("status") == "failed":
            self.failure = failure_from_object(response.get("error"))
        else:
            self._finish(response)

    def can_end(self) -> bool:
        return self._ending.reason is not None

    def outcome(self) -> Outcome:
        return self._ending.outcome(self._estimate, has_calls=self._has_calls, has_refusal=self._has_refusal)

    def _estimate(self) -> Usage:
        return Usage(self._context.estimate(), output_tokens=(self._written + 3) // 4, is_estimated=True)

    # --- the end ----------------------------------------------------------------------------------

    def _terminal(self, event: Event) -> None:
        response = event.response if isinstance(event.response, dict) else {}
        self._ending.see(response)
        self.failure = failure_of(event)
        if self.failure is None:
            self._finish(response)
            self.is_complete = self.failure is None

    def _finish(self, response: Item) -> None:
        output = response.get("output")
        for index, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict) and not self._was_done(index, item):
                self._close_item(index, item)
        if any((place, "call") not in self._parts for place in self._unplaced):
            self.failure = nonsense("The upstream sent arguments for a tool call that never began")
        self._sequencer.close_all()
        self.failure = self._ending.close(response) or self.failure

    def _was_done(self, index: int, item: Item) -> bool:
        item_id = text_or_none(item.get("id"))
        return index in self._done_items or (item_id is not None and item_id in self._done_items)

    # --- items ------------------------------------------------------------------------------------

    def _item_added(self, event: Event) -> None:
        if isinstance(event.item, dict) and _kind(event.item) in _CALLS:
            self._call_part(_place(event), event.item)

    def _item_done(self, event: Event) -> None:
        if isinstance(event.item, dict):
            place = _place(event)
            self._done_items.update((place, text_or_none(event.item.get("id"))))
            self._close_item(place, event.item)

    def _close_item(self, place: object, item: Item) -> None:
        kind = _kind(item)
        if kind in _CALLS:
            part = self._call_part(place, item)
            self._complete(part, item.get(_CALLS[kind][1]))
            self._sequencer.close(part)
        elif kind == "message":
            self._close_message(place, item)
        elif kind == "reasoning":
            self._close_reasoning(place, item)

    def _call_part(self, place: object, item: Item) -> Part:
        part = self._parts.get((place, "call"))
        if part is None:
            kind, _ = _CALLS[_kind(item)]
            raw_id = text_or_none(item.get("call_id")) or text_or_none(item.get("id")) or ""
            name = text_or_none(item.get("name")) or ""
            if not name:
                self.failure = nonsense("The upstream called a tool without naming it")
            part = Part(kind, self._call_ids.unique(raw_id), name)
            self._has_calls = True
            self._add((place, "call"), part)
        return part

    def _close_message(self, place: object, item: Item) -> None:
        content = item.get("content")
        for number, piece in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(piece, dict):
                continue
            if piece.get("type") == "refusal":
                self._prose((place, number), PartKind.REFUSAL, piece.get("refusal"))
            elif piece.get("type") == "output_text":
                part = self._prose((place, number), PartKind.TEXT, piece.get("text"))
                notes = piece.get("annotations")
                if part is not None and isinstance(notes, list) and not part.annotations:
                    part.annotations = notes
        self._close_place(place)

    def _close_place(self, place: object) -> None:
        """Pieces of one message come one after the other."""
        for key, part in self._parts.items():
            if key[0] == place and not part.is_closed:
                self._sequencer.close(part)

    def _close_reasoning(self, place: object, item: Item) -> None:
        part = self._parts.get((place, "reasoning"))
        text = _reasoning_text(item)
        if part is None and not text and not item.get("encrypted_content"):
            return
        sealed = self._context.seal(orjson.dumps(item))
        if part is None:
            part = Part(PartKind.REASONING if text else PartKind.REDACTED, sealed=sealed)
            self._add((place, "reasoning"), part)
        self._complete(part, text)
        part.sealed = sealed
        self._sequencer.close(part)

    # --- pieces -----------------------------------------------------------------------------------

    def _text_delta(self, event: Event) -> None:
        part = self._parts.get((event.output_index, event.content_index))
        if part is not None and isinstance(event.delta, str):
            self._append(part, event.delta)
        else:
            self._prose_delta(event, PartKind.TEXT)

    def _refusal_delta(self, event: Event) -> None:
        self._prose_delta(event, PartKind.REFUSAL)

    def _prose_delta(self, event: Event, kind: PartKind) -> None:
        key = (_place(event), event.content_index or 0)
        part = self._parts.get(key)
        if part is not None and isinstance(event.delta, str):
            self._append(part, event.delta)
        else:
            self._prose(key, kind, event.delta)

    def _text_done(self, event: Event) -> None:
        self._prose((_place(event), event.content_index or 0), PartKind.TEXT, event.text)

    def _refusal_done(self, event: Event) -> None:
        self._prose((_place(event), event.content_index or 0), PartKind.REFUSAL, event.refusal)

    def _prose(self, key: Key, kind: PartKind, whole: object) -> Part | None:
        """The text as far as it is known. No part is opened for an empty one."""
        part = self._parts.get(key)
        if part is None:
            if not whole or not isinstance(whole, str):
                return None
            self._has_refusal = self._has_refusal or kind is PartKind.REFUSAL
            self._close_place(key[0])
            part = Part(kind)
            self._add(key, part)
        self._complete(part, whole)
        return part

    def _call_delta(self, event: Event) -> None:
        part = self._parts.get((_place(event), "call"))
        if part is None:
            self._unplaced.add(_place(event))  # a closing event may still bring the whole call
        elif isinstance(event.delta, str):
            self._append(part, event.delta)

    def _call_done(self, event: Event) -> None:
        part = self._parts.get((_place(event), "call"))
        if part is not None:
            self._complete(part, event.arguments if part.kind is PartKind.TOOL else event.input)

    def _summary_delta(self, event: Event) -> None:
        place = _place(event)
        part = self._reasoning_part(place, event)
        last = self._last_summary.setdefault(place, event.summary_index)
        if part is not None and last != event.summary_index:
            self._last_summary[place] = event.summary_index
            self._append(part, SUMMARY_SEPARATOR)
        if part is not None:
            self._append(part, event.delta)

    def _reasoning_delta(self, event: Event) -> None:
        place = _place(event)
        part = self._reasoning_part(place, event)
        if part is not None and place not in self._last_summary:
            self._append(part, event.delta)

    def _reasoning_part(self, place: object, event: Event) -> Part | None:
        part = self._parts.get((place, "reasoning"))
        if part is None and event.delta:
            part = Part(PartKind.REASONING)
            self._add((place, "reasoning"), part)
        return part

    def _annotation(self, event: Event) -> None:
        part = self._parts.get((_place(event), event.content_index or 0))
        if part is not None and isinstance(event.annotation, dict):
            part.annotations.append(event.annotation)

    def _add(self, key: Key, part: Part) -> None:
        self._parts[key] = part
        self._sequencer.add(part)

    def _append(self, part: Part, text: object) -> None:
        if text and isinstance(text, str) and not part.is_closed:
            self._written += len(text)
            self._sequencer.append(part, text)

    def _complete(self, part: Part, whole: object) -> None:
        """Adds what the closing event tells beyond the deltas."""
        if part.is_closed or not isinstance(whole, str):
            return
        heard = part.text
        if len(whole) > len(heard) and whole.startswith(heard):
            self._append(part, whole[len(heard) :])


def _kind(item: Item) -> str:
    return text_or_none(item.get("type")) or ""


def _place(event: Event) -> object:
    return event.item_id if event.output_index is None else event.output_index


def _reasoning_text(item: Item) -> str:
    """The summary; the raw reasoning where a server gives that instead."""
    for name in ("summary", "content"):
        pieces = item.get(name)
        texts = [
            piece["text"]
            for piece in (pieces if isinstance(pieces, list) else ())
            if isinstance(piece, dict) and isinstance(piece.get("text"), str) and piece["text"]
        ]
        if texts:
            return SUMMARY_SEPARATOR.join(texts)
    return ""
