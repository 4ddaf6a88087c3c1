"""Tell operators when a budget's share is spent: once for each level, when a settled call crosses it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from decimal import Decimal

from gateway.kernel import events
from tokens.limits.ledger import State
from tokens.records import LEVELS, Limits, currency_of

REFUSED_SECONDS = 60.0
MOST_REMEMBERED = 10_000


class Levels:
    """The levels that are told: the usual ones, and those that rules of alerts name; who was refused lately."""

    def __init__(self) -> None:
        self.told: tuple[int, ...] = LEVELS
        self.is_early = False  # something is told before the first of the usual ones
        self._refused: dict[str, float] = {}

    def watch(self, more: Iterable[int]) -> None:
        """Tell these levels too, and no others beside the usual ones."""
        self.told = tuple(sorted({*LEVELS, *more}))
        self.is_early = self.told[0] < LEVELS[0]

    def is_news(self, ledger: str, now: float) -> bool:
        """Tell whether nobody was told of a refusal of this ledger in the last minute."""
        known = self._refused.get(ledger)
        if known is not None and now - known < REFUSED_SECONDS:
            return False
        if len(self._refused) >= MOST_REMEMBERED:
            self._refused.clear()
        self._refused[ledger] = now
        return True


OF_PROCESS = Levels()
"""Of this process."""


def tell_crossed(limits: Limits, before: Decimal, after: Decimal) -> None:
    """Emit the highest level that lies between what was spent before a call and after it.

    No state is needed: what is spent only grows within a period, and each call is added once.
    """
    budget, levels = limits.budget, OF_PROCESS.told
    if not budget or after <= before:
        return
    first, last = before * 100, after * 100
    if last < budget * levels[0]:
        return
    crossed = [level for level in levels if first < budget * level <= last]
    if crossed:
        _emit(events.BUDGET_SHARE, limits, after, crossed[-1])


def tell_refused(limits: Limits, states: Iterable[object]) -> None:
    """Emit that a call was refused for a budget, once a minute for each."""
    if limits.budget is None or not OF_PROCESS.is_news(limits.ledger, time.monotonic()):
        return
    known = (state for state in states if isinstance(state, State) and state.limits.ledger == limits.ledger)
    state = next(known, None)
    _emit(events.BUDGET_REFUSED, limits, Decimal(0) if state is None else state.spent, 100)


def _emit(kind: str, limits: Limits, spent: Decimal, percent: int) -> None:
    budget = limits.budget or Decimal(0)
    events.emit(
        kind,
        f"group:{limits.name}" if limits.name else f"token:{limits.ledger}",
        percent=percent,
        spent=f"{spent.normalize():f}",
        budget=f"{budget.normalize():f}",
        currency=currency_of(limits),
        period=limits.budget_period or "never",
    )
