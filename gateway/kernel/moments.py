"""Moments in words, as pages, commands, logs and JSON tell them, and as ids begin with them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def end_for_people(until: float, now: float) -> str:
    """Return an end for people: `until 14:36 UTC (in 5 h)`, with the day if it is not today.

    Both arguments are Unix seconds. An end that has passed: `ended 14:36 UTC`.
    """
    end, today = datetime.fromtimestamp(until, UTC), datetime.fromtimestamp(now, UTC).date()
    clock = end.strftime("%H:%M UTC" if end.date() == today else "%d %b %H:%M UTC")
    seconds = until - now
    if seconds <= 0:
        return f"ended {clock}"
    return f"until {clock} ({distance(seconds)})"


def distance(seconds: float) -> str:
    """Return a distance from now for people: `in 5 h`, `3 d ago`."""
    size = abs(seconds)
    unit, length = next(((name, length) for name, length in UNITS if size >= 2 * length), ("s", 1))
    told = f"{size / length:.0f} {unit}"
    return f"in {told}" if seconds > 0 else f"{told} ago"


def rfc3339(moment: datetime) -> str:
    """Write a moment in UTC as JSON has it: `2026-11-29T14:36:00Z`."""
    return f"{moment.astimezone(UTC).isoformat(timespec='seconds')[:19]}Z"


def id_floor(at: float) -> uuid.UUID:
    """Return the lowest UUIDv7 of that moment (Unix seconds): rows before it have lower ids."""
    milliseconds = min(max(int(at * 1000), 0), (1 << 48) - 1)
    return uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62))
