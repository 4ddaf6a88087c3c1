"""Count in memory, and make two documents from the counters: `/metrics` and `/v1/usage`.

The first families are the reference's, in its form and order; others of ours and django-prometheus' own
follow. Every process counts for itself and starts at zero; what is shown adds up the workers that serve
together (`gateway.telemetry.snapshots`). django-prometheus' families are of the process that answers.

Where we count otherwise than the reference: every answer counts, our own refusals too; bytes to and from the
upstream count on every surface, streams included; an account counts also when it is the only one.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping

import orjson
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.pool import live
from accounts.pool.metrics import account_families
from gateway import VERSION
from gateway.exchange.exchange import CLIENT_LEFT, NO_USAGE, Exchange
from gateway.exchange.surfaces import EXTRA, EXTRA_DIALECT, SURFACES, Action
from gateway.telemetry.counters import DAY_SECONDS, TOKEN_KINDS, Counts, Histogram
from providers.dialects.table import DIALECTS, METRIC_FAMILIES
from providers.dialects.types import FailureKind

CONTENT_TYPE = "text/plain; version=0.0.4"

FAMILIES: Mapping[str, str] = {
    **{row.name: DIALECTS[row.dialect].metric_family for row in SURFACES if row.action is Action.RELAY},
    EXTRA: DIALECTS[EXTRA_DIALECT].metric_family,
}
"""Surface → the reference's counter for it. Surfaces not named here have none."""

EARLY_REASONS = {413: FailureKind.TOO_LARGE, 503: FailureKind.UNAVAILABLE}


class Metrics:
    """One process's counters.

    `concluded` belongs to the event loop; the others may come from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts = Counts()
        self.elsewhere: Callable[[], Iterable[Counts]] = tuple
        """Reads what other processes have counted, dead ones of the same run included."""
        self.refresh: Callable[[], object] = tuple
        """Brings those of our counts up to date that are read somewhere instead of counted."""

    def total(self) -> Counts:
        """Add up ours and theirs. A copy."""
        self.refresh()
        total = Counts()
        for each in (self.counts, *self.elsewhere()):
            total.add(each)
        return total

    def concluded(self, exchange: Exchange) -> None:
        """Count a call that has ended.

        On the path of every request: nothing here may wait or allocate much.
        """
        counts = self.counts
        counts.requests += 1
        counts.statuses[exchange.status] = counts.statuses.get(exchange.status, 0) + 1
        counts.bytes_in += exchange.bytes_in
        counts.bytes_out += exchange.bytes_out
        surface = counts.surfaces.get(exchange.surface) or counts.surface(exchange.surface)
        surface.requests += 1
        observe(surface.seconds, exchange.total_seconds)
        if not exchange.token_id:
            counts.unauthenticated += 1
            counts.note_noise(int(exchange.started_at // DAY_SECONDS))
        if exchange.account:
            counts.accounts[exchange.account] = counts.accounts.get(exchange.account, 0) + 1
        if exchange.first_byte_seconds is not None and not exchange.is_refusal:
            observe(surface.first_byte, exchange.first_byte_seconds)
            observe(counts.overhead, exchange.overhead_seconds)
        if exchange.usage is not NO_USAGE:
            _add_tokens(surface.tokens, exchange)
        if exchange.status >= 400 or exchange.failure_kind is not None:
            self._count_error(exchange)

    def billed(self, exchange: Exchange) -> None:
        """Count the tokens of a batch's calls: no request of theirs has come by here."""
        _add_tokens(self.counts.surface(exchange.surface).tokens, exchange)

    def count_early(self, status: int) -> None:
        """Count an answer that the server gave by itself: the relay has not seen such a call."""
        counts = self.counts
        counts.requests += 1
        counts.errors += 1
        counts.statuses[status] = counts.statuses.get(status, 0) + 1
        reason = EARLY_REASONS.get(status, FailureKind.INVALID_REQUEST)
        counts.refused[reason] = counts.refused.get(reason, 0) + 1

    def decided_without_redis(self, decision: str) -> None:
        """Count a limited call, `refused` or counted in this process alone (`local`) because Redis is away."""
        counts = self.counts.without_redis
        counts[decision] = counts.get(decision, 0) + 1

    def payment(self, method: str, event: str) -> None:
        """Count what happened to a payment: `challenged`, `settled`, `served`, or the code of a refusal."""
        counts, key = self.counts.payments, (method, event)
        counts[key] = counts.get(key, 0) + 1

    def telemetry(self, outcome: str) -> None:
        """Count a body of clients' telemetry: `forwarded`, `refused` by the collector, `dropped`."""
        self.counts.telemetry[outcome] = self.counts.telemetry.get(outcome, 0) + 1

    def _count_error(self, exchange: Exchange) -> None:
        counts = self.counts
        if exchange.status >= 400:
            counts.errors += 1
        if not exchange.attempts:
            reason = exchange.failure_kind or "unknown"
            counts.refused[reason] = counts.refused.get(reason, 0) + 1
        elif exchange.status != CLIENT_LEFT:
            code = exchange.upstream_status
            key = (exchange.provider, exchange.failure_kind or "answered", str(code) if code else "")
            counts.upstream_errors[key] = counts.upstream_errors.get(key, 0) + 1

    def token_issued(self) -> None:
        with self._lock:
            self.counts.issued += 1

    def token_revoked(self) -> None:
        with self._lock:
            self.counts.revoked += 1

    def metrics_text(self) -> bytes:
        """Return the body of `GET /metrics`, with content type `CONTENT_TYPE`."""
        total = self.total()
        own = CollectorRegistry(auto_describe=False)
        own.register(_OwnFamilies(total))
        reference = "\n".join(_reference_lines(total)) + "\n"
        return reference.encode() + generate_latest(own) + generate_latest(REGISTRY)

    def usage_view(self) -> bytes:
        """Return the body of `GET /v1/usage`: JSON with the reference's keys in its order."""
        total = self.total()
        view: dict[str, object] = {
            name if name in ("requests_total", "errors_total") else name.removesuffix("_total"): value
            for name, value in _totals(total)
        }
        view["status_counts"] = {str(code): count for code, count in sorted(total.statuses.items())}
        view["account_calls"] = dict(sorted(total.accounts.items()))
        return orjson.dumps(view)


