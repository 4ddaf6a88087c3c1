"""What lives as long as the process: the copies in memory, and the road of the running event loop.

Everything starts lazily at the first request, or from ASGI's lifespan where the server has one, and is closed by
lifespan, by our runners, or at exit: so daphne, uvicorn, `runserver` and a foreign ASGI host all use the same thing.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError

from accounts import changes as account_changes
from accounts import live, refresh
from accounts import services as account_services
from accounts.keeper import Keeper, RefreshDoor
from accounts.pool import Pool, options_from_settings
from gateway import configured, logs
from gateway.condition import Condition
from gateway.counts import Counts
from gateway.freshness import Copy, Freshness
from gateway.house import House
from gateway.metrics import METRICS
from gateway.pulse import Pulse
from gateway.relay import Relay
from gateway.responses_store import MemoryShelf, RedisShelf, ResponsesStore
from gateway.sealing import BoxSealer
from gateway.servers import limits
from gateway.servers.drain import current_drain
from gateway.shared import redis
from gateway.shared.neighbours import Neighbours
from gateway.snapshots import Snapshots
from gateway.usage.accounting import Accounting
from gateway.usage.metering import Meter
from gateway.usage.prices import services as price_services
from gateway.usage.prices.copy import Prices
from gateway.usage.recorder import Recorder, RecorderOptions
from providers import changes as provider_changes
from providers import file_services as provider_files
from providers import live as provider_live
from providers import secrets
from providers.catalog import Catalog
from providers.client import ClientOptions, Transport
from providers.dialects.types import Failure, FailureKind
from providers.store import boot_from_settings
from tokens import changes as token_changes
from tokens import file_services

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """May this process be sent traffic, and what each part says."""

    is_ready: bool
    checks: dict[str, str]


STARTING = {"database": "ok", "usage": "ok"}
"""What the parts say before they are there."""


class NotHere(Exception):
    """The road can't be had in this process, now or at all. `failure` says why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.failure = Failure(FailureKind.UNAVAILABLE, words, retry_after_seconds=1.0)


class Part(Protocol):
    """What runs beside the road, in its event loop."""

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


