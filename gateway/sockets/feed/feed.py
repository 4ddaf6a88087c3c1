"""Those who look at the live feed in this process, and the one reader that they share."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django.db import close_old_connections, connections

from gateway.access.sessions import Watched
from gateway.sockets.feed.arrivals import Arrivals, Look
from gateway.sockets.feed.viewer import MOST_WAITING, Piece, Viewer, pieces
from gateway.usage.requests.filters import Filters
from gateway.usage.requests.matching import matches

logger = logging.getLogger(__name__)

MOST_VIEWERS = 100
MOST_READ = 500
"""Calls that one look reads where somebody asks for some of them only."""
MOST_TOLD, MOST_TOLD_TO_MANY = 500, 250
"""Calls that one look brings to all viewers together, counted at each: nobody reads two hundred a second."""
FEWEST_TOLD = 5
TICK_SECONDS = 0.3
LOOK_SECONDS, LOOK_SECONDS_OF_MANY, MANY = 0.5, 0.9, 20
"""Rows are written each second, and a call is told within two; so is one whose session is over."""
PING_SECONDS = 15.0
EVERYTHING = Filters()
ONLY_EVERYTHING = (EVERYTHING,)
NOBODY = frozenset[str]()


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
        self._by_filters: dict[Filters, set[Viewer]] = {}
        self._sessions_of_all: frozenset[str] | None = (
            None  # None: somebody has come or gone since it was made
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None

    @property
    def is_reading(self) -> bool:
        """Tell whether rows are looked for."""
        return bool(self._tasks)

    @property
    def is_behind(self) -> bool:
        """Tell whether somebody has more coming, which is sent in a moment."""
        return self._again is not None

    def join(self, viewer: Viewer) -> bool:
        """Let somebody look from now on; False when there are too many already."""
        if len(self._viewers) >= MOST_VIEWERS:
            return False
        self._viewers.add(viewer)
        self._by_filters.setdefault(viewer.filters, set()).add(viewer)
        self._sessions_of_all = None
        if not self._tasks:
            for work in (self._read(self._arrivals()), self._ping()):
                task = asyncio.create_task(work, name="live-feed")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return True

    def leave(self, viewer: Viewer) -> None:
        if viewer in self._viewers:
            self._viewers.discard(viewer)
            self._sessions_of_all = None
            alike = self._by_filters[viewer.filters]
            alike.discard(viewer)
            if not alike:
                del self._by_filters[viewer.filters]
        if not self._viewers:
            for task in self._tasks:
                task.cancel()
            self._tasks = set()
            if self._again is not None:
                self._again.cancel()
                self._again = None

    async def _ping(self) -> None:
        """Tell that we are there, whether or not the database answers."""
        while True:
            await asyncio.sleep(PING_SECONDS)
            for viewer in self._viewers:
                viewer.ping()

    async def _read(self, arrivals: Arrivals) -> None:
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live-feed")
        work = asyncio.get_running_loop().run_in_executor
        is_away, turn = False, 0
        try:
            while True:
                are_many = len(self._viewers) > MANY
                await asyncio.sleep(LOOK_SECONDS_OF_MANY if are_many else LOOK_SECONDS)
                turn += 1
                asked = self._asked(has_sessions=not are_many or turn % 2 == 0)
                try:
                    self._tell(asked, await work(thread, self._look, arrivals, asked))
                    is_away = False
                except Exception as exc:
                    if not is_away:
                        logger.warning("live feed: nothing can be read", exc_info=exc)
                    is_away = True
                self._flush()
        finally:
            thread.submit(connections.close_all)
            thread.shutdown(wait=False)

    def _asked(self, *, has_sessions: bool) -> Asked:
        """Return what is to be looked for. Sessions of many are asked about at every other look: that is in time."""
        if self._sessions_of_all is None:
            self._sessions_of_all = frozenset(
                viewer.session for viewer in self._viewers if viewer.session is not None
            )
        return Asked(
            tuple(self._by_filters),
            {(viewer.filters, viewer.since) for viewer in self._viewers if viewer.since is not None},
            self._sessions_of_all if has_sessions else NOBODY,
            self._most(),
        )

    def _most(self) -> int:
        count = max(1, len(self._viewers))
        together = MOST_TOLD_TO_MANY if count > MANY else MOST_TOLD
        return min(MOST_WAITING, max(FEWEST_TOLD, together // count))

    def _look(self, arrivals: Arrivals, asked: Asked) -> Found:
        """Do all that needs the database, in a thread: a second one would cost as much as a few calls."""
        try:
            return self._found(arrivals, asked)
        finally:
            close_old_connections()  # what a pool has lent goes back

    def _found(self, arrivals: Arrivals, asked: Asked) -> Found:
        alive = self._sessions.alive(asked.sessions) if asked.sessions else ()
        look = arrivals.look(asked.most if asked.filters == ONLY_EVERYTHING else MOST_READ)
        found = Found(alive)
        if look.arrivals or look.left_out:
            found.told.update({(each, None): _passing(look, each, asked.most) for each in asked.filters})
        for filters, since in asked.returned:
            missed = arrivals.behind(since, MOST_READ)
            found.told[filters, since] = _passing(missed, filters, MOST_WAITING)
        return found

    def _tell(self, asked: Asked, found: Found) -> None:
        lost = asked.sessions.difference(found.alive)
        for filters, viewers in self._by_filters.items():
            news = found.told.get((filters, None))
            for viewer in viewers:
                told = news if viewer.since is None else found.told.get((filters, viewer.since))
                if viewer.session in lost:
                    viewer.lost.set()
                elif (
                    told is not None and not viewer.lost.is_set()
                ):  # None: nothing, or she has come meanwhile
                    viewer.offer(*told)
                    viewer.since = None

    def _flush(self) -> None:
        """Send what can be sent; while somebody has more coming, again in a moment, whatever the database does."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        loop = asyncio.get_running_loop()
        now, are_behind = loop.time(), False
        for viewer in self._viewers:
            are_behind |= viewer.flush(now)
        if are_behind:
            self._again = loop.call_later(TICK_SECONDS, self._flush)


def _passing(look: Look, filters: Filters, most: int) -> tuple[list[Piece], int]:
    found = look.arrivals
    passing = found if filters == EVERYTHING else [each for each in found if matches(filters, each.row)]
    told = passing[-most:]
    return pieces([each.text for each in told]), look.left_out + len(passing) - len(told)
