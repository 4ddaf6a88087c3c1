"""Read what lists are asked for: filters of queries and of commands, by the same names and in the same forms."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

LONGEST = 255
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BadParameter(Exception):
    """A filter or an option of a list that can't be taken as given."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}")
        self.param = param


def text(name: str, value: str) -> str:
    """Return a text that a database takes. Raises `BadParameter`."""
    if len(value) > LONGEST or "\0" in value or not value.isprintable():
        raise BadParameter(name, f"must be a text of at most {LONGEST} printable characters")
    return value


def day(name: str, value: str) -> date:
    """Read `2026-11-29`. Raises `BadParameter`."""
    try:
        if _DAY.fullmatch(value) is None:  # Python reads other forms, too
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise BadParameter(name, "must be a day such as 2026-11-29") from None


def begins_at(name: str, value: str) -> datetime:
    """Return when a period begins whose first day, or first moment, is given. Raises `BadParameter`."""
    found = _moment(name, value)
    return found if isinstance(found, datetime) else datetime(found.year, found.month, found.day, tzinfo=UTC)


def ends_at(name: str, value: str) -> datetime:
    """Return when a period ends of which the last day is given, or the moment itself. Raises `BadParameter`."""
    found = _moment(name, value)
    if isinstance(found, datetime):
        return found
    try:
        following = found + timedelta(days=1)
    except OverflowError:
        raise BadParameter(name, "must be an earlier day") from None
    return datetime(following.year, following.month, following.day, tzinfo=UTC)


def _moment(name: str, value: str) -> date | datetime:
    """Read a UTC day, or a moment of RFC 3339."""
    if _DAY.fullmatch(value):
        return day(name, value)
    try:
        if _DAY.match(value) is None:
            raise ValueError
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        words = "must be a day such as 2026-11-29, or a time such as 2026-11-29T14:36:00Z"
        raise BadParameter(name, words) from None
