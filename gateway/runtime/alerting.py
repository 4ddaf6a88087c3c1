"""Put the alerts of a worker together: its pool, what it knows of Redis, and how workers agree without a database."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Collection

from redis.exceptions import RedisError

from accounts.pool.pool import Pool
from gateway.alerts.alerting import Alerting
from gateway.alerts.deciding import Decider
from gateway.alerts.looking import Looker, World, nothing
from gateway.alerts.outage import OwnNames
from gateway.shared.redis import Shared

PREFIX = "router:alert:"


class SharedNames:
    """Names that workers take in Redis; where it does not say, twice told is better than never."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._own = OwnNames()

    async def take(self, name: str, seconds: int) -> bool:
        """Take a name, where no worker has it."""
        if self._own.has(name):
            return False
        with contextlib.suppress(RedisError, OSError):
            if not await self._shared.client.set(PREFIX + name, "1", nx=True, ex=seconds):
                return False
        return await self._own.take(name, seconds)

    async def hold(self, name: str, seconds: int) -> None:
        """Keep a name, for all workers."""
        await self._own.hold(name, seconds)
        with contextlib.suppress(RedisError, OSError):
            await self._shared.client.set(PREFIX + name, "1", ex=seconds)


def made(pool: Pool, shared: Shared | None, muted: Callable[[], Collection[str]] = nothing) -> Alerting:
    """Return the alerts of this worker, not started. `muted`: subjects that a rehearsal changes."""

    def is_redis_away() -> bool:
        return shared is not None and shared.health.is_known_away

    world = World(pool=lambda: pool, is_redis_away=is_redis_away, muted=muted)
    names = None if shared is None else SharedNames(shared)
    return Alerting(Looker(world, Decider(str(uuid.uuid4()))), names)
