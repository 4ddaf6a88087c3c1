"""A rehearsal as one worker runs it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from accounts.pool.rehearsing import Remembered
from gateway.rehearsals.models import Rehearsal
from providers.upstream import Upstream


@dataclass(eq=False, slots=True)
class Running:
    """One rehearsal in this worker. `subjects`: what alerts call its target, and whom it touches."""

    row: Rehearsal
    provider: str
    before: Remembered
    subjects: frozenset[str]
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    met: set[str] = field(default_factory=set)  # accounts
    calls: dict[str, int] = field(
        default_factory=dict
    )  # that are counted and run, and how often they have met it
    meeting: set[str] = field(default_factory=set)  # of them those whose newest try met it
    is_full: bool = False

    def concerns(self, upstream: Upstream) -> bool:
        """Tell whether a request to this upstream meets the fault."""
        row = self.row
        return upstream.account == row.account if row.account else upstream.provider == row.provider
