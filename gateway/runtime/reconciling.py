"""Find what nobody told us of people and groups: rows that were written past Django's signals, or are long over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from tokens.people import following, mirror
from tokens.signin import tidying

logger = logging.getLogger(__name__)

SECONDS = 30.0
PAUSE_SECONDS = 0.1
"""Between two batches of sign-ins."""


class Reconciler:
    """Looks twice a minute, each process at a moment of its own. For one event loop."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether it looks."""
        return self._task is not None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="reconciler")

    async def aclose(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            await database_sync_to_async(look, thread_sensitive=False)()


def look() -> None:
    """Bring groups and sign-ins in line once, and remove old ones. A database that is away is asked again later."""
    try:
        found = mirror.repair() + following.reconcile(PAUSE_SECONDS)
        gone = tidying.tidy()
    except (DatabaseError, OSError) as error:
        logger.debug("People can't be looked at: %s", type(error).__name__)
        return
    except Exception:
        logger.exception("People could not be brought in line; trying again")
        return
    if found:
        logger.info("People: %d rows that were written elsewhere are in line now", found)
    if gone:
        logger.info("People: %d sign-ins that ended more than %d days ago are gone", gone, tidying.KEPT_DAYS)
