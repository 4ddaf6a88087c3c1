"""Ledger of limits: reserve before a call is sent, settle when its cost is known.

A *book* is kept for every set of limits that counts something, under the set's ledger name. All sets of a
token (its own, its group's, that group's parent's) are asked and written at once, or none is.

- requests and tokens per minute: a sliding window of 60 s. Requests and input count from admission; output is
  held at its upper estimate while the call runs and counts from its end.
- parallel: calls that are reserved and not yet settled.
- requests in all: counted at admission, given back when nothing was sent upstream.
- money: spent + reserved + estimate may not exceed the budget of the running period. A call belongs to the
  period in which it was admitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from tokens.records import Limits, TokenRecord

ZERO = Decimal(0)
WINDOW_SECONDS = 60.0
LEASE_SECONDS = 60.0
RENEW_SECONDS = 20.0
SOON_SECONDS = 1.0
"""Wait that a caller is told when only a running call can make room."""


class Amount(msgspec.Struct, frozen=True):
    """Amount that one call takes. `input_tokens` are uncached and cache-writing ones."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = ZERO


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Balance:
    """Use so far, as the recorded rows say: the start of a book."""

    requests: int = 0
    spent: Decimal = ZERO


class State(msgspec.Struct, frozen=True):
    """State of one book at one moment. Times are Unix seconds; None = not known or never."""

    limits: Limits
    requests: int = 0
    minute_requests: int = 0
    minute_input: int = 0
    minute_output: int = 0  # running calls at their upper estimate
    parallel: int = 0
    spent: Decimal = ZERO
    reserved: Decimal = ZERO
    window_resets_at: float | None = None  # when the window will be empty, should nothing be added
    period_ends_at: float | None = None

    @property
    def remaining(self) -> Decimal | None:
        """Return what remains of the budget, never negative; None without one."""
        if self.limits.budget is None:
            return None
        return max(ZERO, self.limits.budget - self.spent - self.reserved)

    @property
    def is_warning(self) -> bool:
        """Tell whether the soft level of the budget is reached."""
        limits = self.limits
        if limits.budget is None or limits.budget_soft_percent is None:
            return False
        return self.spent * 100 >= limits.budget * limits.budget_soft_percent


class Reservation(msgspec.Struct, eq=False):
    """An admitted call. Held by the relay until it is settled or given back, once.

    For the lease, should this process die: `progress` tells what has been seen so far, `note` describes the
    call.
    """

    id: str
    sets: tuple[Limits, ...]
    estimate: Amount
    at: float
    states: tuple[State, ...]  # may be () where nobody is told them
    note: Mapping[str, object] = msgspec.field(default_factory=dict)
    progress: Callable[[], Amount] | None = None
    is_open: bool = True
    handles: Any = None  # the ledger's own


class Ledger(Protocol):
    """Ledger of one process."""

    @property
    def keeps_notes(self) -> bool:
        """Tell whether a reservation's note outlives this process; else its id is all that is asked for."""

    async def reserve(
        self, record: TokenRecord, estimate: Amount, now: float, note: Mapping[str, object]
    ) -> Reservation:
        """Reserve for a call, which `note["id"]` names.

        Raises `LimitExceeded`; `BalancesUnknown` until `seed`.
        """

    async def seed(self, limits: Limits, balance: Balance, now: float) -> None:
        """Open the book of a set with what the rows say; of a known book only the budget starts again."""

    async def extend(self, reservation: Reservation, extra: Decimal, now: float) -> bool:
        """Hold so much more money for a running call; False, and nothing changed, when a budget has not that much."""

    def settle(self, reservation: Reservation, actual: Amount, now: float) -> None:
        """Replace the estimate by what was used. Never waits, never raises; counts once."""

    def give_back(self, reservation: Reservation, now: float) -> None:
        """Take the reservation back as if it had never been made: nothing was sent upstream."""

    def forget(self, ledger: str) -> None:
        """Drop the book of a set that counts nothing any more: it would go stale."""

    async def states(self, sets: tuple[Limits, ...], now: float) -> tuple[State, ...]:
        """Return the states of those sets whose books are known."""

    async def aclose(self) -> None: ...


def seconds_until(moment: float, now: float) -> float | None:
    """Return the seconds until a moment, at least `SOON_SECONDS`; None for never."""
    return None if math.isinf(moment) else max(SOON_SECONDS, moment - now)