class Runtime:
    """One per process. The copies are shared; the road belongs to one event loop."""

    def __init__(self) -> None:
        self.options = configured.relay_options()
        self.table = configured.table()
        self.registry = configured.registry()
        self._refresh_door = RefreshDoor(refresh.Refresher(refresh.options_from_settings()))
        self.pool = Pool(options_from_settings(), self._refresh_door)
        self.catalog = Catalog(boot_from_settings(), self.pool.has_credentials)
        self.catalog.on_cleared = self.pool.clear_provider
        self.prices = Prices()
        self._relay: Relay | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting: asyncio.Task[None] | None = None
        self._recorder: Recorder | None = None
        self._condition: Condition | None = None
        self._transport: Transport | None = None
        self._accounting: Accounting | None = None
        self._shared: redis.Shared | None = None
        self._neighbours: Neighbours | None = None
        self._parts: list[Part] = []
        atexit.register(self.finish)
        token_changes.on_change(self.registry.apply_changes)
        token_changes.on_change(lambda: self.announce("tokens"))
        limits.on_refused(METRICS.count_early)
        token_changes.on_issued(METRICS.token_issued)
        token_changes.on_revoked(METRICS.token_revoked)
        account_changes.on_change(self.pool.apply_changes)
        account_changes.on_change(lambda: self.announce("accounts"))
        account_changes.on_change(self._hide_secrets)
        provider_changes.on_change(self.catalog.apply_changes)
        provider_changes.on_change(lambda: self.announce("providers"))
        price_services.on_change(self.prices.apply_changes)
        price_services.on_change(lambda: self.announce("gateway"))

    def relay_now(self) -> Relay | None:
        """The road, when this event loop has one already."""
        return self._relay if self._loop is asyncio.get_running_loop() else None

    def announce(self, topic: str) -> None:
        """Something has changed here: the other processes need not wait for their next poll. From any thread."""
        if self._neighbours is not None:
            self._neighbours.announce(topic)

    async def relay(self) -> Relay:
        """The road of this event loop, built at the first call. Raises `NotHere`."""
        try:
            await self.start()
        except (DatabaseError, OSError) as exc:
            logger.error("The data plane can't start: the database is away (%s)", type(exc).__name__)
            raise NotHere("The gateway is starting; please try again") from exc
        relay = self.relay_now()
        if relay is None:
            raise NotHere("The gateway has been stopped")
        return relay

    async def start(self, run_directory: str = "") -> None:
        """Reads the copies and starts the background tasks, once. Raises `NotHere`, and what the database raises.

        `run_directory`: where the workers of one parent leave what they have counted.
        """
        if self.relay_now() is not None:
            return
        loop = asyncio.get_running_loop()
        if self._relay is not None and self._loop is not None and not self._loop.is_closed():
            words = "one process serves on one event loop, and this call came on another"
            logger.critical("%s: start more processes instead", words)
            raise NotHere(words)
        if self._starting is None or self._starting.get_loop() is not loop:
            self._starting = loop.create_task(self._start(run_directory))
        try:
            await asyncio.shield(self._starting)
        finally:
            if self._starting is not None and self._starting.done():
                self._starting = None

    async def _start(self, run_directory: str) -> None:
        self.finish()  # what a loop left that ended without a word
        await database_sync_to_async(self._load)()
        self._shared = redis.from_settings()
        recorder = self._recorder = Recorder(
            RecorderOptions(settings.DATA_DIR, settings.SPOOL_MAX_BYTES, settings.USAGE_RETENTION_DAYS)
        )
        freshness = Freshness(self._copies())
        self._condition = Condition(asyncio.get_running_loop(), freshness, recorder, self._shared)
        keeper = Keeper(self.pool, self._refresh_door, on_saved=lambda: self.announce("cooldowns"))
        self._transport = Transport(ClientOptions(settings.UPSTREAM_CONNECT_TIMEOUT_SECONDS))
        self._parts = [freshness, keeper, *self._beside(freshness, keeper, run_directory), recorder]
        for part in self._parts:
            await part.start()
        self._accounting = Accounting(self.prices, self.registry, recorder)
        meter = await self._accounting.start(self._shared)
        self._relay = Relay(self._house(meter, self._transport, recorder))
        self._loop = asyncio.get_running_loop()
        METRICS.refresh = self.counts
        live.use(self.pool)
        provider_live.use(self.catalog)

    def _beside(self, freshness: Freshness, keeper: Keeper, run_directory: str) -> list[Part]:
        """What only several processes need."""
        parts: list[Part] = []
        if self._shared is not None:
            wakes = dict.fromkeys(("tokens", "accounts", "providers", "gateway"), freshness.wake)
            self._neighbours = Neighbours(
                self._shared, self.pool, settings.SESSION_IDLE_SECONDS, {**wakes, "cooldowns": keeper.wake}
            )
            parts.append(self._neighbours)
        if run_directory:
            snapshots = Snapshots(Path(run_directory), self.counts)
            METRICS.elsewhere = snapshots.elsewhere
            parts.append(snapshots)
        return parts

    def _house(self, meter: Meter, transport: Transport, recorder: Recorder) -> House:
        sealer, shared = BoxSealer(secrets.box()), self._shared
        seconds = settings.RESPONSES_STORE_SECONDS
        shelf = MemoryShelf(seconds, time.time) if shared is None else RedisShelf(shared.client, seconds)
        return House(
            options=self.options,
            table=self.table,
            registry=self.registry,
            catalog=self.catalog,
            pool=self.pool,
            transport=transport,
            pulse=Pulse(configured.pulse_options(), current_drain().deadline_event.is_set),
            metrics=METRICS,
            recorder=recorder,
            meter=meter,
            sealer=sealer,
            peer=configured.peer(),
            responses=ResponsesStore(shelf, sealer),
            seats=None if self._neighbours is None else self._neighbours.seats,
        )

    def _copies(self) -> dict[str, Copy]:
        return {
            "tokens": self.registry,
            "accounts": self.pool,
            "providers": self.catalog,
            "gateway": self.prices,
        }

    def counts(self) -> Counts:
        """What this process has counted, for the others."""
        METRICS.counts.used = {state.name: state.used for state in self.pool.states() if state.used}
        if self._condition is not None:
            self._condition.fill(METRICS.counts)
        return METRICS.counts

    def used_elsewhere(self) -> Mapping[str, int]:
        """Account → calls that other workers of this run chose it for."""
        total: dict[str, int] = {}
        for counts in METRICS.elsewhere():
            for name, used in counts.used.items():
                total[name] = total.get(name, 0) + used
        return total

    def _load(self) -> None:
        file_services.sync_quietly()
        provider_files.sync_quietly()
        account_services.sync_from_environment()
        self.registry.load()
        self.pool.load()
        self.catalog.load()
        self.prices.load()
        self._hide_secrets()

    def _hide_secrets(self) -> None:
        """Credentials from rows and files: never in a log line, whatever they look like."""
        credentials = [state.loaded.credential for state in self.pool.states()]
        logs.redact.add(credential.secret for credential in credentials if credential is not None)

    async def aclose(self) -> None:
        """Flushes what is recorded and closes what is open. A later request starts all again."""
        relay, self._relay = self._relay, None
        live.forget(self.pool)
        provider_live.forget(self.catalog)
        open_ones = (relay, self._accounting, *self._parts, self._transport, self._shared)
        self._accounting = self._condition = self._neighbours = self._transport = self._shared = None
        self._parts = []
        for open_one in open_ones:
            if open_one is not None:
                await open_one.aclose()
        self._recorder = None
        METRICS.elsewhere = METRICS.refresh = tuple

    def finish(self) -> None:
        """Of a process whose host has no lifespan: what is recorded goes to the database, or to the spool."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.finish()

    def readiness(self) -> Readiness:
        """Draining means no; a database that is away does not: known tokens go on being served."""
        is_draining = not current_drain().is_ready
        parts = STARTING if self._condition is None else self._condition.checks()
        return Readiness(not is_draining, {"status": "draining" if is_draining else "ready", **parts})


runtime = Runtime()
