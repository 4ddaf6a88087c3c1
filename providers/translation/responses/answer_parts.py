"""The parts of one Responses answer, by the place that the upstream gives them.

Pure. Deltas and closing events tell the same thing twice; servers differ in which they send. So every closing
event is compared with what was heard, and only what is missing is added.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialects.openai_fields import text_or_none
from providers.dialects.types import Failure
from providers.translation.common.parts import (
    CallIds,
    Part,
    PartKind,
    ReaderContext,
    Sequencer,
    nonsense,
)

Item = dict[str, Any]
Key = tuple[object, object]
"""(place of the item, number of the piece in it, or `call` or `reasoning`)."""

CALLS = {
    "function_call": (PartKind.TOOL, "arguments"),
    "custom_tool_call": (PartKind.CUSTOM, "input"),
}
SUMMARY_SEPARATOR = "\n\n"


class AnswerParts:
    """Parts that are found so far, each handed to the sequencer once."""

    def __init__(self, sequencer: Sequencer, context: ReaderContext) -> None:
        self.failure: Failure | None = None
        self.has_calls = False
        self.has_refusal = False
        self.written = 0  # characters
        self.by_key: dict[Key, Part] = {}
        self._sequencer = sequencer
        self._context = context
        self._call_ids = CallIds(context)

    def append(self, part: Part, text: object) -> None:
        """Add a delta's text to an open part; anything else than text is passed over."""
        if text and isinstance(text, str) and not part.is_closed:
            self.written += len(text)
            self._sequencer.append(part, text)

    def complete(self, part: Part, whole: object) -> None:
        """Add what the closing event tells beyond the deltas."""
        if part.is_closed or not isinstance(whole, str):
            return
        heard = part.text
        if len(whole) > len(heard) and whole.startswith(heard):
            self.append(part, whole[len(heard) :])

    def prose(self, key: Key, kind: PartKind, whole: object) -> Part | None:
        """Return the text or refusal at `key`, with `whole` as far as it is known; None for an empty one."""
        part = self.by_key.get(key)
        if part is None:
            if not whole or not isinstance(whole, str):
                return None
            self.has_refusal = self.has_refusal or kind is PartKind.REFUSAL
            self._close_place(key[0])
            part = Part(kind)
            self._add(key, part)
        self.complete(part, whole)
        return part

    def reasoning(self, place: object, delta: object) -> Part | None:
        """Return the reasoning at a place, which the first delta with text begins."""
        part = self.by_key.get((place, "reasoning"))
        if part is None and delta:
            part = Part(PartKind.REASONING)
            self._add((place, "reasoning"), part)
        return part

    def call(self, place: object, item: Item) -> Part:
        """Return the tool call at a place, begun when it is new."""
        part = self.by_key.get((place, "call"))
        if part is None:
            kind, _ = CALLS[kind_of(item)]
            raw_id = text_or_none(item.get("call_id")) or text_or_none(item.get("id")) or ""
            name = text_or_none(item.get("name")) or ""
            if not name:
                self.failure = nonsense("The upstream called a tool without naming it")
            part = Part(kind, self._call_ids.unique(raw_id), name)
            self.has_calls = True
            self._add((place, "call"), part)
        return part

    def close_item(self, place: object, item: Item) -> None:
        """End the parts of an item, given whole."""
        kind = kind_of(item)
        if kind in CALLS:
            part = self.call(place, item)
            self.complete(part, item.get(CALLS[kind][1]))
            self._sequencer.close(part)
        elif kind == "message":
            self._close_message(place, item)
        elif kind == "reasoning":
            self._close_reasoning(place, item)

    def _close_message(self, place: object, item: Item) -> None:
        content = item.get("content")
        for number, piece in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(piece, dict):
                continue
            if piece.get("type") == "refusal":
                self.prose((place, number), PartKind.REFUSAL, piece.get("refusal"))
            elif piece.get("type") == "output_text":
                part = self.prose((place, number), PartKind.TEXT, piece.get("text"))
                notes = piece.get("annotations")
                if part is not None and isinstance(notes, list) and not part.annotations:
                    part.annotations = notes
        self._close_place(place)

    def _close_place(self, place: object) -> None:
        """End the pieces of a message: they come one after the other."""
        for key, part in self.by_key.items():
            if key[0] == place and not part.is_closed:
                self._sequencer.close(part)

    def _close_reasoning(self, place: object, item: Item) -> None:
        part = self.by_key.get((place, "reasoning"))
        text = _reasoning_text(item)
        if part is None and not text and not item.get("encrypted_content"):
            return
        sealed = self._context.seal(orjson.dumps(item))
        if part is None:
            part = Part(PartKind.REASONING if text else PartKind.REDACTED, sealed=sealed)
            self._add((place, "reasoning"), part)
        self.complete(part, text)
        part.sealed = sealed
        self._sequencer.close(part)

    def _add(self, key: Key, part: Part) -> None:
        self.by_key[key] = part
        self._sequencer.add(part)


def kind_of(item: Item) -> str:
    return text_or_none(item.get("type")) or ""


def _reasoning_text(item: Item) -> str:
    """Return the summary, or the raw reasoning where a server gives that instead."""
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
