"""Periods of budgets, which begin anew at midnight, on Monday or on the first of the month, in one zone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Period:
    """Period `[start, end)` in Unix seconds."""

    kind: str  # day, week, month, never
    start: float
    end: float  # infinite for `never`

    def named(self, currency: str) -> str:
        """Return its name, unlike that of any other kind, currency or start: `month:USD:1793491200`."""
        return f"{self.kind}:{currency}:{self.start:.0f}"


NEVER = Period("never", 0.0, math.inf)


class Calendar:
    """Calendar of one zone; it remembers the current periods, so that asking costs a comparison."""

    def __init__(self, zone: str) -> None:
        self._zone: tzinfo = UTC if zone == "UTC" else ZoneInfo(zone)  # UTC needs no zone data
        self._current: dict[str, Period] = {}

    def period(self, kind: str, now: float) -> Period:
        """Return the period that `now` lies in. "" counts as `never`."""
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
