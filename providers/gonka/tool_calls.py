"""Mend what Gonka's models write: tool calls that share an id or have none, content as a list of parts.

Pure. Clients tell calls apart by their ids, so one that has come before in the same answer gets a suffix, and an
empty one is made up. What needs no mending keeps every byte.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE, tolerant

MARKED = re.compile(rb'"tool_calls"|"content"\s*:\s*\[')
"""Without one of these there is nothing to mend."""

Place = tuple[int, int]
"""A choice and a call in it."""


class Mending:
    """The ids of one answer, and what each call is called."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._calls: dict[Place, tuple[str, str]] = {}  # the id as it came, and as it goes on

    def mended(self, data: bytes) -> bytes:
        """Return a chunk or a whole answer, mended; the same object when nothing is to be mended."""
        if MARKED.search(data) is None:
            return data
        try:
            document = tolerant(orjson.loads, data)
        except UNREADABLE:
            return data
        choices = document.get("choices") if isinstance(document, dict) else None
        if not isinstance(choices, list):
            return data
        seed = str(document.get("id") or "")
        changes = [self._choice(choice, at, seed) for at, choice in enumerate(choices)]
        return orjson.dumps(document) if any(changes) else data

    def _choice(self, choice: Any, at: int, seed: str) -> bool:
        if not isinstance(choice, dict):
            return False
        index = choice.get("index")
        number = index if isinstance(index, int) else at
        has_changed = False
        for name in ("delta", "message"):
            part = choice.get(name)
            if not isinstance(part, dict):
                continue
            has_changed = _join_content(part) or has_changed
            calls = part.get("tool_calls")
            for position, call in enumerate(calls if isinstance(calls, list) else ()):
                if isinstance(call, dict):
                    has_changed = self._call(call, (number, position), name, seed) or has_changed
        return has_changed

    def _call(self, call: dict[str, Any], place: Place, name: str, seed: str) -> bool:
        index = call.get("index")
        if name == "delta" and isinstance(index, int):
            place = (place[0], index)
        came, known = call.get("id"), self._calls.get(place)
        if came is not None and not isinstance(came, str):
            return False
        if known is not None and came in (None, "", known[0]):
            if came is None or came == known[1]:
                return False
            call["id"] = known[1]
            return True
        goes = self._fresh(came) if came else self._fresh(_made_up(seed, place))
        self._calls[place] = (came or "", goes)
        call["id"] = goes
        return goes != came

    def _fresh(self, wanted: str) -> str:
        """Return the id, or the first with a suffix that has not been used."""
        found, count = wanted, 1
        while found in self._used:
            count += 1
            found = f"{wanted}_{count}"
        self._used.add(found)
        return found


def _made_up(seed: str, place: Place) -> str:
    text = f"{seed} {place[0]} {place[1]}"
    return "call_" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _join_content(part: dict[str, Any]) -> bool:
    """Make one text of content that is a list of text parts, as some models send it; others stay."""
    content = part.get("content")
    if not isinstance(content, list):
        return False
    parts = [one.get("text") if isinstance(one, dict) else one for one in content]
    texts = [text for text in parts if isinstance(text, str)]
    if len(texts) < len(parts):
        return False
    part["content"] = "".join(texts)
    return True
