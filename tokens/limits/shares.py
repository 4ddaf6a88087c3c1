"""Tell operators when a budget's share is spent: once for each level, when a settled call crosses it."""

from __future__ import annotations

from decimal import Decimal

from gateway.kernel import events
from tokens.limits.ledger import currency_of
from tokens.records import Limits

LEVELS = (50, 80, 95, 100)
"""Percent of a budget."""


def tell_crossed(limits: Limits, before: Decimal, after: Decimal) -> None:
    """Emit the highest level that lies between what was spent before a call and after it.

    No state is needed: what is spent only grows within a period, and each call is added once.
    """
    budget = limits.budget
    if not budget or after <= before:
        return
    first, last = before * 100, after * 100
    if last < budget * LEVELS[0]:
        return
    crossed = [level for level in LEVELS if first < budget * level <= last]
    if crossed:
        events.emit(
            events.BUDGET_SHARE,
            f"group:{limits.name}" if limits.name else f"token:{limits.ledger}",
            percent=crossed[-1],
            spent=f"{after.normalize():f}",
            budget=f"{budget.normalize():f}",
            currency=currency_of(limits),
            period=limits.budget_period or "never",
        )
