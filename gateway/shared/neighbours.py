"""The other processes of this installation, met through Redis: changes pushed, conversations seated together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accounts.core import PoolCore
from gateway.shared.push import Push
from gateway.shared.redis import Shared
from gateway.shared.seats import SharedSeats

SEAT = "seat"


class Neighbours:
    """`wakes`: topic → what to do when another process says that it changed. Belongs to one event loop."""

    def __init__(
        self, shared: Shared, pool: PoolCore, idle_seconds: float, wakes: Mapping[str, Callable[[], None]]
    ) -> None:
        self._push = Push(
            shared, {**{topic: _without_words(wake) for topic, wake in wakes.items()}, SEAT: self._moved}
        )
        self.seats = SharedSeats(shared, pool, idle_seconds, lambda words: self._push.announce(SEAT, words))

    async def start(self) -> None:
        """Never waits for Redis."""
        await self._push.start()
        await self.seats.start()

    async def aclose(self) -> None:
        await self.seats.aclose()
        await self._push.aclose()

    def announce(self, topic: str) -> None:
        """Something has changed here: the others need not wait for their next poll. From any thread."""
        self._push.announce(topic)

    def _moved(self, words: str) -> None:
        if words:
            self.seats.moved(words)


def _without_words(wake: Callable[[], None]) -> Callable[[str], None]:
    return lambda _: wake()
