from __future__ import annotations

from decimal import Decimal

from gateway.console.pages.charts import bars


def test_bars_are_scaled_to_the_highest_and_what_is_not_nothing_is_seen() -> None:
    found = bars(
        [
            ("a", Decimal(10), "/a"),
            ("b", Decimal(5), "/b"),
            ("c", Decimal("0.001"), ""),
            ("d", Decimal(0), ""),
        ]
    )
    assert [bar.height for bar in found] == ["120.00", "60.00", "1.00", "0.00"]
    assert [bar.y for bar in found][:2] == ["0.00", "60.00"]
    assert (found[1].x, found[1].width, found[1].title, found[1].url) == ("189.00", "72.00", "b", "/b")


def test_bars_may_be_scaled_to_those_of_another_chart() -> None:
    assert [bar.height for bar in bars([("a", Decimal(5), "")], Decimal(20))] == ["30.00"]


def test_without_values_there_is_nothing_to_draw() -> None:
    assert bars([]) == []
    assert [bar.height for bar in bars([("a", Decimal(0), "")])] == ["0.00"]
