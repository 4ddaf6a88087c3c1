"""Watch the offers that calls of this process wait for: whichever process got the answer, its row tells."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from django.db import Error as DatabaseError

from forgefed import changes, offers
from forgefed.client import SignedClient
from forgefed.models import OfferState
from forgefed.offers import Standing

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.4
FRESH = Standing(OfferState.WAITING, None, 0)


class Watch:
    """One offer that a call waits for."""

    def __init__(self) -> None:
        self.standing = FRESH
        self._event = asyncio.Event()

    def tell(self, standing: Standing) -> None:
        """Take what is known now; wake the waiter if it is news."""
        if standing != self.standing:
            self.standing = standing
            self._event.set()

    async def news(self, seconds: float) -> bool:
        """Wait for news, no longer than so many seconds; tell whether there was any."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Board:
    """The offers of one event loop. It asks the database once for all of them, and only while somebody waits."""

    def __init__(self, client: SignedClient) -> None:
        self._client = client
        self._watches: dict[str, Watch] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watch(self, activity_id: str) -> Iterator[Watch]:
        """Watch an offer for as long as the block runs."""
        watch = self._watches[activity_id] = Watch()
        if self._task is None:
            self._loop = asyncio.get_running_loop()
            changes.incoming.add(self.wake)
            self._task = self._loop.create_task(self._run(), name="crater-offers")
        self.wake()
        try:
            yield watch
        finally:
            del self._watches[activity_id]

    def wake(self) -> None:
        """Look at once: something came in. From any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._wake.set)

    async def aclose(self) -> None:
        """Stop watching."""
        changes.incoming.remove(self.wake)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            if not self._watches:
                await self._wake.wait()
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL_SECONDS):
                        await self._wake.wait()
            self._wake.clear()
            if self._watches:
                await self._look(tuple(self._watches))

    async def _look(self, waiting: tuple[str, ...]) -> None:
        try:
            known = await self._client.in_database(lambda: offers.standings(waiting))
        except DatabaseError as exc:
            logger.warning("Offers can't be looked at: the database is away (%s)", type(exc).__name__)
            return
        for activity_id, standing in known.items():
            if activity_id in self._watches:
                self._watches[activity_id].tell(standing)
