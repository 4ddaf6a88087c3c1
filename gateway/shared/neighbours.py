"""The other processes of this installation, met through Redis: changes pushed, conversations seated together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from redis.asyncio import Redis

from accounts.pool import Pool
from gateway.shared.push import Push
from gateway.shared.seats import SharedSeats

SEAT = "seat"


class Neighbours:
    """`wakes`: topic → what to do when another process says that it changed. Belongs to one event loop."""

    def __init__(
        self, redis: Redis, pool: Pool, idle_seconds: float, wakes: Mapping[str, Callable[[], None]]
    ) -> None:
        self._push = Push(
            redis, {**{topic: _without_words(wake) for topic, wake in wakes.items()}, SEAT: self._moved}
        )
        self.seats = SharedSeats(redis, pool, idle_seconds, lambda words: self._push.announce(SEAT, words))

    @property
    def is_there(self) -> bool:
        """Whether Redis was, when we last looked."""
        return self._push.is_listening

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
