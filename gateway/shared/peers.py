"""The other processes of this installation, met through Redis: changes announced, sessions shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accounts.pool.pool import Pool
from gateway.shared.change_bus import ChangeBus
from gateway.shared.redis import Shared
from gateway.shared.sessions import SharedSessions

SESSION = "session"


class Peers:
    """Change bus and shared sessions of one event loop.

    `wakes`: topic → what to do when another process changed it.
    """

    def __init__(
        self, shared: Shared, pool: Pool, idle_seconds: float, wakes: Mapping[str, Callable[[], None]]
    ) -> None:
        self._change_bus = ChangeBus(
            shared, {**{topic: _without_words(wake) for topic, wake in wakes.items()}, SESSION: self._moved}
        )
        self.sessions = SharedSessions(
            shared, pool, idle_seconds, lambda words: self._change_bus.announce(SESSION, words)
        )

    async def start(self) -> None:
        """Start both. Never waits for Redis."""
        await self._change_bus.start()
        await self.sessions.start()

    async def aclose(self) -> None:
        await self.sessions.aclose()
        await self._change_bus.aclose()

    def announce(self, topic: str) -> None:
        """Tell the others of a change, so that they need not wait for their next poll. From any thread."""
        self._change_bus.announce(topic)

    def _moved(self, words: str) -> None:
        if words:
            self.sessions.moved(words)


def _without_words(wake: Callable[[], None]) -> Callable[[str], None]:
    return lambda _: wake()
