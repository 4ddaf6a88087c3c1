"""Build ledger, prices and meter of one event loop, so that the composition need not know how."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from gateway.kernel.parts import PARTS
from gateway.runtime.composed import Composed
from gateway.shared.ledger import GuardedLedger
from gateway.shared.redis import Shared
from gateway.usage import lost
from gateway.usage.balances import Balances
from gateway.usage.batches.asking import Upstreams
from gateway.usage.batches.billing import Batches, BatchParts
from gateway.usage.holds import Growth, Learned
from gateway.usage.metering import Meter
from gateway.usage.recorder import Recorder
from gateway.usage.viewing import LedgerReader, from_rows
from providers.sending import Sender
from tokens.limits import usage
from tokens.limits.calendar import Calendar
from tokens.limits.correcting import RedisCorrector
from tokens.limits.ledger import Ledger
from tokens.limits.memory import MemoryLedger
from tokens.limits.redis import Lost, RedisLedger


class Accounting:
    """Ledger and meter of one event loop: `start` gives the meter, `aclose` flushes what the ledger has
    queued.

    Close it before the recorder. `batches` are there once it has started.
    """

    batches: Batches

    def __init__(self, composed: Composed, recorder: Recorder, sender: Sender) -> None:
        self._upstreams = Upstreams(composed.catalog, composed.pool, sender)
        self._refuses_unknown_price = composed.options.UNKNOWN_PRICE == "refuse"
        self._is_learned = composed.options.BUDGET_HOLD == "learned"
        self._growth: Growth | None = None
        self._metrics = composed.metrics
        self._prices = composed.prices
        self._registry = composed.registry
        self._recorder = recorder
        self._calendar = Calendar(composed.options.BUDGET_TIME_ZONE)
        self._local = MemoryLedger(self._calendar)
        self._ledger: Ledger | None = None

    async def start(self, shared: Shared | None) -> Meter:
        """Build the ledger and return its meter. `shared` None = limits are those of this process."""
        loop = asyncio.get_running_loop()
        self._ledger = ledger = await self._made(shared)
        self._registry.on_unlimited = partial(_forget, loop, ledger)
        reader: usage.Reader = LedgerReader(ledger, loop)
        PARTS.put(usage.READER, reader)
        balances = Balances(ledger, self._calendar, self._recorder.flush, shared is not None)
        self._growth = Growth(ledger)
        learned = Learned() if self._is_learned else None
        corrector = self._local if shared is None else RedisCorrector(shared.client)
        billed = self._metrics.billed
        self.batches = Batches(BatchParts(self._prices, balances, corrector, self._upstreams, billed))
        await self.batches.start()
        return Meter(
            ledger,
            self._prices,
            balances,
            self._refuses_unknown_price,
            learned,
            self._growth if learned is not None else None,
            self.batches,
        )

    async def _made(self, shared: Shared | None) -> Ledger:
        local = self._local
        if shared is None:
            return local
        ledger = RedisLedger(shared.client, self._calendar)
        await ledger.start(self._record_lost)
        return GuardedLedger(
            ledger, local if shared.falls_back else None, shared.health, self._metrics.decided_without_redis
        )

    def _record_lost(self, call: Lost) -> None:
        """Record a call whose process has died, in this process or another."""
        self._recorder.concluded(lost.exchange_of(call.note, call.amount, time.time()))

    async def aclose(self) -> None:
        self._registry.on_unlimited = None
        PARTS.put(usage.READER, from_rows)
        if self._growth is not None:
            await self._growth.aclose()
            await self.batches.aclose()
        if self._ledger is not None:
            await self._ledger.aclose()


def _forget(loop: asyncio.AbstractEventLoop, ledger: Ledger, name: str) -> None:
    """Forget a ledger's books, from whichever thread brought the change."""
    loop.call_soon_threadsafe(ledger.forget, name)
