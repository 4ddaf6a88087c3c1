"""Maintain the pool in one event loop's background: files, shared cooldowns, counters, early refreshes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from channels.db import database_sync_to_async
from django.db import Error as DatabaseAway

from accounts.credentials.refresh import Refresher
from accounts.errors import RefreshFailed
from accounts.pool.outcomes import nobody
from accounts.pool.pool import Pool

logger = logging.getLogger(__name__)

AFTER_FAILURE_SECONDS = 300.0
TRAFFIC_EVERY = 2  # rounds
GATHER_SECONDS = 0.05
"""Pause between being woken and the round: what comes in a burst is written at once."""


class RefreshRunner:
    """Run a `Refresher` for coroutines: one refresh per account at a time, detached from those who wait."""

    def __init__(self, refresher: Refresher, threads: int = 4) -> None:
        self._refresher = refresher
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="refresh")
        self._running: dict[int, asyncio.Task[None]] = {}

    async def __call__(self, account: int, refused: str) -> None:
        """Refresh an account's pair.

        Raises `RefreshFailed`. Cancelling the caller leaves the refresh running.
        """
        task = self._running.get(account)
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            refresh = database_sync_to_async(
                self._refresher.refresh, thread_sensitive=False, executor=self._threads
            )
            task = asyncio.get_running_loop().create_task(
                refresh(account, refused), name=f"refresh-{account}"
            )
            task.add_done_callback(_note_failure)
            self._running[account] = task
        await asyncio.shield(task)

    async def aclose(self) -> None:
        """Wait for refreshes under way: one that is cut off may cost the login."""
        running = [task for task in self._running.values() if task.get_loop() is asyncio.get_running_loop()]
        await asyncio.gather(*running, return_exceptions=True)
        self._threads.shutdown(wait=False)


def _note_failure(task: asyncio.Task[None]) -> None:
    """Read the outcome, so that one nobody waited for is not reported as forgotten."""
    known = RefreshFailed, DatabaseAway
    if not task.cancelled() and (exc := task.exception()) is not None and not isinstance(exc, known):
        logger.error("Refreshing failed unexpectedly", exc_info=exc)


class Maintenance:
    """Maintain one pool in rounds; `start` and `aclose` belong to one event loop.

    `on_saved` is called when cooldowns were written down that other processes lack.
    """

    def __init__(
        self,
        pool: Pool,
        runner: RefreshRunner,
        interval_seconds: float = 0.5,
        on_saved: Callable[[], None] = nobody,
    ) -> None:
        self._pool = pool
        self._runner = runner
        self._interval_seconds = interval_seconds
        self._on_saved = on_saved
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._early: set[asyncio.Task[None]] = set()
        self._not_before: dict[int, float] = {}
        self._is_database_away = False
        self._round = 0

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool.tell_unsaved(self.wake)
        self._task = asyncio.create_task(self._run(), name="accounts-maintenance")
        self._watch = asyncio.create_task(self._watch_files(), name="accounts-files")

    def wake(self) -> None:
        """Begin the next round now: cooldowns are to be written down, or others wrote some.

        From any thread.
        """
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._wake.set)

    async def aclose(self) -> None:
        """Stop, wait for refreshes under way, and write down what is left."""
        self._pool.tell_unsaved(nobody)
        self._is_stopping = True
        self._wake.set()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        if self._task is not None:
            await self._task
            self._task = None
        await self._runner.aclose()
        await asyncio.gather(*self._early, return_exceptions=True)
        await self._in_thread(self._pool.save)

    async def _watch_files(self) -> None:
        """Poll files beside the rounds: a database that is slow to fail must not hide a new login."""
        while True:
            await self._in_thread(self._pool.poll_files)
            await asyncio.sleep(self._interval_seconds)

    async def _run(self) -> None:
        while not self._is_stopping:
            self._round += 1
            self._note_database(await self._in_thread(self._talk_to_database))
            self._refresh_early()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds):
                    await self._wake.wait()
                await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()

    def _talk_to_database(self) -> None:
        """Do all of a round's work over one connection."""
        if self._pool.save_cooldowns():
            self._on_saved()
        self._pool.share()
        if self._round % TRAFFIC_EVERY == 0:
            self._pool.save_traffic()

    async def _in_thread(self, work: Callable[[], None]) -> bool:
        """Run work in a thread; False: the database is away. The copies serve on, what is unsaved waits."""
        try:
            await database_sync_to_async(work, thread_sensitive=False)()
        except DatabaseAway:
            return False
        except Exception:
            logger.exception("Accounts: background work failed")
        return True

    def _note_database(self, is_there: bool) -> None:
        if is_there == self._is_database_away:
            logger.warning(
                "Accounts: the database is %s", "back" if is_there else "away: cooldowns stay in memory"
            )
        self._is_database_away = not is_there

    def _refresh_early(self) -> None:
        now = asyncio.get_running_loop().time()
        for account, refused in self._pool.due_for_refresh():
            if now >= self._not_before.get(account, 0.0):
                self._not_before[account] = now + AFTER_FAILURE_SECONDS
                task = asyncio.create_task(self._refresh(account, refused))
                self._early.add(task)
                task.add_done_callback(self._early.discard)

    async def _refresh(self, account: int, refused: str) -> None:
        try:
            await self._runner(account, refused)
        except RefreshFailed as exc:
            logger.warning("account %d: early refresh failed: %s", account, exc)
            await self._in_thread(self._pool.apply_changes)
            return
        except DatabaseAway:
            return  # told by the rounds; tried again after the pause
        self._not_before.pop(account, None)
        await self._in_thread(partial(self._pool.look_again, account))
