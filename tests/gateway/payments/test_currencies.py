"""Amounts in base units."""

from __future__ import annotations

import pytest

from gateway.payments.currencies import DECIMALS, BadAmount, base_units


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("0.05", "usd", "5"),
        ("1", "usd", "100"),
        ("1.50", "eur", "150"),
        ("0.050", "usd", "5"),
        ("7", "jpy", "7"),
        ("0.005", "kwd", "5"),
        ("0.0001", "clf", "1"),
        ("21", "sat", "21"),
        ("007", "jpy", "7"),
    ],
)
def test_base_units(amount: str, currency: str, units: str) -> None:
    assert base_units(amount, currency) == units


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("", "usd", "a decimal number"),
        (" ", "usd", "a decimal number"),
        ("abc", "usd", "a decimal number"),
        ("NaN", "usd", "a decimal number"),
        ("Infinity", "usd", "a decimal number"),
        ("-1", "usd", "a decimal number"),
        ("1e3", "usd", "a decimal number"),
        (".5", "usd", "a decimal number"),
        ("1_0", "usd", "a decimal number"),
        ("٥", "usd", "a decimal number"),
        ("0", "usd", "more than 0"),
        ("0.00", "usd", "more than 0"),
        ("0.005", "usd", "at most 2 decimals"),
        ("0.5", "jpy", "at most 0 decimals"),
        ("0.5", "sat", "at most 0 decimals"),
        ("9" * 18, "usd", "at most 18 digits"),
    ],
)
def test_bad_amounts(amount: str, currency: str, words: str) -> None:
    with pytest.raises(BadAmount, match=words):
        base_units(amount, currency)


def test_every_active_code_is_there() -> None:
    assert len(DECIMALS) > 160
    assert {code for code in DECIMALS if len(code) != 3 or not code.islower()} == set()
    assert not {"xau", "xts", "xxx", "btc"} & set(DECIMALS)
