"""Counters in memory, and the two documents made from them: `/metrics` and `/v1/usage`.

The first families are the reference's, in its form and order; others of ours and django-prometheus' own follow.
Every process counts for itself and starts at zero: behind several workers a scrape sees one of them.

Where we count otherwise than the reference: every answer counts, our own refusals too; bytes to and from the
upstream count on every surface, streams included; an account counts also when it is the only one.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import orjson
from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts import live
from accounts.metrics import account_families
from gateway.exchange import CLIENT_LEFT, NO_USAGE, Exchange

CONTENT_TYPE = "text/plain; version=0.0.4"

CHAT, RESPONSES, MESSAGES = "openai_chat_completions", "openai_responses", "anthropic_messages"

FAMILIES: Mapping[str, str] = {
    "messages": MESSAGES,
    "count_tokens": MESSAGES,
    "extra": MESSAGES,
    "bedrock": MESSAGES,
    "vertex": MESSAGES,
    "chat_completions": CHAT,
    "responses": RESPONSES,
}
"""Surface → the reference's counter for it. Surfaces not named here have none."""

SECONDS_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
OVERHEAD_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
TOKEN_KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")


class Histogram:
    """Counts per bucket; the last bucket has no bound."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def add_to(self, family: HistogramMetricFamily, labels: list[str]) -> None:
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += count
            buckets.append(("+Inf" if bound == float("inf") else repr(bound), total))
        family.add_metric(labels, buckets, self._sum)


class _SurfaceCounts:
    """What is counted of one surface."""

    __slots__ = ("first_byte", "requests", "seconds", "tokens")

    def __init__(self) -> None:
        self.requests = 0
        self.seconds = Histogram(SECONDS_BOUNDS)
        self.first_byte = Histogram(SECONDS_BOUNDS)
        self.tokens = [0, 0, 0, 0, 0]


class Metrics:
    """One process's counters. `opened` and `count` belong to the event loop; the others may come from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = self._errors = self._bytes_in = self._bytes_out = 0
        self._issued = self._revoked = 0
        self._in_flight = 0
        self._statuses: Counter[int] = Counter()
        self._accounts: Counter[str] = Counter()
        self._upstream_errors: Counter[tuple[str, ...]] = Counter()
        self._refused: Counter[str] = Counter()
        self._surfaces: dict[str, _SurfaceCounts] = {}
        self._overhead = Histogram(OVERHEAD_BOUNDS)
        self._own = CollectorRegistry(auto_describe=False)
        self._own.register(_OwnFamilies(self))

    def opened(self) -> None:
        """A call came in; `count` follows once it has ended."""
        self._in_flight += 1

    def count(self, exchange: Exchange) -> None:
        """A call has ended. On every request's road: nothing here may wait or allocate much."""
        if self._in_flight:
            self._in_flight -= 1
        self._requests += 1
        self._statuses[exchange.status] += 1
        self._bytes_in += exchange.bytes_in
        self._bytes_out += exchange.bytes_out
        surface = self._surfaces.get(exchange.surface)
        if surface is None:
            surface = self._surfaces[exchange.surface] = _SurfaceCounts()
        surface.requests += 1
        surface.seconds.observe(exchange.total_seconds)
        if exchange.account:
            self._accounts[exchange.account] += 1
        if exchange.first_byte_seconds is not None and not exchange.is_refusal:
            surface.first_byte.observe(exchange.first_byte_seconds)
            self._overhead.observe(exchange.overhead_seconds)
        if exchange.usage is not NO_USAGE:
            _add_tokens(surface.tokens, exchange)
        if exchange.status >= 400 or exchange.failure_kind is not None:
            self._count_error(exchange)

    def _count_error(self, exchange: Exchange) -> None:
        if exchange.status >= 400:
            self._errors += 1
        if not exchange.attempts:
            self._refused[exchange.failure_kind or "unknown"] += 1
        elif exchange.status != CLIENT_LEFT:
            code = exchange.upstream_status
            key = (exchange.provider, exchange.failure_kind or "answered", str(code) if code else "")
            self._upstream_errors[key] += 1

    def token_issued(self) -> None:
        with self._lock:
            self._issued += 1

    def token_revoked(self) -> None:
        with self._lock:
            self._revoked += 1

    def metrics_text(self) -> bytes:
        """The body of `GET /metrics`, with content type `CONTENT_TYPE`."""
        reference = "\n".join(self._reference_lines()) + "\n"
        return reference.encode() + generate_latest(self._own) + generate_latest(REGISTRY)

    def usage_view(self) -> bytes:
        """The body of `GET /v1/usage`: JSON with the reference's keys in its order."""
        view: dict[str, object] = {
            name if name in ("requests_total", "errors_total") else name.removesuffix("_total"): value
            for name, value in self._totals()
        }
        view["status_counts"] = {str(code): count for code, count in sorted(self._statuses.items())}
        view["account_calls"] = dict(sorted(self._accounts.items()))
        return orjson.dumps(view)

    def _totals(self) -> Iterator[tuple[str, int]]:
        """The reference's counters without labels, in its order."""
        yield "requests_total", self._requests
        yield "errors_total", self._errors
        yield "bytes_in_total", self._bytes_in
        yield "bytes_out_total", self._bytes_out
        for family in (CHAT, RESPONSES, MESSAGES):
            surfaces = list(self._surfaces.items())
            yield (
                f"{family}_total",
                sum(counts.requests for name, counts in surfaces if FAMILIES.get(name) == family),
            )
        yield "tokens_issued_total", self._issued
        yield "tokens_revoked_total", self._revoked

    def _reference_lines(self) -> Iterator[str]:
        for name, value in self._totals():
            yield f"# TYPE link_assistant_{name} counter"
            yield f"link_assistant_{name} {value}"
        yield "# TYPE link_assistant_status_total counter"
        for code, count in sorted(self._statuses.items()):
            yield f'link_assistant_status_total{{code="{code}"}} {count}'
        yield "# TYPE link_assistant_account_calls_total counter"
        for account, count in sorted(self._accounts.items()):
            yield f'link_assistant_account_calls_total{{account="{_escaped(account)}"}} {count}'

    def own_families(self) -> Iterator[Metric]:
        """What the reference lacks."""
        yield _gauge("build_info", "The version that runs", {settings.VERSION: 1}, "version")
        pool = live.serving()
        if pool is not None:
            yield from account_families(pool)
        yield GaugeMetricFamily("link_assistant_in_flight", "Calls on the road now", self._in_flight)
        yield self._histogram("request_seconds", "From a call's arrival to the end of its answer", "seconds")
        yield self._histogram(
            "first_byte_seconds", "From a call's arrival to its answer's first byte", "first_byte"
        )
        overhead = HistogramMetricFamily(
            "link_assistant_overhead_seconds", "The gateway's own share of a call"
        )
        self._overhead.add_to(overhead, [])
        yield overhead
        yield self._tokens()
        yield _counter(
            "refused",
            "Calls refused before anything was sent upstream",
            {(k,): n for k, n in self._refused.items()},
            ["reason"],
        )
        yield _counter(
            "upstream_errors",
            "Calls that failed upstream, before or behind the first byte",
            self._upstream_errors,
            ["provider", "kind", "code"],
        )

    def _histogram(self, name: str, help_text: str, attribute: str) -> HistogramMetricFamily:
        family = HistogramMetricFamily(f"link_assistant_{name}", help_text, labels=["surface"])
        for surface, counts in sorted(self._surfaces.items()):
            getattr(counts, attribute).add_to(family, [surface])
        return family

    def _tokens(self) -> CounterMetricFamily:
        values: dict[tuple[str, ...], int] = {
            (surface, kind): count
            for surface, counts in sorted(self._surfaces.items())
            for kind, count in zip(TOKEN_KINDS, counts.tokens, strict=True)
        }
        return _counter("model_tokens", "Tokens that models read and wrote", values, ["surface", "kind"])


class _OwnFamilies(Collector):
    """prometheus_client's way to ask for our own families when it writes them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics.own_families()


def _add_tokens(tokens: list[int], exchange: Exchange) -> None:
    usage = exchange.usage
    tokens[0] += usage.input_tokens
    tokens[1] += usage.cache_read_tokens
    tokens[2] += usage.cache_write_5m_tokens
    tokens[3] += usage.cache_write_1h_tokens
    tokens[4] += usage.output_tokens


def _counter(
    name: str, help_text: str, values: Mapping[tuple[str, ...], int], labels: list[str]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"link_assistant_{name}", help_text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(list(key), value)
    return family


def _gauge(name: str, help_text: str, values: Mapping[str, int], label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"link_assistant_{name}", help_text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


METRICS = Metrics()
"""This process's counters."""
