"""Keep every app's in-memory copy current.

Each app owns one row `<app>_revision(value)` that its services increment with every change. All of them are
read in one query, a few times a second, in a thread of its own; a copy whose revision differs brings itself
up to date. While the database is away the copies go on serving what they know.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from django.db import connection

from gateway.kernel import events

logger = logging.getLogger(__name__)


class Copy(Protocol):
    """An app's rows in memory.

    `apply_changes` is synchronous, asks the ORM, and is called from any thread.
    """

    @property
    def revision(self) -> int:
        """The newest revision whose rows are in memory."""

    def apply_changes(self) -> None: ...


class Freshness:
    """Polls for all copies, each under its app's label. `start` and `aclose` belong to one event loop."""

    def __init__(self, copies: Mapping[str, Copy], interval_seconds: float = 0.5) -> None:
        self._copies = dict(copies)
        self._interval = interval_seconds
        self._applying = threading.Lock()
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._has_read = False
        self._has_failed = False
        self._is_away = False

    @property
    def is_healthy(self) -> bool:
        """Tell whether the last poll succeeded; False before the first."""
        return self._has_read and not self._has_failed

    async def start(self) -> None:
        """Bring every copy up to date once, then keep polling. A database that is away is no error here."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="freshness")
        await self.refresh_now()
        self._task = asyncio.create_task(self._run(), name="freshness")

    def wake(self) -> None:
        """Poll now, because somebody says that something changed. From the event loop."""
        self._wake.set()

    async def aclose(self) -> None:
        self._is_stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
            self._task = None
        if self._thread is not None:
            self._thread.shutdown(wait=True)
            self._thread = None

    async def refresh_now(self) -> None:
        """Return when every copy knows what was committed before the call, or the database did not answer."""
        call = database_sync_to_async(self.refresh, thread_sensitive=False, executor=self._thread)
        await call()

    def refresh(self) -> None:
        """Refresh from synchronous code: a change applies in this process before its API call returns."""
        try:
            with self._applying:
                self._apply()
        except (DatabaseError, OSError) as error:  # OSError: a database file that can't be opened
            if not self._has_failed:
                logger.error(
                    "the database is away (%s): copies in memory go on serving", type(error).__name__
                )
            self._has_failed = True
            self._note_database(False, type(error).__name__)
        except Exception:
            if not self._has_failed:
                logger.exception("a copy in memory could not be brought up to date; trying again")
            self._has_failed = True
        else:
            if self._has_failed:
                logger.warning("the database is back: copies in memory are current")
            self._has_failed = False
            self._has_read = True
            self._note_database(True)

    def _note_database(self, is_there: bool, reason: str = "") -> None:
        if is_there and self._is_away:
            events.emit(events.DATABASE_BACK, "database:")
        elif not is_there and not self._is_away:
            events.emit(events.DATABASE_AWAY, "database:", reason=reason)
        self._is_away = not is_there

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._wake.wait()
            if self._is_stopping:
                return
            self._wake.clear()
            await self.refresh_now()

    def _apply(self) -> None:
        revisions = self._revisions()
        failures: list[Exception] = []
        for app, copy in self._copies.items():
            # Another value, not only a greater one: a database may have been restored from a backup.
            if revisions.get(app, 0) != copy.revision:
                try:
                    copy.apply_changes()
                except Exception as error:  # noqa: BLE001  (raised below: the other copies come first)
                    failures.append(error)
        if failures:
            raise failures[0]

    def _revisions(self) -> dict[str, int]:
        if not self._copies:
            return {}
        quote = connection.ops.quote_name
        query = " UNION ALL ".join(
            f"SELECT %s, MAX(value) FROM {quote(app + '_revision')}"  # noqa: S608  (our own table names)
            for app in self._copies
        )
        with connection.cursor() as cursor:
            cursor.execute(query, list(self._copies))
            return {app: value for app, value in cursor.fetchall() if value is not None}
