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

LONGEST_AWAY_MILLISECONDS = 600_000
"""Who comes back later than that begins anew: so much would have to be counted."""


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
        self._begun = self._looked = self._since = int(clock() * 1000)
        self._counts: dict[int, int] = {}
        self._read: dict[int, set[uuid.UUID]] = {}  # by their moments, those that were read

    def look(self, most: int) -> Look:
        """Return what is new, in one query, or two when something is: the newest `most`, the others are counted.

        Database errors pass through.
        """
        now = int(self._clock() * 1000)
        since = max(self._begun, self._looked - OVERLAP_MILLISECONDS)
        counts = newest.counts(since)
        fresh = {at: count - self._counts.get(at, 0) for at, count in counts.items()}
        fresh = {at: count for at, count in fresh.items() if count > 0}
        rows = self._rows(fresh, most) if fresh else []
        self._counts, self._looked, self._since = counts, now, since
        self._read = {at: known for at, known in self._read.items() if at in counts}
        return Look(tuple(map(Arrival, reversed(rows))), sum(fresh.values()) - len(rows))

    def behind(self, pk: uuid.UUID, most: int) -> Look:
        """Return what came behind a call up to the last look; the next ones find what comes from now on."""
        begins = newest.moment(pk)
        if begins is None or begins < self._looked - LONGEST_AWAY_MILLISECONDS:
            return Look()
        written = newest.counts(begins)
        seen = {at: self._counts.get(at, 0) if at >= self._since else count for at, count in written.items()}
        counts = {at: count for at, count in seen.items() if count}
        moments, count = _newest(counts, most)
        rows = newest.read(moments, min(count, most))
        places = [place for place, row in enumerate(rows) if row.pk == pk]
        if places:
            return Look(tuple(map(Arrival, reversed(rows[: places[0]]))))
        return Look(tuple(map(Arrival, reversed(rows))), sum(counts.values()) - len(rows))

    def _rows(self, fresh: dict[int, int], most: int) -> list[Ended]:
        """Return up to `most` of the newest. Two workers may write in the same millisecond: none is read twice."""
        moments, count = _newest(fresh, most)
        known = set[uuid.UUID]().union(*(self._read.get(at, ()) for at in moments))
        found = newest.read(moments, min(count, most) + len(known))
        rows = [row for row in found if row.pk not in known][: min(count, most)]
        self._read = {**self._read, **dict.fromkeys(moments, known | {row.pk for row in rows})}
        return rows


def _newest(counts: dict[int, int], most: int) -> tuple[list[int], int]:
    """Return the last moments that have `most` rows together, or all of them, and the number of their rows."""
    moments, count = list[int](), 0
    for at in sorted(counts, reverse=True):
        if count >= most:
            break
        moments.append(at)
        count += counts[at]
    return moments, count
