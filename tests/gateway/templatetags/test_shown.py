from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.templatetags import shown


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1234.5", "1,234.50"), ("0.004", "< 0.01"), ("0", "0.00"), (None, "–"), ("", "–"), ("0.01", "0.01")],
)
def test_money(amount: str | None, text: str) -> None:
    assert shown.money(amount) == text


def test_counts_seconds_and_shares() -> None:
    assert (shown.grouped(1234567), shown.grouped(None)) == ("1\u202f234\u202f567", "–")
    told = [shown.seconds(value) for value in (0.0008, 0.25, 2.5, None)]
    assert told == ["0.80\xa0ms", "250\xa0ms", "2.50\xa0s", "–"]
    assert shown.share(0.0476) == "4.8\xa0%"
    assert shown.words("cache_read_tokens") == "cache read tokens"


def test_a_moment_has_its_day_when_that_is_not_today() -> None:
    now = datetime.now(UTC)
    assert shown.clock(now.isoformat()) == now.strftime("%H:%M:%S")
    assert shown.clock("2026-01-02T03:04:05Z") == "02 Jan 03:04:05"
