"""The one place that makes Redis clients, and what is known of Redis' health.

`from_settings()` gives the `Shared` of this event loop or None without REDIS_URL. Whoever uses the client tells
`health` what became of it (`down`, `up`), and asks `health.is_up` where a call must not wait for a dead server.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from django.conf import settings
from redis.asyncio import BlockingConnectionPool, Redis

logger = logging.getLogger(__name__)

CONNECTIONS = 16
TIMEOUT_SECONDS = 2.0
REST_SECONDS = 1.0
"""How long a server that did not answer is not asked again."""


class Health:
    """Whether Redis answers. One line in the log for each change."""

    def __init__(self) -> None:
        self._away_until = 0.0
        self._is_known_away = False

    @property
    def is_up(self) -> bool:
        """False for a moment after a failure: nobody waits for it then."""
        return time.monotonic() >= self._away_until

    @property
    def is_known_away(self) -> bool:
        """The last thing heard of it was a failure."""
        return self._is_known_away

    def down(self, error: BaseException) -> None:
        self._away_until = time.monotonic() + REST_SECONDS
        if not self._is_known_away:
            logger.error("redis is away (%s); REDIS_DOWN=%s", type(error).__name__, settings.REDIS_DOWN)
        self._is_known_away = True

    def up(self) -> None:
        if self._is_known_away:
            logger.warning("redis is back")
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


def from_settings() -> Shared | None:
    """None when there is no REDIS_URL."""
    if not settings.REDIS_URL:
        return None
    pool = BlockingConnectionPool.from_url(
        settings.REDIS_URL,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )
    return Shared(Redis(connection_pool=pool), settings.REDIS_DOWN == "local")
