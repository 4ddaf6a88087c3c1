"""What is not reserved at once: balances that are read first, running calls that are in the way, and refusals."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.usage import waiting
from gateway.usage.balances import Balances
from gateway.usage.metering import Meter
from gateway.usage.prices.copy import Prices
from tests.gateway.usage.contexts import context
from tests.gateway.usage.test_holds import BODY, call, meter
from tokens.errors import BalancesUnknown, LimitExceeded
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Balance
from tokens.limits.memory import MemoryLedger
from tokens.records import Limits


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.005)


async def test_a_call_waits_no_longer_than_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAIT_SECONDS", 0.05)
    of, own = meter(), Limits("t", budget=Decimal("0.33"))
    running = asyncio.create_task(call(of, own, 30_000, 0.5))
    await asyncio.sleep(0.01)
    assert await call(of, own, 100)  # with the least hold
    assert not await call(of, replace(own, budget=Decimal("0.32")), 100)
    assert await running


async def test_a_refusal_of_another_limit_does_not_wait() -> None:
    of, own = meter(), Limits("t", requests_per_minute=1)
    assert await call(of, own, 100)
    refused = context(body=BODY, own=own, model_asked="claude-x", ledger_id="t")
    async with asyncio.timeout(waiting.WAIT_SECONDS - 5):
        with pytest.raises(LimitExceeded) as refusal:
            await of.reserve(refused, ())
    assert refusal.value.limit == "requests_per_minute"


async def test_what_is_forgotten_between_reading_and_reserving_is_unknown() -> None:
    """An operator who changes a budget at that moment: the call is told to come again, and nothing is read for ever."""

    class Forgetful(Balances):
        reads = 0

        async def provide(self, sets: tuple[Limits, ...]) -> None:
            self.reads += 1
            for limits in sets:
                await self._ledger.seed(limits, Balance(), 0.0)
                self._ledger.forget(limits.ledger)

    async def flush() -> bool:
        return True

    ledger, own = MemoryLedger(Calendar("UTC")), Limits("t", max_requests=5)
    balances = Forgetful(ledger, Calendar("UTC"), flush)
    of = Meter(ledger, Prices(), balances)
    with pytest.raises(BalancesUnknown):
        await of.reserve(context(body=BODY, own=own), ())
    assert balances.reads == 1
