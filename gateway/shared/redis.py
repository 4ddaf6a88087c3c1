"""Make Redis clients, here alone, and keep what is known of Redis' health.

`from_settings()` gives the `Shared` of this event loop or None without REDIS_URL. Whoever uses the client
tells `health` what became of it (`down`, `up`), and asks `health.is_up` where a call must not wait for a dead
server.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from django.conf import settings
from redis.asyncio import BlockingConnectionPool, Redis

from gateway.config.table import Options
from gateway.kernel import events

logger = logging.getLogger(__name__)

CONNECTIONS = 16
TIMEOUT_SECONDS = 2.0
RETRY_SECONDS = 1.0
"""The time for which a server that did not answer is not asked again."""


class Health:
    """The health of Redis as its users report it. One line in the log for each change."""

    def __init__(self) -> None:
        self._away_until = 0.0
        self._is_known_away = False

    @property
    def is_up(self) -> bool:
        """False for a moment after a failure: no call waits for it then."""
        return time.monotonic() >= self._away_until

    @property
    def is_known_away(self) -> bool:
        """True when the last thing heard of it was a failure."""
        return self._is_known_away

    def down(self, error: BaseException) -> None:
        self._away_until = time.monotonic() + RETRY_SECONDS
        if not self._is_known_away:
            logger.error(
                "redis is away (%s); REDIS_DOWN=%s", type(error).__name__, settings.GATEWAY.REDIS_DOWN
            )
            events.emit(events.REDIS_AWAY, "redis:", reason=type(error).__name__)
        self._is_known_away = True

    def up(self) -> None:
        if self._is_known_away:
            logger.warning("redis is back")
            events.emit(events.REDIS_BACK, "redis:")
        self._is_known_away = False


@dataclass(frozen=True, slots=True)
class Shared:
    """A client and its health, for one event loop."""

    client: Redis
    falls_back: bool  # REDIS_DOWN=local: count in this process while Redis is away
    health: Health = field(default_factory=Health)

    async def aclose(self) -> None:
        await self.client.aclose()
        await self.client.connection_pool.aclose()


def from_settings(options: Options) -> Shared | None:
    """Make the client of this event loop; None when there is no REDIS_URL."""
    if not options.REDIS_URL:
        return None
    pool = BlockingConnectionPool.from_url(
        options.REDIS_URL,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )
    return Shared(Redis(connection_pool=pool), options.REDIS_DOWN == "local")
