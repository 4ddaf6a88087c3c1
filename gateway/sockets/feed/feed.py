"""Those who look at the live feed in this process, and the one reader that they share."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from channels.db import database_sync_to_async
from django.db import connections

from gateway.access.sessions import Watched
from gateway.sockets.feed.arrivals import Arrivals, Look
from gateway.sockets.feed.viewer import MOST_WAITING, Piece, Viewer, pieces
from gateway.usage.requests.filters import Filters
from gateway.usage.requests.matching import matches

logger = logging.getLogger(__name__)

MOST_VIEWERS = 100
MOST_READ = 500
"""Calls that one look reads where somebody asks for some of them only."""
MOST_TOLD = 500
"""Calls that one look brings to all viewers together, counted at each: nobody reads two hundred a second."""
FEWEST_TOLD = 10
TICK_SECONDS = 0.3
LOOK_SECONDS, LOOK_SECONDS_OF_MANY, MANY = 0.5, 0.9, 20
"""Rows are written each second, and a call is told within two."""
PING_SECONDS = 15.0
EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Asked:
    """What one look is for: filters, sessions, and the number of calls that are told to each viewer.

    `returned`: filters and last calls of those who have been here before.
    """

    filters: Collection[Filters]
    returned: Collection[tuple[Filters, uuid.UUID]]
    sessions: frozenset[str]
    most: int


@dataclass(frozen=True, slots=True)
class Found:
    """The sessions that are good; by filters and the last call seen what is told, with the number of what is not."""

    alive: Collection[str] = ()
    told: dict[tuple[Filters, uuid.UUID | None], tuple[list[Piece], int]] = field(default_factory=dict)


class Feed:
    """One per process. While nobody looks there is no task, no thread and no query."""

    def __init__(self, sessions: Watched, arrivals: Callable[[], Arrivals] = Arrivals) -> None:
        self._sessions = sessions
        self._arrivals = arrivals
        self._viewers: set[Viewer] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_reading(self) -> bool:
        """Tell whether rows are looked for."""
        return bool(self._tasks)

    def join(self, viewer: Viewer) -> bool:
        """Let somebody look from now on; False when there are too many already."""
        if len(self._viewers) >= MOST_VIEWERS:
            return False
        self._viewers.add(viewer)
        if not self._tasks:
            for work in (self._read(self._arrivals()), self._tick()):
                task = asyncio.create_task(work, name="live-feed")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return True

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        if not self._viewers:
            for task in self._tasks:
                task.cancel()
            self._tasks = set()

    async def _tick(self) -> None:
        """Send what could not be sent at once, and pings, whether or not the database answers."""
        clock = asyncio.get_running_loop().time
        ping_at = clock() + PING_SECONDS
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._flush()
            if clock() >= ping_at:
                ping_at = clock() + PING_SECONDS
                for viewer in self._viewers:
                    viewer.ping()

    async def _read(self, arrivals: Arrivals) -> None:
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live-feed")
        work = database_sync_to_async(self._look, thread_sensitive=False, executor=thread)
        is_away = False
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS_OF_MANY if len(self._viewers) > MANY else LOOK_SECONDS)
                asked = self._asked()
                try:
                    self._tell(asked, await work(arrivals, asked))
                    is_away = False
                except Exception as exc:
                    if not is_away:
                        logger.warning("live feed: nothing can be read", exc_info=exc)
                    is_away = True
        finally:
            thread.submit(connections.close_all)
            thread.shutdown(wait=False)

    def _asked(self) -> Asked:
        return Asked(
            {viewer.filters for viewer in self._viewers},
            {(viewer.filters, viewer.since) for viewer in self._viewers if viewer.since is not None},
            frozenset(viewer.session for viewer in self._viewers if viewer.session is not None),
            min(MOST_WAITING, max(FEWEST_TOLD, MOST_TOLD // max(1, len(self._viewers)))),
        )

    def _look(self, arrivals: Arrivals, asked: Asked) -> Found:
        """Do all that needs the database, in a thread: a second one would cost as much as a few calls."""
        alive = self._sessions.alive(asked.sessions) if asked.sessions else ()
        look = arrivals.look(asked.most if asked.filters == {EVERYTHING} else MOST_READ)
        found = Found(alive)
        if look.arrivals or look.left_out:
            found.told.update({(each, None): _passing(look, each, asked.most) for each in asked.filters})
        for filters, since in asked.returned:
            missed = arrivals.behind(since, MOST_READ)
            found.told[filters, since] = _passing(missed, filters, MOST_WAITING)
        return found

    def _tell(self, asked: Asked, found: Found) -> None:
        lost = asked.sessions.difference(found.alive)
        for viewer in self._viewers:
            if viewer.session in lost:
                viewer.lost.set()
            elif told := found.told.get((viewer.filters, viewer.since)):  # else she has come meanwhile
                viewer.offer(*told)
                viewer.since = None
        self._flush()

    def _flush(self) -> None:
        now = asyncio.get_running_loop().time()
        for viewer in self._viewers:
            viewer.flush(now)


def _passing(look: Look, filters: Filters, most: int) -> tuple[list[Piece], int]:
    found = look.arrivals
    passing = found if filters == EVERYTHING else [each for each in found if matches(filters, each.row)]
    told = passing[-most:]
    return pieces([each.text for each in told]), look.left_out + len(passing) - len(told)
