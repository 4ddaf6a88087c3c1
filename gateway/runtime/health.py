"""Health of this process's parts at this moment: for `/health/ready`, and as gauges for `/metrics`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway.relay.watchdog import Watchdog
from gateway.runtime.freshness import Freshness
from gateway.shared.redis import Shared
from gateway.telemetry.counters import Counts
from gateway.usage.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Readiness:
    """Readiness of this process for traffic, and the status of each part."""

    is_ready: bool
    checks: dict[str, str]


STARTING = {"database": "ok", "usage": "ok"}
"""The status of the parts before they are there."""


@dataclass(frozen=True, slots=True)
class Health:
    """The parts of one event loop whose health is told. May be asked from any thread."""

    loop: asyncio.AbstractEventLoop
    freshness: Freshness
    recorder: Recorder
    watchdog: Watchdog
    shared: Shared | None  # None = no Redis is used

    def checks(self) -> dict[str, str]:
        """Map each part to `ok`, or to what is the matter."""
        return {
            "database": "ok" if self.freshness.is_healthy else "away",
            "usage": "ok" if self.recorder.is_healthy else "spooling",
            **self._redis(),
        }

    def _redis(self) -> dict[str, str]:
        if self.shared is None:
            return {}
        if not self.shared.health.is_known_away:
            return {"redis": "ok"}
        return {"redis": "away: local limits" if self.shared.falls_back else "away: limited calls refused"}

    def fill(self, counts: Counts) -> None:
        """Fill in the same as figures that are added up over processes."""
        counts.in_flight, counts.streams = len(self.watchdog), self.watchdog.streams
        counts.tasks = len(asyncio.all_tasks(self.loop))
        counts.database_away = int(not self.freshness.is_healthy)
        counts.redis_users = int(self.shared is not None)
        counts.redis_away = int(self.shared is not None and self.shared.health.is_known_away)
        counts.spooled_bytes = self.recorder.spooled_bytes
        counts.rows_dropped = self.recorder.dropped
