"""Ledger, prices and meter of one event loop: put together here, so that the runtime need not know how."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from django.conf import settings

from gateway.metrics import METRICS
from gateway.shared.ledger import GuardedLedger
from gateway.shared.redis import Shared
from gateway.usage import lost
from gateway.usage.balances import Balances
from gateway.usage.metering import Meter
from gateway.usage.prices.copy import Prices
from gateway.usage.recorder import Recorder
from gateway.usage.viewing import LedgerReader, from_rows
from tokens.limits import usage
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Ledger
from tokens.limits.memory import MemoryLedger
from tokens.limits.redis import Lost, RedisLedger
from tokens.registry import Registry


class Accounting:
    """`start` gives the meter; `aclose` flushes what the ledger has queued. Close it before the recorder."""

    def __init__(self, prices: Prices, registry: Registry, recorder: Recorder) -> None:
        self._prices = prices
        self._registry = registry
        self._recorder = recorder
        self._calendar = Calendar(settings.BUDGET_TIME_ZONE)
        self._ledger: Ledger | None = None

    async def start(self, shared: Shared | None) -> Meter:
        """`shared` None = limits are those of this process."""
        loop = asyncio.get_running_loop()
        self._ledger = ledger = await self._made(shared)
        self._registry.on_unlimited = partial(_forget, loop, ledger)
        usage.use(LedgerReader(ledger, loop))
        balances = Balances(ledger, self._calendar, self._recorder.flush, shared is not None)
        return Meter(ledger, self._prices, balances, settings.UNKNOWN_PRICE == "refuse")

    async def _made(self, shared: Shared | None) -> Ledger:
        local = MemoryLedger(self._calendar)
        if shared is None:
            return local
        ledger = RedisLedger(shared.client, self._calendar)
        await ledger.start(self._record_lost)
        return GuardedLedger(
            ledger, local if shared.falls_back else None, shared.health, METRICS.decided_without_redis
        )

    def _record_lost(self, call: Lost) -> None:
        """A call of a process that has died, whoever's it was."""
        self._recorder.record(lost.exchange_of(call.note, call.amount, time.time()))

    async def aclose(self) -> None:
        self._registry.on_unlimited = None
        usage.use(from_rows)
        if self._ledger is not None:
            await self._ledger.aclose()


def _forget(loop: asyncio.AbstractEventLoop, ledger: Ledger, name: str) -> None:
    """From whichever thread brought the change."""
    loop.call_soon_threadsafe(ledger.forget, name)
