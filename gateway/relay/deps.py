"""The relay's dependencies for one event loop, handed to it: nothing on its path looks for a global."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from accounts.pool.pool import Pool
from gateway.exchange.context import TapMaker
from gateway.exchange.downstream import Request
from gateway.exchange.exchange import ExchangeSink
from gateway.exchange.stored_responses import ResponsesStore
from gateway.objects.calls import Objects
from gateway.payments.toll import Payments
from gateway.relay.watchdog import Watchdog
from gateway.shared.sessions import SharedSessions
from gateway.usage.batches.billing import Batches
from gateway.usage.metering import Meter
from gateway.usage.requestlog.taps import NO_LOG, RequestLog
from providers.catalog.catalog import Catalog
from providers.dialects.types import Sealer
from providers.sending import Sender
from tokens.registry import Registry


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """Sizes in bytes, durations in seconds."""

    max_body_bytes: int = 33554432
    retry_attempts: int = 4
    retry_seconds: float = 30.0
    has_xml_tools: bool = False  # tools are told as text where an upstream refuses them
    is_hybrid: bool = False  # a command line serves what no account can


@dataclass(frozen=True, slots=True)
class RelayDeps:
    """The parts that a call passes through."""

    options: RelayOptions
    registry: Registry
    catalog: Catalog
    pool: Pool
    sender: Sender
    watchdog: Watchdog
    meter: Meter
    sealer: Sealer
    responses: ResponsesStore
    taps: Mapping[str, Sequence[TapMaker]]  # by the surface's dialect
    sinks: Sequence[ExchangeSink]  # hear of exchanges that came with a valid token
    stranger_sinks: Sequence[ExchangeSink] = ()  # hear of all others
    failure_sinks: Sequence[ExchangeSink] = ()  # hear of exchanges that failed, before the others
    sessions: SharedSessions | None = None  # with several processes
    objects: Objects | None = None  # None: stored objects are everybody's
    # Who the caller is, behind trusted proxies; None: the peer itself.
    peer: Callable[[Request], str] | None = None
    payments: Payments | None = None  # where some surface is paid for
    batches: Batches | None = None  # None: nobody bills them
    log: RequestLog = NO_LOG
