"""Write stored objects: what gathers while one write runs goes out together with the next."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

import msgspec
from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from gateway.objects import rows
from gateway.objects.records import StoredObject
from gateway.shared.redis import Shared

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
RETRY_SECONDS = 1.0
REDIS_SECONDS = 3600
PRUNE_SECONDS = 600.0
PRUNED_TOGETHER = 1000
AWAY = (DatabaseError, OSError)  # OSError: a database file that can't be opened

Result = TypeVar("Result")
_encode = msgspec.json.Encoder().encode


class Writer:
    """Writes for one event loop. `on_taken` hears of ids that are another owner's already."""

    def __init__(
        self, shared: Shared | None, clock: Callable[[], float], on_taken: Callable[[str], None]
    ) -> None:
        self._shared = shared
        self._clock = clock
        self._on_taken = on_taken
        self._unwritten: dict[str, StoredObject] = {}
        self._documents: dict[str, str] = {}
        self._gone: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._next: asyncio.Future[None] | None = None  # done when what gathers now has been written
        self._running: asyncio.Future[None] | None = None
        self._is_away = False
        self._prune_at = 0.0  # monotonic

    @property
    def _has_work(self) -> bool:
        return bool(self._unwritten or self._documents or self._gone)

    def put(self, objects: Iterable[StoredObject]) -> None:
        for one in objects:
            self._unwritten[one.id] = one
            self._gone.discard(one.id)

    def describe(self, name: str, document: str) -> None:
        if name in self._unwritten:
            self._unwritten[name] = msgspec.structs.replace(self._unwritten[name], document=document)
        else:
            self._documents[name] = document

    def delete(self, name: str) -> None:
        self._unwritten.pop(name, None)
        self._documents.pop(name, None)
        self._gone.add(name)

    async def settled(self) -> None:
        """Return when what was given by now is in the table, or can't be."""
        if self._has_work:
            if self._next is None:
                self._next = asyncio.get_running_loop().create_future()
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._write_all(), name="objects-writer")
        written = self._next or self._running
        if written is not None and not self._is_away:
            await asyncio.wait([written], timeout=PATIENCE_SECONDS)

    async def aclose(self) -> None:
        """Write what is not written yet."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._has_work:
            try:
                await self._write()
            except AWAY as exc:
                count = len(self._unwritten)
                logger.error("%d stored objects were not written: %s", count, type(exc).__name__)

    async def _write_all(self) -> None:
        while self._has_work:
            try:
                await self._write()
            except AWAY as exc:
                if not self._is_away:
                    logger.error("the table of stored objects is away: %s", type(exc).__name__)
                self._is_away = True
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._is_away = False

    async def _write(self) -> None:
        """Write what has gathered. What can't be written is kept for the next time."""
        objects, documents, gone = self._unwritten, self._documents, self._gone
        self._unwritten, self._documents, self._gone = {}, {}, set()
        self._running, self._next = self._next, None
        now, is_due = self._clock(), time.monotonic() >= self._prune_at

        def write() -> set[str]:
            taken = rows.write(objects.values()) if objects else set()
            if documents:
                rows.describe(documents)
            if gone:
                rows.delete(gone)
            if is_due:
                rows.prune(now, PRUNED_TOGETHER)
            return taken

        try:
            taken = await in_thread(write)
        except BaseException:
            self._unwritten = objects | self._unwritten
            self._documents = documents | self._documents
            self._gone |= gone
            raise
        else:
            if is_due:
                self._prune_at = time.monotonic() + PRUNE_SECONDS
            for name in taken:
                self._on_taken(name)
            await self._tell_redis({name: one for name, one in objects.items() if name not in taken}, gone)
        finally:
            running, self._running = self._running, None
            if running is not None and not running.done():
                running.set_result(None)

    async def _tell_redis(self, objects: Mapping[str, StoredObject], gone: Collection[str]) -> None:
        shared = self._shared
        if shared is None or not shared.health.is_up:
            return
        try:
            async with shared.client.pipeline(transaction=False) as pipe:
                for name, one in objects.items():
                    plain = msgspec.structs.replace(one, document="")
                    pipe.set(redis_name(name), _encode(plain), ex=REDIS_SECONDS)
                for name in gone:
                    pipe.delete(redis_name(name))
                await pipe.execute()
        except (RedisError, OSError) as exc:
            shared.health.down(exc)


def redis_name(name: str) -> str:
    return f"router:object:{name}"


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run a question to the database in a thread of its own.

    Not the thread-sensitive one, which also serves the admin's pages, which may be slow.
    """
    result: Result = await database_sync_to_async(work, thread_sensitive=False)()
    return result
