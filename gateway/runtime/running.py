"""Run a process that is composed: the relay of the running event loop, and the tasks beside it.

Everything starts lazily at the first request, or from ASGI's lifespan where the server has one, and is closed
by lifespan, by our runners, or at exit: the same for daphne, uvicorn, `runserver` and a foreign ASGI host.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import httpx
from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from accounts.maintenance import Maintenance
from accounts.pool import live
from forgefed.client import client as federation_client
from forgefed.delivering import Deliverer
from gateway.kernel import events, secrets
from gateway.kernel.parts import PARTS
from gateway.kernel.sealing import BoxSealer
from gateway.objects.calls import Objects
from gateway.payments.gate import Gate
from gateway.payments.toll import Payments
from gateway.personal import models
from gateway.personal.desk import Desk
from gateway.relay.deps import RelayDeps
from gateway.relay.relay import Relay
from gateway.relay.watchdog import Watchdog
from gateway.runtime import alerting, from_settings, personal, rehearsed, rehearsing, stored_objects, tracing
from gateway.runtime.accounting import Accounting
from gateway.runtime.composed import Composed
from gateway.runtime.freshness import Copy, Freshness
from gateway.runtime.health import STARTING, Health, Readiness
from gateway.runtime.reconciling import Reconciler
from gateway.runtime.starting import adopt_and_end, warn_without_accounts
from gateway.servers.drain import Drain
from gateway.shared import redis
from gateway.shared.peers import Peers
from gateway.telemetry.counters import Counts
from gateway.telemetry.operator_log import OperatorLog
from gateway.telemetry.snapshots import Snapshots
from gateway.telemetry.strangers import Strangers
from gateway.usage.metering import Meter
from gateway.usage.recorder import Recorder
from providers.catalog import live as provider_live
from providers.client import ClientOptions
from providers.dialects.table import DIALECTS
from providers.dialects.types import Failure, FailureKind
from providers.drivers.table import DriverSet
from providers.sending import Sender

logger = logging.getLogger(__name__)


class NotHere(Exception):
    """The relay can't be had in this process, now or at all. `failure` says why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.failure = Failure(FailureKind.UNAVAILABLE, words, retry_after_seconds=1.0)


class Part(Protocol):
    """A task beside the relay, in its event loop."""

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


