"""Take finished exchanges from the relay and write them in batches.

`record` only appends to a queue. One task takes what has gathered, at least once a second, and writes it in
a thread of its own. While the database is away, batches go to a spool file in `DATA_DIR`, which is replayed
when it is back and, when this process is gone, by the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from gateway.exchange.exchange import Exchange
from gateway.models import AuditRow, ExchangeRow, RequestLogRow
from gateway.usage import hourly, retention, services
from gateway.usage.requestlog import rows as log_rows
from gateway.usage.requestlog.taps import RequestLog
from gateway.usage.spool import Spool, orphans
from gateway.usage.tidy import tidy

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecorderOptions:
    """Sizes in exchanges unless named otherwise; days of 0 keep everything. `log_…` are of the request log."""

    directory: Path
    spool_max_bytes: int = 64 * 1024 * 1024
    retention_days: int = 90
    audit_days: int = 365
    log_days: int = 7
    log_percent: int = 0
    log_bytes: int = 65536
    interval_seconds: float = 1.0
    batch: int = 1000
    queue_max: int = 20_000
    retry_seconds: float = 1.0  # after the database was seen away; doubles up to `retry_max_seconds`
    retry_max_seconds: float = 15.0
    prune_seconds: float = 60.0  # how often old rows are looked for, when there is nothing else to do


class _Source(Protocol):
    """A spool file, ours or one left behind."""

    def batches(self, count: int) -> Iterator[list[Exchange]]: ...

    def clear(self) -> None: ...


class Recorder:
    """Queue and writer of one process and event loop. `record` and `aclose` belong to that loop."""

    def __init__(self, options: RecorderOptions) -> None:
        self._options = options
        self._queue: deque[Exchange] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False
        self._thread: ThreadPoolExecutor | None = None
        self._spool = Spool(options.directory, uuid.uuid4().hex, options.spool_max_bytes)
        self._away_until = 0.0  # monotonic; 0 = the database answers, as far as we know
        self._retry_seconds = options.retry_seconds
        self._has_adopted = False
        self._flushers: list[asyncio.Future[bool]] = []
        self._in_hand = 0  # taken from the queue, and not yet in database or spool
        self._prune_at = 0.0
        self.log = RequestLog(options.log_percent, options.log_bytes)
        self.written = 0
        self.dropped = 0  # lost: queue or spool full, or unusable

    @property
    def is_healthy(self) -> bool:
        """False while the database is away."""
        return self._away_until == 0.0

    @property
    def queued(self) -> int:
        """The number of exchanges that are in memory only."""
        return len(self._queue) + self._in_hand

    @property
    def spooled_bytes(self) -> int:
        return self._spool.size_bytes

    def concluded(self, exchange: Exchange) -> None:
        """Take an exchange over. Never waits, never raises; the caller doesn't touch it again."""
        queue = self._queue
        if len(queue) >= self._options.queue_max:
            self._drop(1, "the queue is full")
            return
        queue.append(exchange)
        if len(queue) == self._options.batch:
            self._wake.set()

    async def start(self) -> None:
        """Begin writing. What earlier processes left in spool files is written with the first batch."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="usage-writer")
        self._task = asyncio.create_task(self._run(), name="usage-writer")

    async def flush(self) -> bool:
        """Return when what was recorded before this call is in the database; False when it can't be written
        now.

        Spools of earlier processes are included.
        """
        if self._task is None or self._is_closing:
            return False
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._flushers.append(waiting)
        self._wake.set()
        return await waiting

    async def aclose(self) -> None:
        """Write what is queued, or spool it, and stop. Returns when nothing is left in memory."""
        if self._task is None or self._thread is None:
            return
        self._is_closing = True
        self._wake.set()
        await self._task
        self._task = None
        self._thread.shutdown(wait=True)

    def finish(self) -> None:
        """Do the same as `aclose` where no event loop is left to wait in."""
        self._is_closing = True
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        self._last_turn()

    async def _run(self) -> None:
        while not self._is_closing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.interval_seconds):
                    await self._wake.wait()
            self._wake.clear()
            flushers, self._flushers = self._flushers, []
            if not self._is_closing:
                await self._in_thread(self.turn)
            for waiting in flushers:
                if not waiting.done():  # its caller may have gone
                    waiting.set_result(self.is_healthy and self._has_adopted and not self._spool.has_lines)
        await self._in_thread(self._last_turn)
        for waiting in self._flushers:
            waiting.cancel()

    async def _in_thread(self, work: Callable[[], None]) -> None:
        call = database_sync_to_async(work, thread_sensitive=False, executor=self._thread)
        try:
            await call()
        except Exception:
            logger.exception("usage writer: unforeseen error; it goes on")

    # Everything below runs in the writer's thread, one call at a time.

    def turn(self) -> None:
        """Write what is queued now.

        What comes meanwhile waits for the next turn: a batch costs as much as forty rows, and under load
        there would be one for every three.
        """
        left = len(self._queue)
        has_written = left > 0
        while left > 0:
            left -= self._write_next()
        if time.monotonic() < self._away_until:
            return
        if self._spool.has_lines or not self._has_adopted:
            self._replay_all()
        elif not has_written:
            self._prune()

    def _last_turn(self) -> None:
        while self._queue:
            self._write_next()
        self._spool.close()

    def _write_next(self) -> int:
        """Write one batch; return how many exchanges it had."""
        count = self._in_hand = min(len(self._queue), self._options.batch)
        batch = [tidy(self._queue.popleft()) for _ in range(count)]
        self._write_or_spool(batch)
        if self.log.entries and (kept := self.log.taken([each.id for each in batch])) and self.is_healthy:
            self._asked(partial(log_rows.write, kept, self._options.log_bytes))
        self._in_hand = 0
        return count

    def _write_or_spool(self, batch: Sequence[Exchange]) -> None:
        if time.monotonic() >= self._away_until and self._asked(partial(self._write, batch)):
            return
        try:
            left_over = self._spool.append(batch)
        except OSError as error:
            self._drop(len(batch), f"the spool can't be written: {error.strerror}")
        else:
            if left_over:
                self._drop(left_over, "the spool is full")

    def _write(self, batch: Sequence[Exchange]) -> None:
        written = services.write(batch)
        self.written += written.inserted
        if written.unusable:
            self.dropped += len(written.unusable)
            logger.error(
                "usage: %d exchanges that no database takes: %r", len(written.unusable), written.unusable
            )

    def _asked(self, work: Callable[[], None]) -> bool:
        """Do the work, remember and return whether the database answered."""
        try:
            work()
        except (DatabaseError, OSError) as error:  # OSError: a database file that can't be opened
            self._mark_away(error)
            return False
        except Exception as error:
            logger.exception("usage: an unforeseen error; exchanges are kept as if the database were away")
            self._mark_away(error)
            return False
        if not self.is_healthy:
            self._away_until, self._retry_seconds = 0.0, self._options.retry_seconds
            logger.warning("usage: the database is back")
        return True

    def _mark_away(self, error: Exception) -> None:
        if self.is_healthy:
            logger.error(
                "usage: the database is away (%s); exchanges go to a spool file of at most %d bytes",
                type(error).__name__,
                self._options.spool_max_bytes,
            )
        self._away_until = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(self._retry_seconds * 2, self._options.retry_max_seconds)

    def _replay_all(self) -> None:
        if self._spool.has_lines and not self._replay(self._spool):
            return
        for orphan in orphans(self._options.directory):
            if not self._replay(orphan):
                orphan.close()
                return
        self._has_adopted = True

    def _replay(self, source: _Source) -> bool:
        before = self.written
        for batch in source.batches(self._options.batch):
            if not self._asked(partial(self._write, batch)):
                return False
        source.clear()
        logger.info("usage: spool replayed, %d rows written", self.written - before)
        return True

    def _prune(self) -> None:
        options, now, gone = self._options, time.monotonic(), 0
        if now < self._prune_at:
            return

        def prune() -> None:
            nonlocal gone
            for model, days in (
                (ExchangeRow, options.retention_days),
                (AuditRow, options.audit_days),
                (RequestLogRow, options.log_days),
            ):
                if days:
                    cutoff = time.time() - days * retention.DAY_SECONDS
                    gone = max(gone, retention.delete_before(model, cutoff, options.batch))
            hourly.forget(time.time())

        if self._asked(prune) and gone < options.batch:
            self._prune_at = now + options.prune_seconds

    def _drop(self, count: int, why: str) -> None:
        if self.dropped == 0:
            logger.error("usage: exchanges are lost: %s", why)
        self.dropped += count
