"""Find the rows that have come since the last look, whoever wrote them and however old their ids are."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import orjson

from gateway.models import ExchangeRow
from gateway.usage.requests import presenting

OVERLAP_MILLISECONDS = 5_000
"""A row is stamped before its transaction ends, by the clock of whoever writes: so far back is looked again."""
MOST_LOOKED_AT = 20_000


class Arrival:
    """A call that has ended. Its text is made once, for all who look."""

    def __init__(self, row: ExchangeRow) -> None:
        self.row = row

    @cached_property
    def text(self) -> str:
        return orjson.dumps(presenting.shown(self.row)).decode()


@dataclass(frozen=True, slots=True)
class Look:
    """Hold what one look has found, oldest first. `left_out`: rows that nobody has read."""

    arrivals: tuple[Arrival, ...] = ()
    left_out: int = 0


class Arrivals:
    """Looks of one process, one after the other. Nothing from before its first moment is found."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._begun = self._looked = int(clock() * 1000)
        self._seen: dict[uuid.UUID, int] = {}

    def look(self, most: int) -> Look:
        """Return what is new, in one query, or two when something is: the newest `most`, the others are counted.

        Database errors pass through.
        """
        now = int(self._clock() * 1000)
        since = max(self._begun, self._looked - OVERLAP_MILLISECONDS)
        rows = ExchangeRow.objects.filter(written_at__gte=since).order_by("-written_at")
        found = {pk: at or 0 for pk, at in rows.values_list("pk", "written_at")[:MOST_LOOKED_AT]}
        fresh = [pk for pk in found if pk not in self._seen]
        arrivals = self._read(fresh[:most])
        self._seen, self._looked = found, now
        return Look(arrivals, len(fresh) - len(arrivals))

    def _read(self, ids: list[uuid.UUID]) -> tuple[Arrival, ...]:
        if not ids:
            return ()
        rows = ExchangeRow.objects.in_bulk(ids)
        return tuple(Arrival(rows[pk]) for pk in reversed(ids) if pk in rows)
