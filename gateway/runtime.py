"""What lives as long as the process: the copies in memory, and the road of the running event loop.

Everything starts lazily at the first request, or from ASGI's lifespan where the server has one, and is closed by
lifespan, by our runners, or at exit: so daphne, uvicorn, `runserver` and a foreign ASGI host all use the same thing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.conf import settings

from accounts import changes as account_changes
from accounts import live, refresh
from accounts import services as account_services
from accounts.keeper import Keeper, RefreshDoor
from accounts.pool import Pool, options_from_settings
from gateway import guards, logs
from gateway.access import Caller
from gateway.freshness import Copy, Freshness
from gateway.house import House, RelayOptions
from gateway.metrics import METRICS
from gateway.pulse import Pulse, PulseOptions
from gateway.relay import Relay
from gateway.responses_store import MemoryShelf, ResponsesStore
from gateway.sealing import BoxSealer
from gateway.servers.drain import current_drain
from gateway.shared import redis
from gateway.surfaces import SURFACES, Family, Table
from gateway.usage.accounting import Accounting
from gateway.usage.prices import services as price_services
from gateway.usage.prices.copy import Prices
from gateway.usage.recorder import Recorder, RecorderOptions
from gateway.wire import Receive, Request, Scope, Send
from providers import changes as provider_changes
from providers import file_services as provider_files
from providers import live as provider_live
from providers import secrets
from providers.catalog import Catalog
from providers.client import ClientOptions, Transport
from providers.store import boot_from_settings
from tokens import changes as token_changes
from tokens import file_services
from tokens.registry import Registry

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """May this process be sent traffic, and what each part says."""

    is_ready: bool
    checks: dict[str, str]


class Runtime:
    """One per process. The copies are shared; the road belongs to one event loop."""

    def __init__(self) -> None:
        self.options = RelayOptions(settings.MAX_BODY_BYTES, settings.RETRY_ATTEMPTS, settings.RETRY_SECONDS)
        self.table = Table(
            (row for row in SURFACES if row.family not in _hidden()), settings.ANTHROPIC_EXTRA_PATHS
        )
        accepts = settings.STORAGE_POLICY == "memory" or settings.TOKEN_ACCEPT_UNRECORDED
        self.registry = Registry(settings.TOKEN_SECRET.encode(), accepts)
        self._refresh_door = RefreshDoor(refresh.Refresher(refresh.options_from_settings()))
        self.pool = Pool(options_from_settings(), self._refresh_door)
        self.catalog = Catalog(boot_from_settings(), self.pool.has_credentials)
        self.prices = Prices()
        self._relay: Relay | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting: asyncio.Task[None] | None = None
        self._recorder: Recorder | None = None
        self._freshness: Freshness | None = None
        self._keeper: Keeper | None = None
        self._transport: Transport | None = None
        self._accounting: Accounting | None = None
        self._shared: redis.Shared | None = None
        token_changes.on_change(self.registry.apply_changes)
        token_changes.on_issued(METRICS.token_issued)
        token_changes.on_revoked(METRICS.token_revoked)
        account_changes.on_change(self.pool.apply_changes)
        account_changes.on_change(self._hide_secrets)
        provider_changes.on_change(self.catalog.apply_changes)
        price_services.on_change(self.prices.apply_changes)

    def relay_now(self) -> Relay | None:
        """The road, when this event loop has one already."""
        return self._relay if self._loop is asyncio.get_running_loop() else None

    async def relay(self) -> Relay:
        """The road of this event loop, built at the first call. Raises what the database raises."""
        await self.start()
        relay = self.relay_now()
        if relay is None:
            raise RuntimeError("the data plane runs on another event loop of this process")
        return relay

    async def start(self) -> None:
        """Reads the copies and starts the background tasks, once."""
        if self.relay_now() is not None:
            return
        if self._starting is None or self._starting.get_loop() is not asyncio.get_running_loop():
            self._starting = asyncio.get_running_loop().create_task(self._start())
        try:
            await asyncio.shield(self._starting)
        finally:
            if self._starting is not None and self._starting.done():
                self._starting = None

    async def _start(self) -> None:
        await database_sync_to_async(self._load)()
        self._recorder = Recorder(
            RecorderOptions(settings.DATA_DIR, settings.SPOOL_MAX_BYTES, settings.USAGE_RETENTION_DAYS)
        )
        self._freshness = Freshness(self._copies())
        self._keeper = Keeper(self.pool, self._refresh_door)
        self._transport = Transport(ClientOptions(settings.UPSTREAM_CONNECT_TIMEOUT_SECONDS))
        await self._recorder.start()
        await self._freshness.start()
        await self._keeper.start()
        drain = current_drain()
        sealer = BoxSealer(secrets.box())
        self._shared = redis.from_settings()
        self._accounting = Accounting(self.prices, self.registry, self._recorder)
        meter = await self._accounting.start(self._shared)
        house = House(
            options=self.options,
            table=self.table,
            registry=self.registry,
            catalog=self.catalog,
            pool=self.pool,
            transport=self._transport,
            pulse=Pulse(_pulse_options(), drain.deadline_event.is_set),
            metrics=METRICS,
            recorder=self._recorder,
            meter=meter,
            sealer=sealer,
            peer=_peer_behind_proxies if settings.TRUSTED_PROXIES else _peer,
            responses=ResponsesStore(MemoryShelf(settings.RESPONSES_STORE_SECONDS, time.time), sealer),
        )
        self._relay, self._loop = Relay(house), asyncio.get_running_loop()
        live.use(self.pool)
        provider_live.use(self.catalog)

    def _copies(self) -> dict[str, Copy]:
        return {
            "tokens": self.registry,
            "accounts": self.pool,
            "providers": self.catalog,
            "gateway": self.prices,
        }

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
        open_ones = (
            *(relay, self._accounting, self._freshness, self._keeper, self._recorder),
            *(self._transport, self._shared),
        )
        self._accounting = self._shared = None
        self._recorder = self._freshness = self._keeper = self._transport = None
        for open_one in open_ones:
            if open_one is not None:
                await open_one.aclose()

    def _redis_check(self) -> dict[str, str]:
        if self._shared is None:
            return {}
        is_away, falls_back = self._shared.health.is_known_away, self._shared.falls_back
        return {
            "redis": ("away: local limits" if falls_back else "away: limited calls refused")
            if is_away
            else "ok"
        }

    def readiness(self) -> Readiness:
        """Draining means no; a database that is away does not: known tokens go on being served."""
        is_draining = not current_drain().is_ready
        is_away = self._freshness is not None and not self._freshness.is_healthy
        is_spooling = self._recorder is not None and not self._recorder.is_healthy
        return Readiness(
            not is_draining,
            {
                "status": "draining" if is_draining else "ready",
                "database": "away" if is_away else "ok",
                "usage": "spooling" if is_spooling else "ok",
                **self._redis_check(),
            },
        )


API_FORMATS = {Family.ANTHROPIC: "anthropic", Family.BEDROCK: "bedrock", Family.VERTEX: "vertex"}


def _hidden() -> frozenset[Family]:
    """What the `DISABLE_*` switches and `UPSTREAM_API_FORMAT` take out of the table: unknown paths from then on."""
    hidden: set[Family] = set()
    only = settings.UPSTREAM_API_FORMAT
    hidden.update(family for family, word in API_FORMATS.items() if only and word != only)
    if settings.DISABLE_ANTHROPIC_API:
        hidden.update(API_FORMATS)
    if settings.DISABLE_OPENAI_API:
        hidden.add(Family.OPENAI)
    if settings.DISABLE_ANTHROPIC_API and settings.DISABLE_OPENAI_API:
        hidden.add(Family.SHARED)
    return frozenset(hidden)


def _peer(request: Request) -> str:
    return request.peer


def _peer_behind_proxies(request: Request) -> str:
    return guards.gate().peer(Caller(request.peer, request.method, request.headers)).address


def _pulse_options() -> PulseOptions:
    return PulseOptions(
        settings.PING_SECONDS,
        settings.UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS,
        settings.UPSTREAM_IDLE_TIMEOUT_SECONDS,
    )


class Lifespan:
    """ASGI's lifespan: starts the road before the first request, and flushes after the last."""

    def __init__(self, of: Runtime) -> None:
        self._runtime = of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._runtime.start()
                except Exception as exc:
                    logger.exception("The data plane could not start")
                    await send({"type": "lifespan.startup.failed", "message": str(exc)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._runtime.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return


runtime = Runtime()
