"""Read what limits have used: from the running ledger where it knows a set, else from the recorded rows."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass

from django.conf import settings

from gateway.usage import balances
from tokens.errors import LedgerUnavailable
from tokens.limits.book import period_of
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Ledger, State
from tokens.limits.usage import Reader
from tokens.records import Limits

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0


def from_rows(sets: tuple[Limits, ...]) -> tuple[State, ...]:
    """Read requests and money as recorded, up to a second old, where there is no ledger. Sync, ORM."""
    calendar, now = Calendar(settings.GATEWAY.BUDGET_TIME_ZONE), time.time()
    found = []
    for limits, balance in zip(sets, balances.read_all(sets, calendar, now), strict=True):
        end = period_of(limits, calendar, now).end
        ends_at = None if end == float("inf") else end
        found.append(State(limits, requests=balance.requests, spent=balance.spent, period_ends_at=ends_at))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class LedgerReader:
    """Asks the ledger on its own event loop, from another thread."""

    ledger: Ledger
    loop: asyncio.AbstractEventLoop

    def __call__(self, sets: tuple[Limits, ...]) -> tuple[State, ...]:
        known = {state.limits.ledger: state for state in self.known(sets)}
        others = from_rows(tuple(limits for limits in sets if limits.ledger not in known))
        found = known | {state.limits.ledger: state for state in others}
        return tuple(found[limits.ledger] for limits in sets)

    def known(self, sets: tuple[Limits, ...]) -> tuple[State, ...]:
        """Return the states of those sets that the ledger knows: the ones that somebody has used. No query."""
        asking = asyncio.run_coroutine_threadsafe(self.ledger.states(sets, time.time()), self.loop)
        try:
            return asking.result(PATIENCE_SECONDS)
        except (TooSlow, LedgerUnavailable):
            asking.cancel()
            logger.warning("The ledger does not say what limits have used: the recorded rows are shown")
            return ()


__all__ = ["LedgerReader", "Reader", "from_rows"]
