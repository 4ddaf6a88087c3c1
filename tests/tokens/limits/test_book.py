"""Any order of reserving, settling, giving back and waiting: memory and Redis agree with a naive model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fakes.redis import RedisServer
from tests.tokens.limits.kinds import Subject, amount, memory, record, shared
from tokens.errors import LimitExceeded
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Amount, Reservation
from tokens.records import Limits, TokenRecord

small = st.integers(1, 5)
tokens = st.integers(0, 40)
cents = st.integers(0, 30).map(lambda units: Decimal(units) / 10**10)
estimates = st.builds(Amount, tokens, tokens, cents)


def maybe(strategy):
    return st.none() | strategy


def limits(ledger: str, name: str = ""):
    return st.builds(
        Limits,
        st.just(ledger),
        st.just(name),
        max_requests=maybe(small),
        requests_per_minute=maybe(small),
        input_tokens_per_minute=maybe(st.integers(1, 60)),
        output_tokens_per_minute=maybe(st.integers(1, 60)),
        max_parallel_requests=maybe(small),
        budget=maybe(st.integers(1, 60).map(lambda units: Decimal(units) / 10**10)),
        budget_period=st.sampled_from(("day", "week", "month", "never")),
    )


@dataclass
class Naive:
    """One book as a list of everything that ever happened."""

    limits: Limits
    requests: int = 0
    running: dict[str, Amount] = field(default_factory=dict)
    entries: list[list] = field(default_factory=list)  # [at, requests, input, output, id]
    costs: list[tuple[float, Decimal]] = field(default_factory=list)
    reserved: dict[str, tuple[float, Decimal]] = field(default_factory=dict)

    def window(self, now: float) -> tuple[int, int, int]:
        last: dict[int, float] = {}
        for at, *_ in self.entries:
            last[int(at)] = max(at, last.get(int(at), at))
        kept = [entry for entry in self.entries if last[int(entry[0])] + 60 > now]
        return sum(e[1] for e in kept), sum(e[2] for e in kept), sum(e[3] for e in kept)

    def money(self, now: float) -> tuple[Decimal, Decimal]:
        start = Calendar("UTC").period(self.limits.budget_period, now).start
        spent = sum((cost for at, cost in self.costs if at >= start), Decimal(0))
        return spent, sum((cost for at, cost in self.reserved.values() if at >= start), Decimal(0))

    def refusal(self, need: Amount, now: float) -> str | None:
        own, (requests, input_tokens, output_tokens) = self.limits, self.window(now)
        spent, reserved = self.money(now)
        held = output_tokens + sum(taken.output_tokens for taken in self.running.values())
        input_need = need.input_tokens and input_tokens + need.input_tokens
        output_need = need.output_tokens and held + need.output_tokens
        checks = (
            ("max_requests", own.max_requests, self.requests + 1),
            ("budget", own.budget, need.cost and spent + reserved + need.cost),
            ("requests_per_minute", own.requests_per_minute, requests + 1),
            ("input_tokens_per_minute", own.input_tokens_per_minute, input_need),
            ("output_tokens_per_minute", own.output_tokens_per_minute, output_need),
            ("max_parallel_requests", own.max_parallel_requests, len(self.running) + 1),
        )
        return next((name for name, limit, value in checks if limit is not None and value > limit), None)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self, make: Callable[[], Subject]) -> None:
        super().__init__()
        self.subject = make()
        self.calls: list[tuple[Reservation, Amount]] = []
        self.naive: list[Naive] = []
        self.token: TokenRecord | None = None

    @initialize(own=limits("t"), group=limits("group:1", "team"), parent=limits("group:2", "company"))
    def begin(self, own: Limits, group: Limits, parent: Limits) -> None:
        self.token = record(own, group, parent)
        self.subject.open(self.token)
        self.naive = [Naive(each) for each in (own, group, parent) if each.counts_something]

    @rule(need=estimates)
    def reserve(self, need: Amount) -> None:
        now = self.subject.now
        expected = next((why for book in self.naive if (why := book.refusal(need, now))), None)
        try:
            reservation = self.subject.reserve(self.token, need)
        except LimitExceeded as refusal:
            assert refusal.limit == expected
            assert refusal.retry_after_seconds is None or refusal.retry_after_seconds >= 1
            return
        assert expected is None
        self.calls.append((reservation, need))
        for book in self.naive:
            book.requests += 1
            book.running[reservation.id] = need
            book.entries.append([now, 1, need.input_tokens, 0, reservation.id])
            book.reserved[reservation.id] = now, need.cost

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        reservation, need = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        actual = amount(
            data.draw(st.integers(0, need.input_tokens)),
            data.draw(st.integers(0, need.output_tokens)),
            data.draw(cents.filter(lambda cost: cost <= need.cost)),
        )
        self.subject.settle(reservation, actual)
        for book in self.naive:
            del book.running[reservation.id], book.reserved[reservation.id]
            for entry in book.entries:
                if entry[4] == reservation.id:
                    entry[2] = actual.input_tokens
            if actual.output_tokens:
                book.entries.append([self.subject.now, 0, 0, actual.output_tokens, ""])
            book.costs.append((reservation.at, actual.cost))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        reservation, _ = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        self.subject.give_back(reservation)
        for book in self.naive:
            book.requests -= 1
            del book.running[reservation.id], book.reserved[reservation.id]
            for entry in book.entries:
                if entry[4] == reservation.id:
                    entry[1] = entry[2] = 0

    @rule(seconds=st.sampled_from((0.25, 1.0, 7.5, 30.0, 59.75, 61.0, 86400.0, 7 * 86400.0)))
    def wait(self, seconds: float) -> None:
        self.subject.now += seconds

    @invariant()
    def agrees(self) -> None:
        now = self.subject.now
        for book in self.naive:
            seen = self.subject.state(book.limits)
            requests, input_tokens, output_tokens = book.window(now)
            held = sum(taken.output_tokens for taken in book.running.values())
            assert (seen.requests, seen.parallel) == (book.requests, len(book.running))
            if book.limits.has_minutes:
                assert (seen.minute_requests, seen.minute_input) == (requests, input_tokens)
                assert seen.minute_output == output_tokens + held
            if book.limits.budget is not None:
                assert (seen.spent, seen.reserved) == book.money(now)
                assert seen.spent + seen.reserved <= book.limits.budget

    def teardown(self) -> None:
        self.subject.close()


def run(make: Callable[[], Subject], examples: int) -> None:
    rules = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: LedgerMachine(make), settings=rules)


def test_memory() -> None:
    run(memory, 150)


@pytest.mark.redis
def test_redis(redis_server: RedisServer) -> None:
    run(lambda: shared(redis_server), 40)
