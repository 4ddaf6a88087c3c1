"""When quiet hours end."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.alerts.quiet import ends_at

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-07-01T19:59", None),  # 21:59 in Berlin
        ("2026-07-01T20:00", "2026-07-02T05:00"),
        ("2026-07-01T23:30", "2026-07-02T05:00"),
        ("2026-07-02T04:59", "2026-07-02T05:00"),
        ("2026-07-02T05:00", None),
        ("2026-10-24T21:00", "2026-10-25T06:00"),  # the night in which the clocks go back
    ],
)
def test_over_midnight_in_the_zone_of_budgets(now: str, end: str | None) -> None:
    found = ends_at("22:00", "07:00", datetime.fromisoformat(now).replace(tzinfo=UTC), BERLIN)
    assert found == (None if end is None else datetime.fromisoformat(end).replace(tzinfo=UTC))


def test_within_a_day_and_none() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert ends_at("11:00", "13:30", noon, UTC) == datetime(2026, 7, 1, 13, 30, tzinfo=UTC)
    assert ends_at("13:00", "14:00", noon, UTC) is None
    assert ends_at("", "", noon, UTC) is None
