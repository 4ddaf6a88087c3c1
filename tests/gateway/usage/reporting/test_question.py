from __future__ import annotations

from datetime import date

import pytest

from gateway.kernel.asking import BadParameter
from gateway.usage.reporting import question

TODAY = date(2026, 3, 15)


def period(**given: str) -> tuple[str, str]:
    names = {"begins": "from", "ends": "to"}
    read = question.read({names.get(name, name): value for name, value in given.items()}, TODAY)
    return read.begins.isoformat(), read.ends.isoformat()


@pytest.mark.parametrize(
    ("given", "begins", "ends"),
    [
        ({}, "2026-03-01", "2026-03-31"),
        ({"month": "2024-02"}, "2024-02-01", "2024-02-29"),
        ({"period": "today"}, "2026-03-15", "2026-03-15"),
        ({"period": "yesterday"}, "2026-03-14", "2026-03-14"),
        ({"period": "7d"}, "2026-03-09", "2026-03-15"),
        ({"period": "30d"}, "2026-02-14", "2026-03-15"),
        ({"begins": "2026-01-02", "ends": "2026-01-03"}, "2026-01-02", "2026-01-03"),
        ({"begins": "2026-01-02"}, "2026-01-02", "2026-03-15"),
        ({"ends": "2026-01-20"}, "2026-01-01", "2026-01-20"),
        ({"begins": "", "month": "", "period": ""}, "2026-03-01", "2026-03-31"),
    ],
)
def test_periods(given: dict[str, str], begins: str, ends: str) -> None:
    assert period(**given) == (begins, ends)


def test_columns_stand_in_the_order_of_by_and_a_token_brings_its_label() -> None:
    read = question.read({"by": "model,token,day"}, TODAY)
    assert read.columns == (
        "model", "token", "token_label", "day", "requests", "errors", "refused", "cancelled", "input_tokens",
        "cache_read_tokens", "cache_write_tokens", "output_tokens", "unpriced", "cost", "currency",
    )  # fmt: skip
    assert (read.sorted_by, read.is_falling) == ("cost", True)
    assert question.read({"by": "token", "sort": "token_label"}, TODAY).is_falling is False


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"by": "colour"}, "by"), ({"by": "day,day"}, "by"), ({"by": "day,person,model,token"}, "by"),
        ({"month": "2026-13"}, "month"), ({"month": "26-1"}, "month"), ({"month": "0000-01"}, "month"),
        ({"period": "8d"}, "period"), ({"period": "7d", "month": "2026-01"}, "period"),
        ({"month": "2026-01", "from": "2026-01-01"}, "month"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "from"), ({"to": "soon"}, "to"),
        ({"sort": "person"}, "sort"), ({"sort": "--cost"}, "sort"), ({"person": "a\0"}, "person"),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_named(given: dict[str, str], name: str) -> None:
    with pytest.raises(BadParameter) as refused:
        question.read(given, TODAY)
    assert refused.value.param == name
