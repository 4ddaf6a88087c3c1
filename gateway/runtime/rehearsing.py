"""Let calls meet rehearsed faults: while one is rehearsed, and only then, another relay serves (`rehearsed.py`).

What the fault teaches about accounts is forgotten at the end. Workers ask the database twice a second what is
rehearsed; in the one that was asked it begins at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import httpx
from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from accounts.pool.pool import Pool
from gateway.exchange.context import Arrival
from gateway.kernel.principal import GATEWAY
from gateway.rehearsals import services
from gateway.rehearsals.errors import RehearsalNotFound
from gateway.rehearsals.models import Rehearsal
from gateway.rehearsals.running import Running
from gateway.relay.relay import Relay
from gateway.runtime import faults
from providers.dialects.types import WireRequest
from providers.upstream import Upstream

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
APPLY_SECONDS = 5.0
PATIENCE_SECONDS = 3.0
"""How long the end waits for calls that meet the fault at that moment."""
LINGER_SECONDS = 5.0
"""How long nothing is concluded of the target afterwards: other workers may still hold what it caused."""
HEADER = b"x-rehearsal"
NOBODY_FREE = "All accounts are busy"
"""Begins what `gateway.relay.errors` says where the pool has nobody."""
T = TypeVar("T")


class Rehearser:
    """The rehearsals of one worker. `start` and `aclose` belong to its event loop."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._relays: tuple[Relay, Relay] | None = None  # the ordinary one, and the one for rehearsals
        self._serve: Callable[[Relay], object] = bool
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._running: dict[str, Running] = {}
        self._lingering: dict[str, float] = {}

    def attach(self, ordinary: Relay, rehearsed: Relay, serve: Callable[[Relay], object]) -> None:
        """Take the relays, and what makes one of them serve the calls that come."""
        self._relays, self._serve = (ordinary, rehearsed), serve

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        services.changes.add(self.apply_now)
        self._task = asyncio.create_task(self._run(), name="rehearsals")

    async def aclose(self) -> None:
        services.changes.remove(self.apply_now)
        self._loop = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for each in list(self._running.values()):
            self._close(each)
        await asyncio.gather(*self._ending, return_exceptions=True)

    @property
    def running(self) -> dict[str, Running]:
        """Return what runs in this worker, by its id."""
        return dict(self._running)

    @property
    def is_at_rest(self) -> bool:
        """Tell whether nothing is rehearsed, and nothing of it is left to put back or to write down."""
        return not self._running and not self._ending

    def muted(self) -> frozenset[str]:
        """Return the subjects of which nothing is to be concluded now. From any thread."""
        now = time.monotonic()
        found = {subject for each in list(self._running.values()) for subject in each.subjects}
        return frozenset(found | {subject for subject, until in list(self._lingering.items()) if until > now})

    def apply_now(self) -> None:
        """Take over what the rows say now, before this returns. From any thread but the event loop's."""
        rows, loop = services.running(), self._loop
        if loop is None:
            return
        done = threading.Event()

        def apply() -> None:
            self._apply(rows)
            done.set()

        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(apply)
            done.wait(APPLY_SECONDS)

    async def _run(self) -> None:
        while True:
            try:
                self._apply(await _in_thread(services.running))
            except (DatabaseError, OSError):
                logger.debug("Rehearsals wait: the database is away")
            except Exception:
                logger.exception("Rehearsals could not be read; going on")
            await asyncio.sleep(LOOK_SECONDS)

    def _apply(self, rows: Sequence[Rehearsal]) -> None:
        """Begin and end so that just these run. In the event loop."""
        wanted = {row.pk: row for row in rows}
        for pk in [pk for pk in self._running if pk not in wanted]:
            self._close(self._running[pk])
        for pk, row in wanted.items():
            if pk not in self._running and row.left != 0:
                self._begin(row)

    def _begin(self, row: Rehearsal) -> None:
        if self._relays is None or self._loop is None:
            return
        places = {state.name: state.terms.provider for state in self._pool.states()}
        provider = places.get(row.account, "") if row.account else row.provider
        names = (
            [row.account] if row.account else [name for name, place in places.items() if place == provider]
        )
        subjects = frozenset({f"provider:{provider}", *(f"account:{name}" for name in names)})
        others = (each.before for each in self._running.values() if each.provider == provider)
        before = next(others, None) or self._pool.remember(provider)  # not what another rehearsal has caused
        self._running[row.pk] = Running(row, provider, before, subjects)
        seconds = max(0.0, row.ends_at.timestamp() - time.time())
        self._loop.call_later(seconds, lambda: self._finish(row.pk))
        logger.warning("Rehearsal %s of %s begins", row.pk, row)
        if len(self._running) == 1:
            self._serve(self._relays[1])

    async def answer(
        self, arrival: Arrival, upstream: Upstream, request: WireRequest
    ) -> httpx.Response | None:
        """Return the answer of the fault that a call meets at an upstream; None: it meets none."""
        met = next((each for each in self._running.values() if each.concerns(upstream)), None)
        if met is not None and await self._is_met(met, arrival):
            return self._fault(met, arrival, upstream, request)
        self._moved_on(arrival.exchange.id)
        return None

    async def _is_met(self, each: Running, arrival: Arrival) -> bool:
        """Tell whether a call meets the fault; it counts once, however often it is tried."""
        call = arrival.exchange.id
        if call in each.calls:
            return True
        if each.is_full:
            return False
        if each.row.calls is not None:
            left = await _in_thread(lambda: services.take(each.row.pk))
            if left is None:
                each.is_full = True
                return False
            each.is_full = left == 0
        each.calls[call] = 0
        return not each.ended.is_set()

    def _fault(
        self, each: Running, arrival: Arrival, upstream: Upstream, request: WireRequest
    ) -> httpx.Response:
        exchange, attempts = arrival.exchange, arrival.attempts
        each.met.add(upstream.account)
        each.meeting.add(exchange.id)
        if not exchange.rehearsal:
            exchange.rehearsal, exchange.cost = each.row.pk, Decimal(0)
            if arrival.downstream.is_open:
                arrival.downstream.set_header(HEADER, each.row.pk.encode())
        exchange.is_sent = len(attempts) - 1 > each.calls[exchange.id]  # others were tried, and did get it
        each.calls[exchange.id] += 1
        dialect = attempts[-1].route.dialect if attempts else "anthropic"
        return faults.answer(each.row.fault, faults.dialect_of(request, dialect), request, each.ended)

    def mark(self, arrival: Arrival) -> None:
        """Mark a call that found nobody to ask, because of what is rehearsed: it is nobody's error either."""
        exchange = arrival.exchange
        if not arrival.attempts and exchange.failure_message.startswith(NOBODY_FREE):
            causes = (each for each in self._running.values() if each.met)
            if (cause := next(causes, None)) is not None:
                exchange.rehearsal, exchange.cost = cause.row.pk, Decimal(0)

    def _moved_on(self, call: str) -> None:
        """Note that a call asks somebody real now: the last one to be counted ends a rehearsal by it."""
        for each in list(self._running.values()):
            if call in each.meeting:
                each.meeting.discard(call)
                if each.is_full and not each.meeting:
                    self._finish(each.row.pk)

    def over(self, call: str) -> None:
        """Forget a call that has ended: the last one to be counted ends a rehearsal by it."""
        for each in list(self._running.values()):
            each.meeting.discard(call)
            each.calls.pop(call, None)
            if each.is_full and not each.calls:
                self._finish(each.row.pk)

    def _finish(self, pk: str) -> None:
        """End a rehearsal whose time or calls are over, and say so in its row."""
        each = self._running.get(pk)
        if each is not None:
            self._close(each)
            self._later(self._note_end(pk))

    def _close(self, each: Running) -> None:
        """Let no further call meet it; put back what it caused, when the calls that meet it now are through."""
        self._lingering |= dict.fromkeys(each.subjects, time.monotonic() + PATIENCE_SECONDS + LINGER_SECONDS)
        self._running.pop(each.row.pk, None)
        each.ended.set()
        if not self._running and self._relays is not None:
            self._serve(self._relays[0])
        logger.warning("Rehearsal %s of %s ends", each.row.pk, each.row)
        if each.met and each.meeting:
            self._later(self._put_back_soon(each))
        elif each.met:
            self._put_back(each)

    async def _put_back_soon(self, each: Running) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while each.meeting and time.monotonic() < until:  # noqa: ASYNC110 - a moment, and nobody tells
            await asyncio.sleep(0.02)
        self._put_back(each)

    def _put_back(self, each: Running) -> None:
        self._pool.put_back(each.before, each.met)
        now = time.monotonic()
        self._lingering = {name: until for name, until in self._lingering.items() if until > now}
        self._lingering |= dict.fromkeys(each.subjects, now + LINGER_SECONDS)

    async def _note_end(self, pk: str) -> None:
        with contextlib.suppress(RehearsalNotFound, DatabaseError, OSError):
            await _in_thread(lambda: services.end(pk, principal=GATEWAY))

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _in_thread(work: Callable[[], T]) -> T:
    call: Any = database_sync_to_async(work, thread_sensitive=False)
    found: T = await call()
    return found
