from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from gateway.usage.viewing import LedgerReader
from tokens.errors import LedgerUnavailable
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Balance, State
from tokens.limits.memory import MemoryLedger
from tokens.records import Limits

OWN, OTHER = Limits("t", budget=Decimal(5)), Limits("unknown", max_requests=1)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread, as a server's would be."""
    found = asyncio.new_event_loop()
    thread = threading.Thread(target=found.run_forever)
    thread.start()
    yield found
    found.call_soon_threadsafe(found.stop)
    thread.join()
    found.close()


@pytest.mark.django_db
def test_the_ledger_tells_what_it_knows_and_the_rows_the_rest(loop: asyncio.AbstractEventLoop) -> None:
    ledger = MemoryLedger(Calendar("UTC"))
    seeding = ledger.seed(OWN, Balance(3, Decimal(2)), 0.0)
    asyncio.run_coroutine_threadsafe(seeding, loop).result(5)
    known, unknown = LedgerReader(ledger, loop)((OWN, OTHER))
    assert (known.requests, known.spent) == (3, 2)
    assert (unknown.limits, unknown.requests) == (OTHER, 0)


class Away(MemoryLedger):
    async def states(self, sets: tuple[Limits, ...], now: float) -> tuple[State, ...]:
        raise LedgerUnavailable


@pytest.mark.django_db
def test_a_ledger_that_is_away_does_not_hide_the_rows(loop: asyncio.AbstractEventLoop) -> None:
    [state] = LedgerReader(Away(Calendar("UTC")), loop)((OWN,))
    assert state.limits is OWN
