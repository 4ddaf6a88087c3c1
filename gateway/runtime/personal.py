"""Build the desk of one event loop, so that the composition need not know what it answers."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import TimeoutError as TooSlow

import httpx

from gateway.exchange.personal import MANAGED_SETTINGS, OWN_ACCOUNT, OWN_USAGE, TELEMETRY
from gateway.personal import models
from gateway.personal.account import OwnAccount
from gateway.personal.budget import OwnUsage
from gateway.personal.desk import Desk
from gateway.personal.settings import ManagedSettings
from gateway.personal.telemetry import Telemetry
from gateway.relay.relay import Relay
from gateway.runtime.composed import Composed
from gateway.telemetry.forwarding import Collector, Forwarder
from gateway.telemetry.strangers import Strangers
from tokens.records import TokenRecord

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 4.0


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
        OWN_ACCOUNT: OwnAccount(composed.table).answer,
    }
    return Desk(composed.registry, answers, (metrics,), (metrics, Strangers()))


class Models:
    """Asks the relay, on its own event loop and from another thread, which models a token may use."""

    def __init__(self, relay: Relay, loop: asyncio.AbstractEventLoop) -> None:
        self._relay = relay
        self._loop = loop

    def __call__(self, token: TokenRecord) -> list[str]:
        asking = asyncio.run_coroutine_threadsafe(self._relay.models.merged(token), self._loop)
        try:
            return [model.id for model in asking.result(PATIENCE_SECONDS)]
        except TooSlow:
            asking.cancel()
            logger.warning("The lists of models did not come in time")
            return []


def reader_of_models(relay: Relay, loop: asyncio.AbstractEventLoop) -> models.Reader:
    """Return what tells pages and bearers which models they may use."""
    return Models(relay, loop)