class Runtime:
    """The running parts of a process. The copies are shared; the relay belongs to one event loop."""

    def __init__(self, composed: Composed) -> None:
        self.composed = composed
        self.table = composed.table
        self.serves_sockets = composed.options.RESPONSES_WEBSOCKET
        self.registered = ExitStack()  # ends what composition has registered this for
        self.relays: dict[asyncio.AbstractEventLoop, Relay] = {}  # of the running event loop: one at most
        self._made: tuple[Relay, ...] = ()  # that one, and the one that serves while a fault is rehearsed
        self.drain = Drain(is_ready=True)
        self._starting: asyncio.Task[None] | None = None
        self._recorder: Recorder | None = None
        self._health: Health | None = None
        self._transport: httpx.AsyncBaseTransport | None = None
        self._accounting: Accounting | None = None
        self._shared: redis.Shared | None = None
        self._peers: Peers | None = None
        self._objects: Objects | None = None
        self._gate: Gate | None = None
        self._desk: Desk | None = None
        self._parts: list[Part] = []

    def relay_now(self) -> Relay | None:
        """Return the relay, when this event loop has one already."""
        return self.relays.get(asyncio.get_running_loop())

    def announce(self, topic: str) -> None:
        """Tell the other processes of a change before their next poll. May be called from any thread."""
        if self._peers is not None:
            self._peers.announce(topic)

    async def relay(self) -> Relay:
        """Return the relay of this event loop, built at the first call. Raises `NotHere`."""
        try:
            await self.start()
        except (DatabaseError, OSError) as exc:
            logger.error("The data plane can't start: the database is away (%s)", type(exc).__name__)
            raise NotHere("The gateway is starting; please try again") from exc
        relay = self.relay_now()
        if relay is None:
            raise NotHere("The gateway has been stopped")
        return relay

    async def desk(self) -> Desk:
        """Return what answers a bearer's own paths, in this event loop. Raises `NotHere`."""
        await self.relay()
        if self._desk is None:
            raise NotHere("The gateway has been stopped")
        return self._desk

    def follow(self, drain: Drain) -> None:
        """Go down with the server that gave this drain."""
        self.drain = drain

    async def start(self, run_directory: str = "") -> None:
        """Read the copies and start the background tasks, once. Raises `NotHere` and the database's errors.

        `run_directory`: where the workers of one parent leave what they have counted.
        """
        if self.relay_now() is not None:
            return
        loop = asyncio.get_running_loop()
        if any(not other.is_closed() for other in self.relays):
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
        composed, options, pool = self.composed, self.composed.options, self.composed.pool
        self.finish()  # what a loop left that ended without a word
        await database_sync_to_async(self._load)()
        self._shared = redis.from_settings(options)
        recorder = self._recorder = composed.ways_out.recorder(from_settings.recorder_options(options))
        freshness = Freshness(self._copies())
        watchdog = Watchdog(from_settings.watchdog_options(options), self.drain.deadline_event.is_set)
        self._health = Health(asyncio.get_running_loop(), freshness, recorder, watchdog, self._shared)
        maintenance = Maintenance(pool, composed.refreshes, on_saved=lambda: self.announce("cooldowns"))
        self._transport = composed.ways_out.transport(ClientOptions(options.UPSTREAM_CONNECT_TIMEOUT_SECONDS))
        drivers = DriverSet(self._transport)
        self._objects = stored_objects.made(options, self._shared, composed.catalog)
        self._gate = from_settings.payment_gate(options, composed.metrics)
        forwarder = personal.forwarder(composed, self._transport)
        beside = self._beside(freshness, maintenance, run_directory) + ([forwarder] if forwarder else [])
        rehearser = rehearsing.Rehearser(pool)
        alerts = alerting.made(pool, self._shared, rehearser.muted)
        traces = tracing.traces(options, composed.metrics)
        beside.extend(traces)
        self._parts = [freshness, maintenance, Reconciler(), *beside, recorder, drivers, rehearser, alerts]
        for part in self._parts:
            await part.start()
        sender = Sender(drivers)
        accounting = self._accounting = Accounting(composed, recorder, sender)
        meter = await accounting.start(self._shared)
        self._desk = personal.desk(composed, forwarder)
        deps = replace(self._deps(meter, sender, recorder, watchdog), batches=accounting.batches)
        self._made, loop = rehearsed.relays(deps, traces, rehearser), asyncio.get_running_loop()
        self.relays = {loop: self._made[0]}
        rehearser.attach(*self._made, partial(self.relays.__setitem__, loop))
        self.drain.is_held = partial(rehearsed.is_running, self._made)
        composed.metrics.refresh = self.counts
        events.subscribe(events.to_log)
        PARTS.put(live.POOL, composed.pool)
        PARTS.put(models.READER, personal.reader_of_models(self._made[0], loop))
        PARTS.put(provider_live.CATALOG, composed.catalog)

    def _beside(self, freshness: Freshness, maintenance: Maintenance, run_directory: str) -> list[Part]:
        """Make the parts that only some processes need."""
        parts: list[Part] = [part for part in (self._objects, self._gate) if part is not None]
        if self.composed.options.FORGEFED_DELIVER_IN_SERVE:
            parts.append(Deliverer(federation_client(is_in_request=False)))
        if self._shared is not None:
            wakes = dict.fromkeys(("tokens", "accounts", "providers", "gateway"), freshness.wake)
            self._peers = Peers(
                self._shared,
                self.composed.pool,
                self.composed.options.SESSION_IDLE_SECONDS,
                {**wakes, "cooldowns": maintenance.wake},
            )
            parts.append(self._peers)
        if run_directory:
            snapshots = Snapshots(Path(run_directory), self.counts)
            self.composed.metrics.elsewhere = snapshots.elsewhere
            parts.append(snapshots)
        return parts

    def _deps(self, meter: Meter, sender: Sender, recorder: Recorder, watchdog: Watchdog) -> RelayDeps:
        composed, options = self.composed, self.composed.options
        sealer = BoxSealer(secrets.box())
        responses = stored_objects.responses_store(options, self._shared, sealer)
        return RelayDeps(
            options=from_settings.relay_options(options),
            registry=composed.registry,
            catalog=composed.catalog,
            pool=composed.pool,
            sender=sender,
            watchdog=watchdog,
            meter=meter,
            sealer=sealer,
            responses=responses,
            taps={name: (responses.tap,) for name, one in DIALECTS.items() if one.keeps_conversations},
            sinks=(composed.metrics, recorder),
            stranger_sinks=(composed.metrics, Strangers()),
            failure_sinks=(OperatorLog(),),
            peer=from_settings.peer(options),
            sessions=None if self._peers is None else self._peers.sessions,
            objects=self._objects,
            payments=None if self._gate is None else Payments(self._gate),
            log=recorder.log,
        )

    def _copies(self) -> dict[str, Copy]:
        composed = self.composed
        return {
            "tokens": composed.registry,
            "accounts": composed.pool,
            "providers": composed.catalog,
            "gateway": composed.prices,
        }

    def counts(self) -> Counts:
        """Return what this process has counted, for the others."""
        counts = self.composed.metrics.counts
        counts.used = {state.name: state.used for state in self.composed.pool.states() if state.used}
        if self._health is not None:
            self._health.fill(counts)
        return counts

    def used_elsewhere(self) -> Mapping[str, int]:
        """Map each account to the calls that other workers of this run chose it for."""
        total: dict[str, int] = {}
        for counts in self.composed.metrics.elsewhere():
            for name, used in counts.used.items():
                total[name] = total.get(name, 0) + used
        return total

    def _load(self) -> None:
        adopt_and_end()
        self.composed.registry.load()
        self.composed.pool.load()
        self.composed.catalog.load()
        self.composed.prices.load()
        warn_without_accounts(self.composed.pool)

    async def aclose(self) -> None:
        """Flush what is recorded and close what is open. A later request starts all again."""
        relays, self.relays, self._made = self._made, {}, ()
        events.unsubscribe(events.to_log)
        PARTS.drop(live.POOL, self.composed.pool)
        PARTS.drop(models.READER)
        PARTS.drop(provider_live.CATALOG, self.composed.catalog)
        open_ones = (*relays, self._accounting, *self._parts, self._transport, self._shared)
        self._accounting = self._health = self._peers = self._transport = self._shared = self._desk = None
        self._parts = []
        for open_one in open_ones:
            if open_one is not None:
                await open_one.aclose()
        self._recorder = None
        self.composed.metrics.elsewhere = self.composed.metrics.refresh = tuple

    def finish(self) -> None:
        """Write what is recorded to the database, or to the spool, where the host has no lifespan."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.finish()

    def dissolve(self) -> None:
        """Hear of no change any more."""
        self.registered.close()

    def readiness(self) -> Readiness:
        """Tell whether traffic may come. Draining means no; a database that is away does not."""
        is_draining = not self.drain.is_ready
        parts = STARTING if self._health is None else self._health.checks()
        return Readiness(not is_draining, {"status": "draining" if is_draining else "ready", **parts})
