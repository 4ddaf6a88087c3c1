"""What the road is built of, for one event loop: handed to the relay, so that nothing on it looks for a global."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from accounts import affinity
from accounts.pool import Pool
from gateway.exchange import Exchange
from gateway.identity import make_id
from gateway.metrics import Metrics
from gateway.pulse import Pulse
from gateway.responses_store import ResponsesStore
from gateway.shared.seats import SharedSeats
from gateway.surfaces import Table
from gateway.usage.metering import Meter
from gateway.usage.recorder import Recorder
from gateway.wire import Request
from providers.catalog import Catalog
from providers.dialects.types import Call, FailureKind, Sealer, Translator
from providers.translation import pairs
from tokens.registry import Registry

logger = logging.getLogger(__name__)

TOLD_TO_THE_OPERATOR = frozenset(
    (FailureKind.UPSTREAM, FailureKind.TIMEOUT, FailureKind.UNAVAILABLE, FailureKind.INTERNAL)
)
"""Failures that are nobody's wrong request: one line in the log each."""


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """Sizes in bytes, durations in seconds."""

    max_body_bytes: int = 33554432
    retry_attempts: int = 4
    retry_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class House:
    """The rooms that a call passes through."""

    options: RelayOptions
    table: Table
    registry: Registry
    catalog: Catalog
    pool: Pool
    transport: httpx.AsyncBaseTransport
    pulse: Pulse
    metrics: Metrics
    recorder: Recorder
    meter: Meter
    sealer: Sealer
    responses: ResponsesStore
    peer: Callable[[Request], str]  # who the caller is, behind whatever proxies are trusted
    seats: SharedSeats | None = None  # with several processes

    def translator(self, surface_dialect: str, upstream_dialect: str) -> Translator:
        return pairs.translator(surface_dialect, upstream_dialect, make_id, int(time.time()), self.sealer)

    def session_key(self, provider: str, call: Call) -> str | None:
        """What names the conversation, worked out only where there is a choice of accounts."""
        if not self.pool.has_choice(provider):
            return None
        return affinity.session_key(call.headers, call.fields, call.body)

    def conclude(self, exchange: Exchange) -> None:
        """The finished exchange, to everybody who counts."""
        if exchange.failure_kind in TOLD_TO_THE_OPERATOR:
            logger.warning(
                "%s (%s: %d, attempt %d, provider %s, account %s)",
                exchange.failure_message,
                exchange.surface,
                exchange.status,
                exchange.attempts,
                exchange.provider or "none",
                exchange.account or "none",
            )
        self.metrics.count(exchange)
        self.recorder.record(exchange)
