"""Make the typed options of the parts, the table of surfaces and the registry from the gateway's options."""

from __future__ import annotations

from collections.abc import Callable

from gateway.access import guards
from gateway.access.gate import Caller
from gateway.config.table import Options
from gateway.exchange.downstream import Request
from gateway.exchange.surfaces import SURFACES, Family, Table
from gateway.payments import options as payment_options
from gateway.payments.gate import Gate
from gateway.payments.methods import table as methods
from gateway.relay.deps import RelayOptions
from gateway.relay.watchdog import WatchdogOptions
from gateway.telemetry.metrics import Metrics
from gateway.usage.recorder import RecorderOptions
from tokens.registry import Registry

API_FORMATS = {Family.ANTHROPIC: "anthropic", Family.BEDROCK: "bedrock", Family.VERTEX: "vertex"}


def _hidden(options: Options) -> frozenset[Family]:
    """Return the families that the settings take out of the table: their paths are unknown from then on."""
    hidden: set[Family] = set()
    only = options.UPSTREAM_API_FORMAT
    hidden.update(family for family, word in API_FORMATS.items() if only and word != only)
    if options.DISABLE_ANTHROPIC_API:
        hidden.update(API_FORMATS)
    if options.DISABLE_OPENAI_API:
        hidden.add(Family.OPENAI)
    if options.DISABLE_ANTHROPIC_API and options.DISABLE_OPENAI_API:
        hidden.add(Family.SHARED)
    return frozenset(hidden)


def _peer_behind_proxies(request: Request) -> str:
    return guards.gate().peer(Caller(request.peer, request.method, request.headers)).address


def watchdog_options(options: Options) -> WatchdogOptions:
    return WatchdogOptions(
        options.PING_SECONDS,
        options.UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS,
        options.UPSTREAM_IDLE_TIMEOUT_SECONDS,
    )


def relay_options(options: Options) -> RelayOptions:
    is_hybrid = options.ROUTING_MODE == "hybrid"
    has_xml_tools = options.EXPERIMENTAL_XML_TOOLS or options.EXPERIMENTAL_COMPATIBILITY
    return RelayOptions(
        options.MAX_BODY_BYTES, options.RETRY_ATTEMPTS, options.RETRY_SECONDS, has_xml_tools, is_hybrid
    )


def recorder_options(options: Options) -> RecorderOptions:
    """Return where usage waits to be written, and how long rows are kept."""
    return RecorderOptions(
        options.DATA_DIR,
        options.SPOOL_MAX_BYTES,
        options.USAGE_RETENTION_DAYS,
        options.AUDIT_RETENTION_DAYS,
        options.REQUEST_LOG_RETENTION_DAYS,
        options.REQUEST_LOG_SAMPLE_PERCENT,
        options.REQUEST_LOG_MAX_BYTES,
    )


def payment_gate(options: Options, metrics: Metrics) -> Gate | None:
    """Return the gate of paid calls; None while nothing is paid for: then no call knows of it."""
    paying = payment_options.from_settings(options)
    return None if paying is None else Gate(paying, methods.build(paying), metrics.payment)


def table(options: Options) -> Table:
    hidden = _hidden(options)
    return Table((row for row in SURFACES if row.family not in hidden), options.ANTHROPIC_EXTRA_PATHS)


def registry(options: Options) -> Registry:
    accepts = options.STORAGE_POLICY == "memory" or options.TOKEN_ACCEPT_UNRECORDED
    return Registry(options.TOKEN_SECRET.encode(), accepts)


def peer(options: Options) -> Callable[[Request], str] | None:
    """Return what finds the caller behind the proxies that are trusted; None: the peer is the caller."""
    return _peer_behind_proxies if options.TRUSTED_PROXIES else None
