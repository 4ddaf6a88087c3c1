from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gateway.kernel import asking
from gateway.kernel.asking import BadParameter


def test_periods_begin_and_end_with_days_or_at_times() -> None:
    assert asking.begins_at("from", "2026-11-29") == datetime(2026, 11, 29, tzinfo=UTC)
    assert asking.ends_at("to", "2026-12-31") == datetime(2027, 1, 1, tzinfo=UTC)
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    for text in ("2026-11-29T12:00:00Z", "2026-11-29T14:00:00+02:00", "2026-11-29T12:00"):
        assert asking.begins_at("from", text) == asking.ends_at("to", text) == noon
    assert asking.day("day", "2026-11-29") == date(2026, 11, 29)


@pytest.mark.parametrize(
    "text", ["", "today", "20261129", "2026-W48-7", "2026-02-30", "2026-11-29T26:00:00Z", "0"]
)
def test_other_words_are_refused_by_name(text: str) -> None:
    for read in (asking.begins_at, asking.ends_at, asking.day):
        with pytest.raises(BadParameter) as refused:
            read("from", text)
        assert refused.value.param == "from"


def test_moments_at_the_ends_of_the_calendar_are_refused() -> None:
    for text in ("9999-12-31", "0001-01-01T00:00:00+14:00"):
        with pytest.raises(BadParameter):
            asking.ends_at("to", text)


def test_texts_that_no_database_takes() -> None:
    assert asking.text("q", "Zoë") == "Zoë"
    for text in ("a\0", "\ud800", "x" * 256, "a\nb"):
        with pytest.raises(BadParameter, match=r"^q: "):
            asking.text("q", text)
