"""Build the desk of one event loop, so that the composition need not know what it answers."""

from __future__ import annotations

import httpx

from gateway.exchange.personal import MANAGED_SETTINGS, OWN_USAGE, TELEMETRY
from gateway.personal.budget import OwnUsage
from gateway.personal.desk import Desk
from gateway.personal.settings import ManagedSettings
from gateway.personal.telemetry import Telemetry
from gateway.runtime.composed import Composed
from gateway.telemetry.forwarding import Collector, Forwarder
from gateway.telemetry.strangers import Strangers


def forwarder(composed: Composed, transport: httpx.AsyncBaseTransport) -> Forwarder | None:
    """Return what sends telemetry on; None without a collector."""
    options = composed.options
    if not options.OTLP_FORWARD_URL:
        return None
    collector = Collector(options.OTLP_FORWARD_URL, options.OTLP_FORWARD_HEADERS)
    return Forwarder(collector, transport, composed.metrics.telemetry)


def desk(composed: Composed, sending: Forwarder | None) -> Desk:
    """Return the desk."""
    telemetry = Telemetry(sending, composed.options.MAX_BODY_BYTES)
    metrics = composed.metrics
    answers = {
        TELEMETRY: telemetry.answer,
        MANAGED_SETTINGS: ManagedSettings().answer,
        OWN_USAGE: OwnUsage().answer,
    }
    return Desk(composed.registry, answers, (metrics,), (metrics, Strangers()))
