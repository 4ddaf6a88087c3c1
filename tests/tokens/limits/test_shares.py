"""Shares of budgets, told once as calls cross them: on memory and on Redis."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.kernel.events import Event
from tests.tokens.limits.kinds import Subject, amount, record
from tokens.limits import shares as module
from tokens.limits.ledger import Balance, State
from tokens.limits.shares import Levels, tell_crossed, tell_refused
from tokens.records import Limits

OWN = Limits("t-1", budget=Decimal("10"), budget_period="month")
TEAM = Limits("group:7", name="team", budget=Decimal("100"), budget_period="month", budget_currency="EUR")


def shares(told: list[Event]) -> list[tuple[str, object]]:
    assert all(event.kind == "budget-share" for event in told)
    return [(event.subject, event.details["percent"]) for event in told]


def spend(subject: Subject, token: object, cost: str) -> None:
    subject.settle(subject.reserve(token, amount(1, 1, cost)), amount(1, 1, cost))  # type: ignore[arg-type]


def test_each_level_is_told_once(subject: Subject, told: list[Event]) -> None:
    token = record(OWN)
    subject.open(token)
    for cost in ("4.99", "0.01", "1", "1.99", "0.01", "1.4", "0.1", "0.49", "0.01"):
        spend(subject, token, cost)
    assert shares(told) == [("token:t-1", 50), ("token:t-1", 80), ("token:t-1", 95), ("token:t-1", 100)]
    assert dict(told[0].details) == {
        "percent": 50, "spent": "5", "budget": "10", "currency": "USD", "period": "month",
    }  # fmt: skip


def test_a_call_that_crosses_several_tells_the_highest(subject: Subject, told: list[Event]) -> None:
    token = record(OWN)
    subject.open(token)
    spend(subject, token, "9.6")
    assert shares(told) == [("token:t-1", 95)]


def test_groups_tell_for_themselves(subject: Subject, told: list[Event]) -> None:
    token = record(Limits("t-2", max_requests=5), TEAM)
    subject.open(token)
    spend(subject, token, "81")
    assert shares(told) == [("group:team", 80)]
    assert told[0].details["currency"] == "EUR"


def test_what_was_spent_before_a_start_is_not_told_again(subject: Subject, told: list[Event]) -> None:
    token = record(OWN)
    subject.open(token, Balance(spent=Decimal("6")))
    spend(subject, token, "1")
    assert told == []
    spend(subject, token, "1")
    assert shares(told) == [("token:t-1", 80)]


def test_the_next_period_tells_anew(subject: Subject, told: list[Event]) -> None:
    token = record(OWN)
    subject.open(token)
    spend(subject, token, "5")
    subject.now += 40 * 86400
    spend(subject, token, "5")
    assert shares(told) == [("token:t-1", 50), ("token:t-1", 50)]


def test_calls_that_cost_nothing_or_were_not_sent_tell_nothing(subject: Subject, told: list[Event]) -> None:
    token = record(OWN)
    subject.open(token)
    subject.give_back(subject.reserve(token, amount(1, 1, "9")))
    subject.settle(subject.reserve(token, amount(1, 1, "9")), amount(1, 1))
    assert told == []


@pytest.mark.parametrize("budget", [None, Decimal(0)])
def test_no_budget_has_no_shares(budget: Decimal | None, told: list[Event]) -> None:
    tell_crossed(Limits("t", budget=budget), Decimal(0), Decimal(5))
    assert told == []


def test_levels_that_rules_name_are_told_beside_the_usual_ones(
    told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = Levels()
    monkeypatch.setattr(module, "OF_PROCESS", levels)
    levels.watch([30, 80, 120])
    for before, after in (("2", "3.5"), ("3.5", "4"), ("9", "13")):
        tell_crossed(OWN, Decimal(before), Decimal(after))
    assert shares(told) == [("token:t-1", 30), ("token:t-1", 120)]
    levels.watch([])
    assert levels.told == module.LEVELS


def test_a_level_before_the_usual_ones_is_told_by_every_ledger(
    subject: Subject, told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = Levels()
    levels.watch([20])
    monkeypatch.setattr(module, "OF_PROCESS", levels)
    monkeypatch.setattr("tokens.limits.memory.OF_PROCESS", levels)
    token = record(OWN)
    subject.open(token)
    for cost in ("1.9", "0.1", "0.1"):
        spend(subject, token, cost)
    assert shares(told) == [("token:t-1", 20)]


def test_a_refusal_is_told_once_a_minute_for_each_budget(
    told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OF_PROCESS", Levels())
    for _ in range(1_000):
        tell_refused(OWN, [State(TEAM, spent=Decimal(3)), State(OWN, spent=Decimal("9.9"))])
        tell_refused(TEAM, [])
        tell_refused(Limits("t-9", max_requests=1), [])
    assert [(event.kind, event.subject, event.details["spent"]) for event in told] == [
        ("budget-refused", "token:t-1", "9.9"), ("budget-refused", "group:team", "0"),
    ]  # fmt: skip
    levels = Levels()
    assert [levels.is_news("x", at) for at in (0, 59, 60, 61)] == [True, False, True, False]
