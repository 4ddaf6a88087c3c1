"""Hold a part of a budget while a call runs.

`worst-case`: what it could cost at most. `learned`: what this token's calls on this model have written lately, so
that a client that always asks for the largest answer does not block its own budget. An answer that outgrows its hold
has it extended a few times a second; when the budget has no more, it ends with an error. What a budget may be
overshot by is the sum of (true cost - hold) of the calls that run at that moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Callable
from decimal import Decimal

import msgspec

from gateway.exchange.downstream import Downstream, Interruption
from gateway.usage.estimates import LEAST_TOKENS
from tokens.limits.ledger import Amount, Ledger, Reservation

logger = logging.getLogger(__name__)

SHARE = 0.95
MARGIN = 1.25
COLD_SHARE = 4
"""Of a model that nobody has called yet, a call holds this part of what it may write."""
SAMPLES = 64
REMEMBERED = 20_000
CROWDED = 15_000
LOOK_SECONDS = 0.25
GROWTH = Decimal("1.25")
"""A hold grows beyond what was seen, so that it need not grow at every look."""


class Samples:
    """The last figures of one sort, in order of time and of size: sorting them for every call would cost more."""

    __slots__ = ("_newest", "_sorted", "known", "of_model")

    def __init__(self, of_model: Samples | None = None) -> None:
        self.of_model = of_model  # the same model's samples of all tokens; None: these are they
        self._newest: deque[int] = deque()
        self._sorted: list[int] = []
        self.known = 0  # what `usual` has worked out; 0: something was added since

    def add(self, figure: int) -> None:
        """Remember a figure, and forget the oldest where there are enough."""
        self._newest.append(figure)
        if len(self._newest) > SAMPLES:
            oldest = self._newest.popleft()
            if oldest == figure:
                return
            del self._sorted[bisect_left(self._sorted, oldest)]
        insort(self._sorted, figure)
        self.known = 0

    def usual(self) -> int:
        """Return the figure that `SHARE` of them do not exceed, with a margin."""
        place = math.ceil(SHARE * len(self._sorted)) - 1
        self.known = max(LEAST_TOKENS, math.ceil(self._sorted[place] * MARGIN))
        return self.known


class Learned:
    """Remember how much calls have written lately: by token and model, and by model. For one event loop."""

    def __init__(self) -> None:
        self._samples: OrderedDict[tuple[str, str], Samples] = OrderedDict()

    def note(self, ledger: str, model: str, output_tokens: int) -> None:
        """Remember what a call has written."""
        known = self._samples
        samples = known.get((ledger, model))
        if samples is None or (of_model := samples.of_model) is None:
            of_model = self._of("", model, None)
            samples = self._of(ledger, model, of_model)
        elif len(known) > CROWDED:  # before, nobody asks who was noted last
            for key in ((ledger, model), ("", model)):
                if key in known:
                    known.move_to_end(key)
        samples.add(output_tokens)
        of_model.add(output_tokens)

    def _of(self, ledger: str, model: str, of_model: Samples | None) -> Samples:
        samples = self._samples.get((ledger, model))
        if samples is None:
            samples = self._samples[ledger, model] = Samples(of_model)
            if len(self._samples) > REMEMBERED:
                self._samples.popitem(last=False)
        return samples

    def __len__(self) -> int:
        """Return of how many tokens' models something is remembered."""
        return len(self._samples)

    def hold(self, ledger: str, model: str, ceiling: int) -> int:
        """Return the output tokens that a call should hold, at most its ceiling."""
        samples = self._samples.get((ledger, model)) or self._samples.get(("", model))
        if samples is None:
            held = max(LEAST_TOKENS, ceiling // COLD_SHARE)
        else:
            held = samples.known or samples.usual()
        return held if held < ceiling else ceiling


class Running(msgspec.Struct, eq=False):
    """A call whose hold may have to grow. `progress` says what it has cost so far."""

    reservation: Reservation
    downstream: Downstream
    progress: Callable[[], Amount]


class Growth:
    """Look after the holds of running calls, a few times a second while there are any. For one event loop."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._clock = clock
        self._running: dict[str, Running] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, running: Running) -> None:
        self._running[running.reservation.id] = running
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_after(), name="holds")

    def discard(self, reservation: Reservation) -> None:
        self._running.pop(reservation.id, None)

    async def aclose(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _look_after(self) -> None:
        while self._running:
            await asyncio.sleep(LOOK_SECONDS)
            for running in tuple(self._running.values()):
                try:
                    await self.look(running)
                except Exception:
                    logger.exception("A hold could not be looked at; its call goes on")

    async def look(self, running: Running) -> None:
        """Extend the hold of a call that has outgrown it; stop the call when its budget has no more."""
        reservation = running.reservation
        if not reservation.is_open:
            return
        cost = running.progress().cost
        if cost <= reservation.estimate.cost:
            return
        for wanted in (cost * GROWTH, cost):
            extra = wanted.quantize(Decimal("1e-10")) - reservation.estimate.cost
            if await self._ledger.extend(reservation, extra, self._clock()):
                return
        self.discard(reservation)
        running.downstream.interrupt(Interruption.BUDGET)
