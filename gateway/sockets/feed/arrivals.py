"""Find the rows that have come since the last look, whoever wrote them and however old their ids are."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import orjson

from gateway.usage.requests import newest, presenting
from gateway.usage.requests.newest import Ended

OVERLAP_MILLISECONDS = 5_000
"""A row is stamped before its transaction ends, by the clock of whoever writes: so far back is looked again."""


class Arrival:
    """A call that has ended. Its text is made once, for all who look."""

    def __init__(self, row: Ended) -> None:
        self.row = row

    @cached_property
    def text(self) -> bytes:
        return orjson.dumps(presenting.shown(self.row))


@dataclass(frozen=True, slots=True)
class Look:
    """Hold what one look has found, oldest first. `left_out`: rows that nobody has read."""

    arrivals: tuple[Arrival, ...] = ()
    left_out: int = 0


class Arrivals:
    """Looks of one process, one after the other. Nothing from before its first moment is found.

    A batch comes as a whole, and its rows bear one moment: what is new are the moments that have more rows than before.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._begun = self._looked = int(clock() * 1000)
        self._counts: dict[int, int] = {}
        self._read: dict[int, set[uuid.UUID]] = {}  # by their moments, those that were read

    def look(self, most: int) -> Look:
        """Return what is new, in one query, or two when something is: the newest `most`, the others are counted.

        Database errors pass through.
        """
        now = int(self._clock() * 1000)
        counts = newest.counts(max(self._begun, self._looked - OVERLAP_MILLISECONDS))
        fresh = {at: count - self._counts.get(at, 0) for at, count in counts.items()}
        fresh = {at: count for at, count in fresh.items() if count > 0}
        rows = self._rows(fresh, most) if fresh else []
        self._counts, self._looked = counts, now
        self._read = {at: known for at, known in self._read.items() if at in counts}
        return Look(tuple(map(Arrival, reversed(rows))), sum(fresh.values()) - len(rows))

    def _rows(self, fresh: dict[int, int], most: int) -> list[Ended]:
        """Return up to `most` of the newest. Two workers may write in the same millisecond: none is read twice."""
        moments, count, known = [], 0, set[uuid.UUID]()
        for at in sorted(fresh, reverse=True):
            moments.append(at)
            count += fresh[at]
            known |= self._read.get(at, set())
            if count >= most:
                break
        found = newest.read(moments, min(count, most) + len(known))
        rows = [row for row in found if row.pk not in known][: min(count, most)]
        self._read = {**self._read, **dict.fromkeys(moments, known | {row.pk for row in rows})}
        return rows
