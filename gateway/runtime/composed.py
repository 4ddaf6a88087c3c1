"""What a process is composed of before anything runs: typed options, the copies in memory, the ways out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from accounts.maintenance import RefreshRunner
from accounts.pool.pool import Pool
from gateway.config.table import Options
from gateway.exchange.surfaces import Table
from gateway.telemetry.metrics import Metrics
from gateway.usage.prices.copy import Prices
from gateway.usage.recorder import Recorder, RecorderOptions
from providers.catalog.catalog import Catalog
from providers.client import ClientOptions, Transport
from tokens.registry import Registry


@dataclass(frozen=True, slots=True)
class WaysOut:
    """How a process reaches the upstreams and the rows of usage; tests and benchmarks bring their own."""

    transport: Callable[[ClientOptions], httpx.AsyncBaseTransport] = Transport
    recorder: Callable[[RecorderOptions], Recorder] = Recorder


@dataclass(frozen=True, slots=True)
class Composed:
    """The parts that all event loops of a process share."""

    options: Options
    table: Table
    metrics: Metrics
    registry: Registry
    pool: Pool
    catalog: Catalog
    prices: Prices
    refreshes: RefreshRunner
    ways_out: WaysOut
