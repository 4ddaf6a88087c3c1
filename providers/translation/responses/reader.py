"""Read an upstream's Responses answer, streamed or whole, into parts.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from providers.dialects.mending import UNREADABLE, pieces, tolerant
from providers.dialects.openai_errors import failure_from_object
from providers.dialects.openai_fields import text_or_none
from providers.dialects.openai_responses import (
    TERMINAL,
    Event,
    decode_event,
    failure_of,
)
from providers.dialects.types import Failure, Usage
from providers.translation.common.parts import (
    CALL_KINDS,
    Outcome,
    PartKind,
    ReaderContext,
    Sequencer,
    nonsense,
)
from providers.translation.common.spoiled import failure_in
from providers.translation.responses.answer_parts import CALLS, SUMMARY_SEPARATOR, AnswerParts, Item, kind_of
from providers.translation.responses.ending import Ending

NO_EVENT = "The upstream sent something that is no response event"


class ResponsesReader:
    def __init__(self, sequencer: Sequencer, context: ReaderContext) -> None:
        self.failure: Failure | None = None
        self.is_complete = False
        self._sequencer = sequencer
        self._context = context
        self._found = AnswerParts(sequencer, context)
        self._by_key = self._found.by_key
        self._append = self._found.append
        self._last_summary: dict[object, object] = {}
        self._done_items: set[object] = set()
        self._unplaced: set[object] = set()
        self._ending = Ending()
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
        """Read one `data:` of the stream.

        The `type` inside counts, not the `event:` line.
        """
        if data.startswith(b"[DONE]"):  # some proxies add it
            return
        try:
            event = decode_event(data)
        except UNREADABLE:
            self._spoiled(data)
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

    def _spoiled(self, data: bytes) -> None:
        """Read what can be read of an event."""
        values, rest = pieces(data)
        for value in values:
            if self.failure is None and not self.is_complete:
                self.event(value)
        open_part = self._sequencer.open_part
        is_in_call = open_part is not None and open_part.kind in CALL_KINDS
        self.failure = self.failure or failure_in(rest, NO_EVENT, is_in_call=is_in_call)

    def whole(self, body: bytes) -> None:
        """Read a response that was not streamed."""
        try:
            response = tolerant(orjson.loads, body)
        except UNREADABLE:
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
        found = self._found
        return self._ending.outcome(self._estimate, has_calls=found.has_calls, has_refusal=found.has_refusal)

    def _estimate(self) -> Usage:
        output_tokens = (self._found.written + 3) // 4
        return Usage(self._context.estimate(), output_tokens=output_tokens, is_estimated=True)

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
            if isinstance(item, dict) and not self._is_done(index, item):
                self._found.close_item(index, item)
        self.failure = self._found.failure
        if any((place, "call") not in self._by_key for place in self._unplaced):
            self.failure = nonsense("The upstream sent arguments for a tool call that never began")
        self._sequencer.close_all()
        self.failure = self._ending.close(response) or self.failure

    def _is_done(self, index: int, item: Item) -> bool:
        item_id = text_or_none(item.get("id"))
        return index in self._done_items or (item_id is not None and item_id in self._done_items)

    # --- items ------------------------------------------------------------------------------------

    def _item_added(self, event: Event) -> None:
        if isinstance(event.item, dict) and kind_of(event.item) in CALLS:
            self._found.call(_place(event), event.item)
            self.failure = self._found.failure or self.failure

    def _item_done(self, event: Event) -> None:
        if isinstance(event.item, dict):
            place = _place(event)
            self._done_items.update((place, text_or_none(event.item.get("id"))))
            self._found.close_item(place, event.item)
            self.failure = self._found.failure or self.failure

    # --- pieces -----------------------------------------------------------------------------------

    def _text_delta(self, event: Event) -> None:
        part = self._by_key.get((event.output_index, event.content_index))
        if part is not None and isinstance(event.delta, str):
            self._append(part, event.delta)
        else:
            self._prose_delta(event, PartKind.TEXT)

    def _refusal_delta(self, event: Event) -> None:
        self._prose_delta(event, PartKind.REFUSAL)

    def _prose_delta(self, event: Event, kind: PartKind) -> None:
        key = (_place(event), event.content_index or 0)
        part = self._by_key.get(key)
        if part is not None and isinstance(event.delta, str):
            self._append(part, event.delta)
        else:
            self._found.prose(key, kind, event.delta)

    def _text_done(self, event: Event) -> None:
        self._found.prose((_place(event), event.content_index or 0), PartKind.TEXT, event.text)

    def _refusal_done(self, event: Event) -> None:
        self._found.prose((_place(event), event.content_index or 0), PartKind.REFUSAL, event.refusal)

    def _call_delta(self, event: Event) -> None:
        part = self._by_key.get((_place(event), "call"))
        if part is None:
            self._unplaced.add(_place(event))  # a closing event may still bring the whole call
        elif isinstance(event.delta, str):
            self._append(part, event.delta)

    def _call_done(self, event: Event) -> None:
        part = self._by_key.get((_place(event), "call"))
        if part is not None:
            self._found.complete(part, event.arguments if part.kind is PartKind.TOOL else event.input)

    def _summary_delta(self, event: Event) -> None:
        place = _place(event)
        part = self._found.reasoning(place, event.delta)
        last = self._last_summary.setdefault(place, event.summary_index)
        if part is not None and last != event.summary_index:
            self._last_summary[place] = event.summary_index
            self._append(part, SUMMARY_SEPARATOR)
        if part is not None:
            self._append(part, event.delta)

    def _reasoning_delta(self, event: Event) -> None:
        place = _place(event)
        part = self._found.reasoning(place, event.delta)
        if part is not None and place not in self._last_summary:
            self._append(part, event.delta)

    def _annotation(self, event: Event) -> None:
        part = self._by_key.get((_place(event), event.content_index or 0))
        if part is not None and isinstance(event.annotation, dict):
            part.annotations.append(event.annotation)


def _place(event: Event) -> object:
    return event.item_id if event.output_index is None else event.output_index
