from __future__ import annotations

import math
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tokens.limits.calendar import NEVER, Calendar


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        ("day", "2026-11-24", "2026-11-25"),
        ("week", "2026-11-23", "2026-11-30"),  # Monday
        ("month", "2026-11-01", "2026-12-01"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_periods_begin_at_midnight_of_their_zone(kind: str, start: str, end: str, zone: str) -> None:
    calendar = Calendar(zone)
    period = calendar.period(kind, at("2026-11-24T13:00", zone))
    assert (period.start, period.end) == (at(start, zone), at(end, zone))
    assert calendar.period(kind, period.end - 1) == period
    assert calendar.period(kind, period.end).start == period.end


def test_a_day_with_a_change_of_clocks_has_another_length() -> None:
    period = Calendar("Europe/Berlin").period("day", at("2026-10-25T12:00", "Europe/Berlin"))
    assert period.end - period.start == 25 * 3600


def test_never() -> None:
    assert Calendar("UTC").period("never", 5.0) == Calendar("UTC").period("", 5.0) == NEVER
    assert math.isinf(NEVER.end)


def test_names_tell_periods_and_currencies_apart() -> None:
    calendar = Calendar("UTC")
    day = calendar.period("day", 0.0)
    names = {
        day.named("USD"),
        day.named("EUR"),
        calendar.period("day", 86400.0).named("USD"),
        NEVER.named("USD"),
    }
    assert len(names) == 4


def test_an_unknown_kind_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="year"):
        Calendar("UTC").period("year", 0.0)
