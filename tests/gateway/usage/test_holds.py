"""What a running call holds of a budget: learned, growing, and never overshot by more than is promised."""

from __future__ import annotations

import asyncio
import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.exchange.downstream import Interruption
from gateway.usage import holds, waiting
from gateway.usage.balances import Balances
from gateway.usage.holds import Growth, Learned, Running
from gateway.usage.metering import Meter
from gateway.usage.prices.copy import Prices
from gateway.usage.prices.table import Price, PriceTable
from providers.dialects.types import Usage
from tests.gateway.usage.contexts import context, tell
from tests.tokens.limits.kinds import record
from tokens.errors import LimitExceeded
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Amount, Balance
from tokens.limits.memory import MemoryLedger
from tokens.records import Limits

CEILING = 128_000
BODY = b'{"model":"claude-x","max_tokens":128000,"messages":[]}'
PRICE = Price("claude-x", Decimal(2), Decimal(10), max_output=CEILING)


def test_a_call_holds_what_such_calls_have_written() -> None:
    learned = Learned()
    assert learned.hold("t", "m", CEILING) == CEILING // 4
    for tokens in range(1, 101):
        learned.note("other", "m", tokens * 10)
    assert learned.hold("t", "m", CEILING) == 1213  # the model's: p95 of the last 64 is 970
    learned.note("t", "m", 2000)
    assert learned.hold("t", "m", CEILING) == 2500
    assert learned.hold("t", "m", 1000) == 1000
    learned.note("t", "m2", 1)
    assert learned.hold("t", "m2", CEILING) == 256
    assert learned.hold("t", "m2", 100) == 100


@given(figures=st.lists(st.integers(0, 5000), max_size=200))
def test_the_hold_is_that_of_the_last_calls_whatever_came_before(figures: list[int]) -> None:
    learned = Learned()
    for number, figure in enumerate(figures, 1):
        learned.note("t", "m", figure)
        last = sorted(figures[:number][-holds.SAMPLES :])
        usual = last[math.ceil(0.95 * len(last)) - 1]
        assert learned.hold("t", "m", CEILING) == max(256, math.ceil(usual * 1.25))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "REMEMBERED", 10)
    learned = Learned()
    for number in range(100):
        learned.note(f"t{number}", "m", 9)
    assert len(learned) == 10


def meter(is_learned: bool = True) -> Meter:
    ledger, prices, calendar = MemoryLedger(Calendar("UTC")), Prices(), Calendar("UTC")
    prices.table = PriceTable([PRICE])

    async def flush() -> bool:
        return True

    class Ready(Balances):
        async def provide(self, sets: tuple[Limits, ...]) -> None:
            for limits in sets:
                await self._ledger.seed(limits, Balance(), 0.0)

    balances = Ready(ledger, calendar, flush)
    if not is_learned:
        return Meter(ledger, prices, balances)
    return Meter(ledger, prices, balances, learned=Learned(), growth=Growth(ledger))


async def call(of: Meter, own: Limits, output_tokens: int, seconds: float = 0.0) -> bool:
    """Make a call of so many tokens; return whether it was let in."""
    found = context(body=BODY, own=own, model_asked="claude-x", ledger_id=own.ledger)
    route = tell(context(), Usage(), "claude-x", sent="claude-x").route
    try:
        hold = await of.reserve(found, [route])
    except LimitExceeded:
        return False
    await asyncio.sleep(seconds)
    found.exchange.is_sent, found.exchange.provider = True, "p"
    tell(found, Usage(10, output_tokens=output_tokens), "claude-x", is_whole=True)
    of.conclude(found, hold)
    return True


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.005)


@pytest.mark.parametrize("budget", ["25", "0.4"])
async def test_of_two_hundred_parallel_calls_that_fit_none_is_refused(budget: str) -> None:
    """Ten subagents that ask for 128,000 tokens each blocked $25; these two hundred write 150 each: $0.304."""
    of, own = meter(), Limits("t", budget=Decimal(budget))
    let_in = await asyncio.gather(*(call(of, own, 150, 0.01) for _ in range(200)))
    assert all(let_in)
    [state] = await of.ledger.states((own,), 0.0)
    assert (state.requests, state.reserved, state.spent) == (200, 0, 200 * Decimal("0.00152"))
    assert of.growth is not None
    await of.growth.aclose()


