"""Those who look at the live feed in this process, and the one reader that they share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from channels.db import database_sync_to_async

from gateway.access import sessions
from gateway.access.sessions import May
from gateway.sockets.feed.arrivals import Arrivals, Look
from gateway.sockets.feed.viewer import FRAME_ROWS, MOST_WAITING, Piece, Viewer, pieces
from gateway.usage.requests.filters import Filters
from gateway.usage.requests.matching import matches

logger = logging.getLogger(__name__)

MOST_VIEWERS = 100
MOST_READ = 500
MOST_TOLD = 50 * MOST_WAITING
"""Calls that one look may bring to one viewer, and to all together: beyond it each is shown less of a busy moment."""
LOOK_SECONDS = 0.4
LOOKS_A_CHECK = 2
"""Sessions are looked after at each second look: a second at most."""

NEEDED = "gateway.view_exchangerow"

T = TypeVar("T")


def may_look(user: Any) -> bool:
    """Tell whether a login may look at finished calls."""
    return bool(user.is_staff and user.has_perm(NEEDED))


class Feed:
    """One per process. While nobody looks there is no task, no thread and no query."""

    def __init__(self, may_look: May, arrivals: Callable[[], Arrivals] = Arrivals) -> None:
        self._may_look = may_look
        self._arrivals = arrivals
        self._viewers: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_reading(self) -> bool:
        """Tell whether rows are looked for."""
        return self._task is not None and not self._task.done()

    def join(self, viewer: Viewer) -> bool:
        """Let somebody look from now on; False when there are too many already."""
        if len(self._viewers) >= MOST_VIEWERS:
            return False
        self._viewers.add(viewer)
        if not self.is_reading:
            self._task = asyncio.create_task(self._run(self._arrivals()), name="live-feed")
        return True

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)

    async def _run(self, arrivals: Arrivals) -> None:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="live-feed") as thread:
            looks, is_away = 0, False
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                if not self._viewers:
                    return
                looks += 1
                try:
                    await self._turn(thread, arrivals, is_check=looks % LOOKS_A_CHECK == 0)
                    is_away = False
                except Exception as exc:
                    if not is_away:
                        logger.warning("live feed: nothing can be read", exc_info=exc)
                    is_away = True

    async def _turn(self, thread: ThreadPoolExecutor, arrivals: Arrivals, *, is_check: bool) -> None:
        if is_check:
            await self._check(thread)
        most = min(MOST_READ, max(FRAME_ROWS, MOST_TOLD // max(1, len(self._viewers))))
        look = await _in(thread, arrivals.look, most)
        if not (look.arrivals or look.left_out):
            return
        found: dict[Filters, list[Piece]] = {}
        for viewer in self._viewers:
            if viewer.filters not in found:
                found[viewer.filters] = _passing(look, viewer.filters)
            viewer.offer(found[viewer.filters], look.left_out)

    async def _check(self, thread: ThreadPoolExecutor) -> None:
        """Tell those whose session has ended, or may not look any more."""
        keys = {viewer.session for viewer in self._viewers if viewer.session is not None}
        alive = await _in(thread, sessions.alive, keys, self._may_look) if keys else keys
        for viewer in self._viewers:
            if viewer.session in keys - alive:
                viewer.lost.set()


def _passing(look: Look, filters: Filters) -> list[Piece]:
    return pieces([each.text for each in look.arrivals if matches(filters, each.row)])


async def _in(thread: ThreadPoolExecutor, work: Callable[..., T], *arguments: Any) -> T:
    call = database_sync_to_async(work, thread_sensitive=False, executor=thread)
    result: T = await call(*arguments)
    return result
