"""Reserve for a call what could not be reserved at once: balances are read first, or running calls are in the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.exchange.context import CallContext
from gateway.usage import caps
from gateway.usage.balances import Balances
from gateway.usage.estimates import Estimate
from gateway.usage.headers import limit_headers
from gateway.usage.holds import LOOK_SECONDS
from tokens.errors import BalancesUnknown, LedgerUnavailable, LimitExceeded
from tokens.limits.ledger import SOON_SECONDS, Amount, Ledger, Reservation, State

WAIT_SECONDS = 30.0
"""How long a call waits for running ones to give back what they hold of a budget and will not need."""

Reason = LimitExceeded | BalancesUnknown


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a call waits with. `is_learned`: budgets hold what such calls have cost, not what they may cost at most."""

    ledger: Ledger
    balances: Balances
    is_learned: bool

    async def admitted(
        self, context: CallContext, estimate: Estimate, note: Mapping[str, object], reason: Reason
    ) -> Reservation:
        """Return what was not reserved at once for this reason. Raises what the ledger raises."""
        try:
            return await self._reserved(context, estimate, note, reason)
        except LimitExceeded as refusal:
            states = [state for state in refusal.states if isinstance(state, State)]
            context.downstream.add_headers(limit_headers(context.surface.dialect, states, time.time()))
            caps.refuse(context, refusal)
            raise
        except LedgerUnavailable as exc:
            raise caps.unreadable(context, estimate.amount) or exc from None

    async def _reserved(
        self, context: CallContext, estimate: Estimate, note: Mapping[str, object], reason: Reason
    ) -> Reservation:
        """Read balances that are unknown; where only the holds of running calls are in the way, wait for them a while.

        A hold is no cost: what is refused for holds alone may have fitted.
        """
        until, amount, is_read = time.monotonic() + WAIT_SECONDS, estimate.amount, False
        while True:
            if isinstance(reason, BalancesUnknown):
                if is_read:
                    raise reason
                await self.balances.provide(reason.sets)
            else:
                amount = await self._lowered(amount, estimate, reason, until)
            is_read = isinstance(reason, BalancesUnknown)
            try:
                return await self.ledger.reserve(context.token, amount, time.time(), note)
            except (LimitExceeded, BalancesUnknown) as exc:
                reason = exc

    async def _lowered(
        self, amount: Amount, estimate: Estimate, refusal: LimitExceeded, until: float
    ) -> Amount:
        """Return what to try next: the same a moment later, then the least. Raises the refusal when that was it."""
        if not self.is_learned or refusal.limit != "budget":
            raise refusal
        if not refusal.is_final and refusal.retry_after_seconds == SOON_SECONDS and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
            return amount
        if amount.cost > estimate.least_cost:
            return replace(amount, cost=estimate.least_cost)
        raise refusal
