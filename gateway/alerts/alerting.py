"""Alert, beside a worker's relay: one task looks and decides, another delivers, each channel by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from gateway.alerts import budgets, messages, sending
from gateway.alerts.looking import Looker
from gateway.alerts.models import AlertChannel, AlertEvent, AlertMessage
from gateway.alerts.outage import DatabaseOutage, Names, OwnNames
from gateway.kernel import events
from gateway.kernel.events import Event

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
GATHER_SECONDS = 0.2
"""Pause between looks, however many events wake them: what comes in a burst is told at once."""
DELIVER_SECONDS = 1.0
QUIET_SECONDS = 5.0
"""Pause between deliveries where no message waits: what this worker posts wakes it, what a dead one left may wait."""
MOST_OF_CHANNEL = 4
MOST_AT_ONCE = 64
MOST_NOTED = 20_000
STOP_SECONDS = 5.0
T = TypeVar("T")


class Alerting:
    """Alerts of one worker. `start` and `aclose` belong to one event loop."""

    def __init__(self, looker: Looker, names: Names | None = None) -> None:
        self.looker = looker
        self.names: Names = names or OwnNames()
        self._noting = threading.Lock()
        self._noted: dict[tuple[str, str], Event] = {}
        self._is_database_away = False
        self._outage: DatabaseOutage | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake, self._posted = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._sending: dict[str, set[asyncio.Task[None]]] = {}
        self._threads: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Begin to look, to hear events, and to deliver."""
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="alerts")
        events.subscribe(self.hear)
        self._tasks = [
            asyncio.create_task(self._look_again_and_again(), name="alerts-looks"),
            asyncio.create_task(self._deliver_again_and_again(), name="alerts-deliveries"),
        ]

    async def aclose(self) -> None:
        """Stop. What is being sent has a while to end; what is cut is sent again when its claim has run out."""
        events.unsubscribe(self.hear)
        self._loop = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        running = [task for tasks in self._sending.values() for task in tasks]
        if running:
            _, late = await asyncio.wait(running, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        if self._noted and not self._is_database_away:
            with contextlib.suppress(DatabaseError, OSError):
                await self._in_thread(lambda: self.looker.look(self._take()))
        self._tasks = []
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None

    @property
    def waiting(self) -> int:
        """Return how many events of budgets no look has taken yet."""
        return len(self._noted)

    def hear(self, event: Event) -> None:
        """Note an event and have it looked at. Called where a state changes: it does not wait."""
        with self._noting:
            if event.kind == events.DATABASE_AWAY:
                self._is_database_away = True
            elif event.kind == events.DATABASE_BACK:
                self._is_database_away = False
            elif event.kind in budgets.KINDS and len(self._noted) < MOST_NOTED:
                self._noted[event.kind, event.subject] = event
        self._call(self._wake.set)

    def _call(self, work: Callable[[], object]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(work)

    def _take(self) -> list[Event]:
        with self._noting:
            noted, self._noted = self._noted, {}
        return list(noted.values())

    def _put_back(self, noted: list[Event]) -> None:
        with self._noting:
            self._noted = {**{(event.kind, event.subject): event for event in noted}, **self._noted}

    async def _look_again_and_again(self) -> None:
        while True:
            try:
                await self._look()
            except (DatabaseError, OSError):
                await self._tell_away()
            except Exception:
                logger.exception("Alerts: a look failed; going on")
            await asyncio.sleep(GATHER_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()

    async def _look(self) -> None:
        if self._is_database_away:
            return await self._tell_away()
        outage = self._outage
        if outage is not None:
            await self._in_thread(outage.write_down)
            self._outage = None
        noted = self._take()
        try:
            made = await self._in_thread(lambda: self.looker.look(noted))
        except Exception:
            self._put_back(noted)
            raise
        if made:
            self._posted.set()
        return None

    async def _tell_away(self) -> None:
        """Tell that the database is away, once there is no doubt: the copies' own poll says so as well."""
        if not self._is_database_away:
            return
        if self._outage is None:
            self._outage = DatabaseOutage(self.names)
        wanted = [rule for rule in self.looker.rules if rule.event == AlertEvent.DATABASE]
        await self._outage.tell(wanted, self.looker.channels)

    async def _deliver_again_and_again(self) -> None:
        while True:
            pause = DELIVER_SECONDS
            try:
                if not self._is_database_away and not await self._deliver():
                    pause = QUIET_SECONDS
            except (DatabaseError, OSError) as exc:
                logger.debug("Alerts wait: the database is away (%s)", type(exc).__name__)
            except Exception:
                logger.exception("Alerts: delivering failed; going on")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._posted.wait()
            self._posted.clear()

    async def _deliver(self) -> bool:
        """Begin to send what is due, as far as channels have room; does not wait for it. Tell whether any is left."""
        room = MOST_AT_ONCE - sum(map(len, self._sending.values()))
        full = [name for name, tasks in self._sending.items() if len(tasks) >= MOST_OF_CHANNEL]
        if room <= 0:
            return True
        claimed = await self._in_thread(lambda: messages.claim(full, min(room, MOST_OF_CHANNEL)))
        if not claimed:
            return await self._in_thread(messages.are_waiting)
        names = {message.channel for message in claimed}
        rows = await self._in_thread(lambda: list(AlertChannel.objects.filter(name__in=names)))
        known = {row.name: row for row in rows}
        for message in claimed:
            task = asyncio.create_task(self._send(known.get(message.channel), message))
            self._sending.setdefault(message.channel, set()).add(task)
            task.add_done_callback(lambda done, name=message.channel: self._sent(name, done))  # type: ignore[misc]
        self._posted.set()  # perhaps there is more
        return True

    def _sent(self, channel: str, task: asyncio.Task[None]) -> None:
        tasks = self._sending.get(channel, set())
        tasks.discard(task)
        if not tasks:
            self._sending.pop(channel, None)
        if not task.cancelled() and (exc := task.exception()) is not None:
            logger.error("Alerts: a message could not be sent or noted", exc_info=exc)
        self._posted.set()

    async def _send(self, row: AlertChannel | None, message: AlertMessage) -> None:
        if not await self._in_thread(lambda: messages.is_still_true(message)):
            await self._in_thread(lambda: messages.drop(message))
            return
        outcome = await sending.send(row, message)
        if not outcome.is_ok:
            logger.warning("An alert could not be sent to channel %s: %s", message.channel, outcome.error)
        await self._in_thread(lambda: messages.conclude(message, outcome))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        call: Any = database_sync_to_async(work, thread_sensitive=False, executor=self._threads)
        found: T = await call()
        return found
