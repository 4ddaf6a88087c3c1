"""Put the alerts of a worker together: its pool, what it knows of Redis, and how workers agree without a database."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection

from redis.exceptions import RedisError

from accounts.pool.pool import Pool
from gateway.alerts.alerting import Alerting
from gateway.alerts.deciding import Decider
from gateway.alerts.looking import Looker, World, nothing
from gateway.shared.redis import Shared

PREFIX = "router:alert:"


def made(pool: Pool, shared: Shared | None, muted: Callable[[], Collection[str]] = nothing) -> Alerting:
    """Return the alerts of this worker, not started. `muted`: subjects that a rehearsal changes."""

    def is_redis_away() -> bool:
        return shared is not None and shared.health.is_known_away

    async def claim(name: str, seconds: int) -> bool:
        """Take a name in Redis; where Redis does not say, twice told is better than never."""
        if shared is None:
            return True
        try:
            return bool(await shared.client.set(PREFIX + name, "1", nx=True, ex=seconds))
        except (RedisError, OSError):
            return True

    world = World(pool=lambda: pool, is_redis_away=is_redis_away, muted=muted)
    return Alerting(Looker(world, Decider(str(uuid.uuid4()))), claim)
