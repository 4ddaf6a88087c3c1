"""Checks of fields, which API, commands and admin share."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tokens import fields
from tokens.errors import BadTokenField
from tokens.models import Token


@pytest.mark.parametrize(("name", "value"), [
    ("max_requests", 0), ("max_requests", True), ("max_requests", "5"), ("max_requests", 10**16),
    ("budget", 5), ("budget", "-1"), ("budget", "NaN"), ("budget", "1e300"), ("budget", "0.00000000001"),
    ("budget", "x"), ("budget_currency", "usd"), ("budget_period", "year"), ("budget_period", []),
    ("budget_soft_percent", 101), ("budget_soft_percent", 0),
])  # fmt: skip
def test_each_bad_limit_is_named(name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "ENABLED_LIMITS", (name,))
    with pytest.raises(BadTokenField) as caught:
        fields.check_all({name: value}, fields.TOKEN_FIELDS)
    assert caught.value.param == name


def test_a_limit_that_nothing_enforces_is_refused_even_when_null() -> None:
    for name in set(fields.TOKEN_FIELDS) - set(fields.enabled(fields.TOKEN_FIELDS)):
        with pytest.raises(BadTokenField, match="not enforced"):
            fields.check(name, None)


def test_null_clears_and_absent_stays_absent() -> None:
    given = {"account": None, "allowed_models": None}
    assert fields.check_all(given, fields.TOKEN_FIELDS) == {"account": None, "allowed_models": []}


def test_a_budget_needs_a_currency(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "ENABLED_LIMITS", ("budget", "budget_currency"))
    with pytest.raises(BadTokenField) as caught:
        fields.check_all({"budget": "5", "budget_currency": None}, fields.TOKEN_FIELDS)
    assert caught.value.param == "budget_currency"


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(BadTokenField, match="nonsense: unknown field"):
        fields.check_all({"nonsense": 1}, fields.TOKEN_FIELDS)


@pytest.mark.django_db
def test_who_pays_for_calls() -> None:
    assert fields.check("payment", None) == "charge"
    assert fields.check("payment", "exempt") == "exempt"
    for bad in ("free", "", 1, ["exempt"]):
        with pytest.raises(BadTokenField, match="payment: must be one of"):
            fields.check("payment", bad)
    with pytest.raises(BadTokenField, match="payment: prepaid needs a budget"):
        fields.completed({"payment": "prepaid"})
    assert fields.completed({"payment": "prepaid", "budget": Decimal(1)})["budget_currency"] == "USD"
    prepaid = Token(payment="prepaid", budget=Decimal(1))
    assert fields.completed({"label": "x"}, prepaid)
    with pytest.raises(BadTokenField, match="prepaid"):
        fields.completed({"budget": None}, prepaid)
    assert fields.completed({"budget": None, "payment": "charge"}, prepaid)


def test_the_request_log_is_a_yes_or_a_no() -> None:
    assert fields.check_all({"log_requests": True}, fields.TOKEN_FIELDS) == {"log_requests": True}
    assert fields.check_all({"log_requests": None}, fields.TOKEN_FIELDS) == {"log_requests": False}
    with pytest.raises(BadTokenField, match="log_requests"):
        fields.check_all({"log_requests": "yes"}, fields.TOKEN_FIELDS)