def _totals(counts: Counts) -> Iterator[tuple[str, int]]:
    """Yield the reference's counters without labels, in its order."""
    yield "requests_total", counts.requests
    yield "errors_total", counts.errors
    yield "bytes_in_total", counts.bytes_in
    yield "bytes_out_total", counts.bytes_out
    for family in METRIC_FAMILIES:
        yield (
            f"{family}_total",
            sum(each.requests for name, each in counts.surfaces.items() if FAMILIES.get(name) == family),
        )
    yield "tokens_issued_total", counts.issued
    yield "tokens_revoked_total", counts.revoked


def _reference_lines(counts: Counts) -> Iterator[str]:
    for name, value in _totals(counts):
        yield f"# TYPE link_assistant_{name} counter"
        yield f"link_assistant_{name} {value}"
    yield "# TYPE link_assistant_status_total counter"
    for code, count in sorted(counts.statuses.items()):
        yield f'link_assistant_status_total{{code="{code}"}} {count}'
    yield "# TYPE link_assistant_account_calls_total counter"
    for account, count in sorted(counts.accounts.items()):
        yield f'link_assistant_account_calls_total{{account="{_escaped(account)}"}} {count}'


class _OwnFamilies(Collector):
    """Collects the families that the reference lacks, as prometheus_client wants them."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        counts = self._counts
        yield _gauge("build_info", "The version that runs", {VERSION: 1}, "version")
        pool = live.serving()
        if pool is not None:
            yield from account_families(pool)
        yield GaugeMetricFamily("link_assistant_in_flight", "Calls in flight now", counts.in_flight)
        yield GaugeMetricFamily("link_assistant_websockets", "WebSockets open now", counts.websockets)
        yield CounterMetricFamily(
            "link_assistant_unauthenticated", "Calls without a valid token: no rows", counts.unauthenticated
        )
        yield from _health(counts)
        yield self._histogram("request_seconds", "From a call's arrival to the end of its answer", "seconds")
        yield self._histogram(
            "first_byte_seconds", "From a call's arrival to its answer's first byte", "first_byte"
        )
        overhead = HistogramMetricFamily(
            "link_assistant_overhead_seconds", "The gateway's own share of a call"
        )
        _put(counts.overhead, overhead, [])
        yield overhead
        yield self._tokens()
        yield _counter(
            "refused",
            "Calls refused before anything was sent upstream",
            {(k,): n for k, n in counts.refused.items()},
            ["reason"],
        )
        if counts.payments:
            yield _counter("payments", "Payments for calls", counts.payments, ["method", "event"])
        for name, words in (("telemetry", "Bodies of telemetry for the collector"), ("spans", "Spans")):
            if told := getattr(counts, name):
                yield _counter(name, words, {(k,): n for k, n in told.items()}, ["outcome"])
        yield _counter(
            "upstream_errors",
            "Calls that failed upstream, before or behind the first byte",
            counts.upstream_errors,
            ["provider", "kind", "code"],
        )

    def _histogram(self, name: str, help_text: str, attribute: str) -> HistogramMetricFamily:
        family = HistogramMetricFamily(f"link_assistant_{name}", help_text, labels=["surface"])
        for surface, counts in sorted(self._counts.surfaces.items()):
            _put(getattr(counts, attribute), family, [surface])
        return family

    def _tokens(self) -> CounterMetricFamily:
        values: dict[tuple[str, ...], int] = {
            (surface, kind): count
            for surface, counts in sorted(self._counts.surfaces.items())
            for kind, count in zip(TOKEN_KINDS, counts.tokens, strict=True)
        }
        return _counter("model_tokens", "Tokens that models read and wrote", values, ["surface", "kind"])


def _health(counts: Counts) -> Iterator[Metric]:
    """Yield the health of the parts; 0 = away for at least one of the workers that serve together."""
    gauge = GaugeMetricFamily
    yield gauge("link_assistant_asyncio_tasks", "Tasks on the event loops", counts.tasks)
    yield gauge("link_assistant_database_up", "Whether the database answers", int(not counts.database_away))
    if counts.redis_users:
        yield gauge("link_assistant_redis_up", "Whether Redis answers", int(not counts.redis_away))
        decisions: dict[tuple[str, ...], int] = {
            (name,): counts.without_redis.get(name, 0) for name in ("refused", "local")
        }
        words = "Limited calls refused, or counted by one process alone, because Redis was away"
        yield _counter("limits_without_redis", words, decisions, ["decision"])
    spooled = "Usage in files that waits for the database"
    yield gauge("link_assistant_usage_spooled_bytes", spooled, counts.spooled_bytes)
    dropped = "Usage rows that neither the database nor the spool took"
    yield CounterMetricFamily("link_assistant_usage_dropped", dropped, counts.rows_dropped)


def observe(histogram: Histogram, seconds: float) -> None:
    """Count a time into its bucket."""
    histogram.counts[bisect_left(histogram.bounds, seconds)] += 1
    histogram.sum += seconds


def _put(histogram: Histogram, family: HistogramMetricFamily, labels: list[str]) -> None:
    family.add_metric(labels, histogram.buckets(), histogram.sum)


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
