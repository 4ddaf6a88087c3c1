from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from uuid_utils import uuid7

from gateway.kernel.moments import distance, end_for_people, id_floor, rfc3339

NOON = 1_800_014_400.0  # 2027-01-15 12:00 UTC


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-60, "ended 11:59 UTC"),
        (90, "until 12:01 UTC (in 90 s)"),
        (120, "until 12:02 UTC (in 2 min)"),
        (18_000, "until 17:00 UTC (in 5 h)"),
        (43_200, "until 16 Jan 00:00 UTC (in 12 h)"),
        (604_800, "until 22 Jan 12:00 UTC (in 7 d)"),
    ],
)
def test_an_end_is_told_by_the_clock_and_by_the_time_left(seconds: float, text: str) -> None:
    assert end_for_people(NOON + seconds, NOON) == text


def test_a_moment_in_json_is_utc() -> None:
    there = timezone(timedelta(hours=2))
    assert rfc3339(datetime(2026, 11, 29, 16, 36, 0, 999, there)) == "2026-11-29T14:36:00Z"
    assert rfc3339(datetime(2026, 11, 29, 14, 36, tzinfo=UTC)) == "2026-11-29T14:36:00Z"


def test_a_uuid7_lies_between_the_floors_around_its_moment() -> None:
    before, made, after = time.time() - 0.01, uuid.UUID(str(uuid7())), time.time() + 0.01
    assert id_floor(before) < made < id_floor(after)
    assert id_floor(before).version == 7


def test_distances_for_people() -> None:
    told = [distance(seconds) for seconds in (0, 90, 150, 7199, 7200, 200_000, -90, -200_000)]
    assert told == ["0 s ago", "in 90 s", "in 2 min", "in 120 min", "in 2 h", "in 2 d", "90 s ago", "2 d ago"]
