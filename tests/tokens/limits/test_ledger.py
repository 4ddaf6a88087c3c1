"""Promises of every ledger, on memory and on Redis."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.tokens.limits.kinds import START, Subject, amount, memory, record
from tokens.errors import BalancesUnknown, LimitExceeded
from tokens.limits.ledger import Balance
from tokens.records import Limits


def refused(subject: Subject, token, estimate=None) -> LimitExceeded:
    with pytest.raises(LimitExceeded) as caught:
        subject.reserve(token, estimate)
    return caught.value


def test_nothing_is_admitted_before_the_balance_is_known(subject: Subject) -> None:
    own = Limits("t", max_requests=3)
    with pytest.raises(BalancesUnknown) as caught:
        subject.reserve(record(own))
    assert caught.value.sets == (own,)
    subject.open(record(own), Balance(requests=2))
    subject.reserve(record(own))
    refusal = refused(subject, record(own))
    assert (refusal.limit, refusal.retry_after_seconds, refusal.is_final) == ("max_requests", None, True)


def test_the_window_slides_and_does_not_refill(subject: Subject) -> None:
    token = record(Limits("t", requests_per_minute=2))
    subject.open(token)
    subject.reserve(token)
    subject.now += 30
    subject.reserve(token)
    assert refused(subject, token).retry_after_seconds == pytest.approx(30, abs=0.01)
    subject.now = START + 59.9
    refused(subject, token)
    subject.now = START + 60.1
    subject.reserve(token)
    assert refused(subject, token).retry_after_seconds == pytest.approx(29.9, abs=0.01)


def test_a_limit_per_minute_that_is_given_later_counts_from_then_on() -> None:
    subject = memory()
    money = Limits("t", budget=Decimal(10), budget_period="day")
    subject.open(record(money))
    early = subject.reserve(record(money), amount(5, 5, "1"))
    both = replace(money, requests_per_minute=1)
    running = subject.reserve(record(both), amount(5, 5, "1"))
    subject.settle(early, amount(3, 4, "1"))
    assert refused(subject, record(both)).limit == "requests_per_minute"
    subject.settle(running, amount(3, 4, "1"))
    state = subject.state(both)
    assert (state.requests, state.parallel, state.spent, state.reserved) == (2, 0, 2, 0)
    subject.settle(
        subject.reserve(record(money), amount(1, 1, "1"))
    )  # taken back again: no window, no refusal
    subject.now += 61
    subject.settle(subject.reserve(record(both)))
    subject.close()


def test_a_settled_call_frees_what_it_did_not_use(subject: Subject) -> None:
    own = Limits("t", input_tokens_per_minute=1000, output_tokens_per_minute=500)
    token = record(own)
    subject.open(token)
    first = subject.reserve(token, amount(800, 400))
    assert refused(subject, token, amount(300, 1)).limit == "input_tokens_per_minute"
    output = refused(subject, token, amount(1, 300))
    assert (output.limit, output.retry_after_seconds, output.is_final) == (
        "output_tokens_per_minute",
        1,
        False,
    )
    subject.settle(first, amount(100, 20))
    subject.reserve(token, amount(900, 480))
    state = subject.state(own)
    assert (state.minute_input, state.minute_output, state.parallel) == (1000, 500, 1)


def test_what_can_never_fit_is_final(subject: Subject) -> None:
    token = record(Limits("t", input_tokens_per_minute=10, budget=Decimal("1")))
    subject.open(token)
    assert refused(subject, token, amount(11)).is_final
    assert refused(subject, token, amount(1, 0, "1.01")).is_final


def test_output_counts_from_its_end(subject: Subject) -> None:
    own = Limits("t", output_tokens_per_minute=100)
    token = record(own)
    subject.open(token)
    running = subject.reserve(token, amount(0, 100))
    subject.now += 300
    assert refused(subject, token, amount(0, 1)).retry_after_seconds == 1
    subject.settle(running, amount(0, 70))
    subject.now += 59
    assert refused(subject, token, amount(0, 31)).retry_after_seconds == pytest.approx(1)
    subject.now += 1.1
    assert subject.state(own).minute_output == 0


def test_parallel_calls(subject: Subject) -> None:
    token = record(Limits("t", max_parallel_requests=2))
    subject.open(token)
    first, _ = subject.reserve(token), subject.reserve(token)
    assert refused(subject, token).retry_after_seconds == 1
    subject.settle(first)
    subject.settle(first)  # counts once
    subject.reserve(token)
    refused(subject, token)


def test_money_is_exact_and_never_overspent(subject: Subject) -> None:
    own = Limits("t", budget=Decimal("9999999999.0000000003"), budget_currency="USD")
    token = record(own)
    subject.open(token, Balance(spent=Decimal("9999999999")))
    first = subject.reserve(token, amount(cost="0.0000000002"))
    waits = refused(subject, token, amount(cost="0.0000000002"))
    assert (waits.limit, waits.retry_after_seconds) == ("budget", 1)  # the running call may leave room
    subject.settle(first, amount(cost="0.0000000001"))
    second = subject.reserve(token, amount(cost="0.0000000002"))
    subject.settle(second, amount(cost="0.0000000002"))
    assert refused(subject, token, amount(cost="0.0000000001")).retry_after_seconds is None
    state = subject.state(own)
    assert (state.spent, state.reserved, state.remaining) == (own.budget, 0, 0)
    subject.reserve(token)  # what costs nothing may go on


def test_a_budget_begins_anew_with_its_period(subject: Subject) -> None:
    own = Limits("t", budget=Decimal("1"), budget_period="day")
    token = record(own)
    subject.open(token)
    midnight = START - START % 86400 + 86400
    subject.now = midnight - 10
    late = subject.reserve(token, amount(cost="0.9"))
    over = refused(subject, token, amount(cost="0.2"))
    assert over.retry_after_seconds == 1
    subject.now = midnight + 1
    subject.reserve(token, amount(cost="0.8"))
    subject.settle(late, amount(cost="0.9"))  # belongs to yesterday
    state = subject.state(own)
    assert (state.spent, state.reserved) == (0, Decimal("0.8"))
    assert state.period_ends_at == midnight + 86400


def test_given_back_leaves_no_trace(subject: Subject) -> None:
    own = Limits("t", max_requests=1, requests_per_minute=1, input_tokens_per_minute=10, budget=Decimal(1))
    token = record(own)
    subject.open(token)
    before = subject.state(own)
    subject.give_back(subject.reserve(token, amount(10, 5, "1")))
    after = subject.state(own)
    assert (after.requests, after.minute_requests, after.minute_input, after.parallel) == (0, 0, 0, 0)
    assert (after.spent, after.reserved) == (before.spent, before.reserved) == (0, 0)
    subject.reserve(token, amount(10, 5, "1"))


def test_all_sets_are_taken_or_none(subject: Subject) -> None:
    own, group = Limits("t", max_requests=5), Limits("group:1", "team", max_requests=1)
    parent = Limits("group:2", "company", requests_per_minute=9)
    token = record(own, group, parent)
    subject.open(token)
    subject.reserve(token)
    refusal = refused(subject, token)
    assert (refusal.name, refusal.ledger) == ("team", "group:1")
    assert str(refusal) == "Group team has reached its request limit"
    assert [subject.state(limits).requests for limits in (own, group, parent)] == [1, 1, 1]
    assert [state.requests for state in refusal.states] == [1, 1, 1]


def test_another_budget_is_read_anew_and_running_calls_are_charged_to_it(subject: Subject) -> None:
    daily = Limits("t", budget=Decimal(1), budget_period="day")
    token = record(daily)
    subject.open(token)
    running = subject.reserve(token, amount(cost="0.5"))
    monthly = Limits("t", budget=Decimal(2), budget_period="month")
    with pytest.raises(BalancesUnknown):
        subject.reserve(record(monthly))
    subject.open(record(monthly), Balance(requests=7, spent=Decimal("1.25")))
    subject.settle(running, amount(cost="0.25"))
    state = subject.state(monthly)
    assert (state.requests, state.spent, state.reserved, state.parallel) == (1, Decimal("1.5"), 0, 0)


def test_a_forgotten_book_is_read_anew(subject: Subject) -> None:
    own = Limits("t", max_requests=5, max_parallel_requests=5)
    token = record(own)
    subject.open(token)
    running, other = subject.reserve(token), subject.reserve(token)
    subject.forget("t")
    with pytest.raises(BalancesUnknown):
        subject.reserve(token)
    subject.open(token)
    subject.settle(running)
    subject.give_back(other)
    state = subject.state(own)
    assert (state.requests, state.parallel) == (1, 0)


def test_the_soft_level(subject: Subject) -> None:
    own = Limits("t", budget=Decimal(10), budget_soft_percent=80)
    token = record(own)
    subject.open(token, Balance(spent=Decimal("7.99")))
    assert not subject.state(own).is_warning
    subject.settle(subject.reserve(token, amount(cost="0.01")), amount(cost="0.01"))
    assert subject.state(own).is_warning


def test_a_hold_grows_while_every_budget_has_room(subject: Subject) -> None:
    own, group = Limits("t", budget=Decimal(1)), Limits("group:1", "team", budget=Decimal("0.5"))
    token = record(own, group)
    subject.open(token)
    running = subject.reserve(token, amount(1, 1, "0.2"))
    assert subject.extend(running, "0.3")
    assert running.estimate.cost == Decimal("0.5")
    assert not subject.extend(running, "0.0000000001")  # the group's is full
    assert (subject.state(own).reserved, subject.state(group).reserved) == (Decimal("0.5"), Decimal("0.5"))
    subject.settle(running, amount(1, 1, "0.4"))
    for limits in (own, group):
        state = subject.state(limits)
        assert (state.reserved, state.spent, state.parallel) == (0, Decimal("0.4"), 0)
    assert subject.extend(running, "9")  # it has ended: nothing is held, nothing stops
    assert subject.state(own).reserved == 0


def test_a_grown_hold_is_given_back_whole(subject: Subject) -> None:
    own = Limits("t", budget=Decimal(1), budget_period="day")
    token = record(own)
    subject.open(token)
    running = subject.reserve(token, amount(0, 0, "0.1"))
    assert subject.extend(running, "0.7")
    assert refused(subject, token, amount(0, 0, "0.3")).limit == "budget"
    subject.give_back(running)
    assert subject.state(own).reserved == 0
    subject.reserve(token, amount(0, 0, "1"))


def test_a_hold_of_yesterdays_budget_grows_without_todays(subject: Subject) -> None:
    own = Limits("t", budget=Decimal(1), budget_period="day")
    token = record(own)
    subject.open(token)
    running = subject.reserve(token, amount(0, 0, "0.9"))
    subject.now += 86_400
    subject.reserve(token, amount(0, 0, "0.9"))
    assert subject.extend(running, "5")
    assert subject.state(own).reserved == Decimal("0.9")
