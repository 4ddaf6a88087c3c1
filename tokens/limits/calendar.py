"""When a budget begins anew: at midnight, on Monday or on the first of the month, in one zone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Period:
    """`[start, end)` in Unix seconds. `name` tells it apart from every other period of its kind and currency."""

    kind: str  # day, week, month, never
    start: float
    end: float  # infinite for `never`

    def named(self, currency: str) -> str:
        """`month:USD:1793491200`; "" of a set without a budget."""
        return f"{self.kind}:{currency}:{self.start:.0f}"


NEVER = Period("never", 0.0, math.inf)


class Calendar:
    """Remembers the current period of each kind, so that asking costs a comparison."""

    def __init__(self, zone: str) -> None:
        self._zone: tzinfo = UTC if zone == "UTC" else ZoneInfo(zone)  # UTC needs no zone data
        self._current: dict[str, Period] = {}

    def period(self, kind: str, now: float) -> Period:
        """The period that `now` lies in. "" counts as `never`."""
        if kind in ("", "never"):
            return NEVER
        known = self._current.get(kind)
        if known is None or not known.start <= now < known.end:
            known = self._current[kind] = self._worked_out(kind, now)
        return known

    def _worked_out(self, kind: str, now: float) -> Period:
        today = datetime.fromtimestamp(now, self._zone).date()
        if kind == "day":
            first, last = today, today + timedelta(days=1)
        elif kind == "week":
            first = today - timedelta(days=today.weekday())
            last = first + timedelta(days=7)
        elif kind == "month":
            first = today.replace(day=1)
            last = (first + timedelta(days=32)).replace(day=1)
        else:
            raise ValueError(kind)
        start, end = (datetime.combine(day, time(), self._zone).timestamp() for day in (first, last))
        return Period(kind, start, end)
