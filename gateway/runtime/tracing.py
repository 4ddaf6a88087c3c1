"""Trace calls where the operator names a collector: a relay hands each concluded call on. Nobody else pays for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Protocol

from gateway.config.table import Options
from gateway.exchange.context import Arrival, Hold, TapMaker
from gateway.relay.deps import RelayDeps
from gateway.relay.relay import Relay
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.traces import noted
from providers.clouds.sources import is_installed
from providers.dialects.table import DIALECTS

SENDING = "gateway.telemetry.traces.sending"
"""Needs the extra `otel`: it is imported where a collector is named."""
LIBRARY = "opentelemetry.exporter"


class Traces(Protocol):
    """Makes spans of calls and sends them; a part of the runtime."""

    def take(self, call: noted.Noted) -> None: ...

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


class TracedRelay(Relay):
    """A relay whose concluded calls are traced, but strangers', of which there is no row either."""

    def __init__(self, deps: RelayDeps, traces: Traces) -> None:
        super().__init__(replace(deps, taps=_tapped(deps.taps)))
        self._traces = traces

    async def conclude(self, arrival: Arrival, hold: Hold | None) -> None:
        """Conclude the call, and hand on what is told of it."""
        try:
            await super().conclude(arrival, hold)
        finally:
            exchange = arrival.exchange
            if exchange.token_id and not exchange.is_handed_on:
                self._traces.take(noted.noted(arrival))


def traces(options: Options, metrics: Metrics) -> list[Traces]:
    """Return what sends traces: one where a collector is named and the extra is there, else nothing."""
    if not options.OTEL_EXPORTER_OTLP_ENDPOINT or not is_installed(LIBRARY):
        return []
    sending = import_module(SENDING)
    collector = sending.Collector(options.OTEL_EXPORTER_OTLP_ENDPOINT, options.OTEL_EXPORTER_OTLP_HEADERS)
    return [sending.Traces(collector, partial(count, metrics))]


def count(metrics: Metrics, outcome: str, number: int) -> None:
    """Count spans that were `sent` or `failed`, or calls whose spans were `dropped`."""
    spans = metrics.counts.spans
    spans[outcome] = spans.get(outcome, 0) + number


def relay(deps: RelayDeps, found: Sequence[Traces]) -> Relay:
    """Return the relay, traced where something sends traces."""
    return TracedRelay(deps, found[0]) if found else Relay(deps)


def _tapped(taps: Mapping[str, Sequence[TapMaker]]) -> dict[str, Sequence[TapMaker]]:
    return {name: (*taps.get(name, ()), noted.tap) for name in DIALECTS}