async def test_the_worst_case_blocks_the_budget_and_never_overshoots() -> None:
    of, own = meter(is_learned=False), Limits("t", budget=Decimal(2))
    let_in = await asyncio.gather(*(call(of, own, CEILING, 0.01) for _ in range(5)))
    assert let_in.count(True) == 1
    [state] = await of.ledger.states((own,), 0.0)
    assert state.spent <= 2


class Stopped:
    """A downstream that remembers why it was stopped."""

    why: Interruption | None = None

    def interrupt(self, why: Interruption) -> None:
        self.why = why


async def running(ledger: MemoryLedger, own: Limits, cost: str, so_far: list[str]) -> tuple[Running, Stopped]:
    reservation = await ledger.reserve(record(own), Amount(0, 0, Decimal(cost)), 0.0, {"id": "c"})
    stopped = Stopped()
    return Running(reservation, stopped, lambda: Amount(0, 0, Decimal(so_far[-1]))), stopped  # type: ignore[arg-type]


async def test_a_stream_that_outgrows_its_hold_extends_it_and_ends_with_the_budget() -> None:
    ledger, own = MemoryLedger(Calendar("UTC")), Limits("t", budget=Decimal(1))
    await ledger.seed(own, Balance(), 0.0)
    growth, so_far = Growth(ledger, lambda: 0.0), ["0.05"]
    one, stopped = await running(ledger, own, "0.1", so_far)
    for told, held in (("0.05", "0.1"), ("0.2", "0.25"), ("0.24", "0.25"), ("0.9", "0.9"), ("1", "1")):
        so_far.append(told)
        await growth.look(one)
        assert (one.reservation.estimate.cost, stopped.why) == (Decimal(held), None)
    so_far.append("1.01")
    await growth.look(one)
    assert stopped.why is Interruption.BUDGET


async def test_holds_are_looked_after_while_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "LOOK_SECONDS", 0.005)
    ledger, own = MemoryLedger(Calendar("UTC")), Limits("t", budget=Decimal(1))
    await ledger.seed(own, Balance(), 0.0)
    growth = Growth(ledger, lambda: 0.0)
    one, stopped = await running(ledger, own, "0.1", ["2"])
    growth.add(one)
    async with asyncio.timeout(5):
        while stopped.why is None:
            await asyncio.sleep(0.005)
    await growth.aclose()


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(("begin", "look", "end")), st.integers(0, 7), st.integers(0, 40)), max_size=60
)


@given(steps=STEPS, budget=st.integers(5, 60), hold=st.integers(1, 10))
@settings(deadline=None, max_examples=150)
def test_a_budget_is_overshot_by_no_more_than_the_calls_that_ran_had_outgrown_their_holds(
    steps: list[Step], budget: int, hold: int
) -> None:
    """Whatever calls begin, grow, are looked at and end: spent - budget <= the sum of (true cost - hold) of those
    that ran together when it was passed."""
    asyncio.run(_play(steps, budget, hold))


async def _play(steps: list[Step], budget: int, hold: int) -> None:
    ledger, own = MemoryLedger(Calendar("UTC")), Limits("t", budget=Decimal(budget))
    await ledger.seed(own, Balance(), 0.0)
    growth = Growth(ledger, lambda: 0.0)
    live: dict[int, tuple[Running, Stopped, list[str]]] = {}
    outgrown = Decimal(0)  # of calls that have ended, beyond their holds, while others ran or not
    for what, name, cost in steps:
        if what == "begin" and name not in live:
            try:
                so_far = [str(hold)]
                one, stopped = await running(ledger, own, str(hold), so_far)
                live[name] = one, stopped, so_far
            except LimitExceeded:
                continue
        elif name in live:
            one, stopped, so_far = live[name]
            so_far.append(str(max(Decimal(so_far[-1]), Decimal(cost))))
            if what == "look":
                await growth.look(one)
            if what == "end" or stopped.why is not None:
                true_cost = Decimal(so_far[-1])
                outgrown += max(Decimal(0), true_cost - one.reservation.estimate.cost)
                ledger.settle(one.reservation, Amount(0, 0, true_cost), 0.0)
                del live[name]
        [state] = await ledger.states((own,), 0.0)
        assert state.spent + state.reserved <= budget + outgrown
        if not live:
            assert state.reserved == 0
