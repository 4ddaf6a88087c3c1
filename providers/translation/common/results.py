"""Results of tool calls by the id of their call, wherever in a conversation they stand.

Pure. Clients send the results of parallel calls in one message or in several, in any order, with other messages
between them; every upstream wants each directly behind its call.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Results(Generic[T]):
    """Each result is given once. An id that was used for several calls has as many results, in order."""

    __slots__ = ("_count", "_found")

    def __init__(self) -> None:
        self._found: defaultdict[str, deque[tuple[int, int, T]]] = defaultdict(deque)
        self._count = 0

    def add(self, call_id: str, place: int, result: T) -> None:
        """Add the result that stands at this place of the conversation."""
        self._found[call_id].append((place, self._count, result))
        self._count += 1

    def take(self, call_id: str, place: int) -> T | None:
        """Return the first result behind a call at `place`, else the first that is left; None when there is none."""
        found = self._take(call_id, place)
        return None if found is None else found[1]

    def take_all(self, call_ids: Sequence[str], place: int) -> list[tuple[str, T | None]]:
        """Return (id, result) for each call of a turn in the results' order; calls without one come last."""
        told = [(call_id, self._take(call_id, place)) for call_id in call_ids]
        told.sort(key=lambda each: self._count if each[1] is None else each[1][0])
        return [(call_id, None if found is None else found[1]) for call_id, found in told]

    def _take(self, call_id: str, place: int) -> tuple[int, T] | None:
        waiting = self._found.get(call_id)
        if not waiting:
            return None
        found = next((each for each in waiting if each[0] >= place), waiting[0])
        waiting.remove(found)
        return found[1:]
