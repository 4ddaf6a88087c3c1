"""Make spans of concluded calls and send them, in a thread of their own, from a bounded queue.

A call costs the relay one note in the queue; what a collector does not take in time is dropped and counted. Imported
only where a collector is named: OpenTelemetry is an extra.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway import VERSION
from gateway.telemetry.traces import attributes
from gateway.telemetry.traces.noted import Noted

logger = logging.getLogger(__name__)

SERVICE = "link-assistant-router"
MOST_WAITING = 10_000
"""Calls that wait for the collector; later ones are dropped."""
BATCH = 512
PAUSE_SECONDS = 1.0
SEND_SECONDS = 10.0
"""Longest time for one batch, its retries included."""
FLUSH_SECONDS = 2.0
"""What is left at the end of the process has so long."""
PATH = "/v1/traces"
NANO = 1_000_000_000

Count = Callable[[str, int], None]
"""Told what became of so many spans: `sent`, `failed` (the collector did not take them), or `dropped` (calls)."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Where spans go: OTLP's base URL, and the operator's own headers."""

    base_url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class _Gathered(SpanProcessor):  # type: ignore[misc]  # the libraries are an extra: mypy does not follow them
    """Keeps spans that have ended, until they are taken."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)

    def take(self) -> list[ReadableSpan]:
        taken, self.spans = self.spans, []
        return taken


class Traces:
    """The traces of one process. `take` belongs to the event loop, all else to the thread."""

    def __init__(self, collector: Collector, count: Count) -> None:
        self._count = count
        self._waiting: deque[Noted] = deque()
        self._wake = threading.Event()
        self._is_closing = False
        self._thread: threading.Thread | None = None
        self._gathered = _Gathered()
        self._exporter = OTLPSpanExporter(
            endpoint=collector.base_url.rstrip("/") + PATH,
            headers=dict(collector.headers) or None,
            timeout=SEND_SECONDS,
        )
        own = {"service.name": SERVICE, "service.version": VERSION, "service.instance.id": str(uuid.uuid4())}
        # What the environment says of the service (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) goes before ours.
        resource = Resource.create(own).merge(OTELResourceDetector().detect())
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(self._gathered)
        self._tracer = provider.get_tracer("gateway", VERSION)
        self._parents = TraceContextTextMapPropagator()

    async def start(self) -> None:
        """Begin to send. The thread is a daemon: a collector that hangs keeps no process from ending."""
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    async def aclose(self) -> None:
        """Send what waits, for a moment, and stop; what is left counts as dropped."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._is_closing = True
        self._wake.set()
        await asyncio.to_thread(thread.join, FLUSH_SECONDS)
        if self._waiting:
            self._count("dropped", len(self._waiting))
            self._waiting.clear()
        if thread.is_alive():
            self._exporter.shutdown()  # no retries any more

    def take(self, noted: Noted) -> None:
        """Take a concluded call. Never waits, never raises."""
        waiting = self._waiting
        if len(waiting) >= MOST_WAITING:
            self._count("dropped", 1)
            return
        waiting.append(noted)
        if len(waiting) == BATCH:
            self._wake.set()

    def _run(self) -> None:
        while not (self._is_closing and not self._waiting):
            if not self._waiting:
                self._wake.wait(PAUSE_SECONDS)
                self._wake.clear()
            self._turn()

    def _turn(self) -> None:
        """Send one batch."""
        try:
            for _ in range(min(len(self._waiting), BATCH)):
                self._tell(self._waiting.popleft())
        except IndexError:
            pass  # the end has cleared the queue
        except Exception:
            logger.exception("traces: a call could not be told; going on")
        spans = self._gathered.take()
        if spans:
            self._send(spans)

    def _send(self, spans: Sequence[ReadableSpan]) -> None:
        try:
            is_sent = self._exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception:
            logger.exception("traces: sending failed; going on")
            is_sent = False
        self._count("sent" if is_sent else "failed", len(spans))

    def _tell(self, noted: Noted) -> None:
        """Make the spans of a call: its own, and one for each upstream that was asked."""
        exchange = noted.exchange
        began = exchange.started_at
        span = self._tracer.start_span(
            attributes.span_name(noted),
            self._parents.extract(noted.parent, Context()),
            SpanKind.SERVER,
            attributes.of_call(noted),
            start_time=_nano(began),
        )
        if span.is_recording():
            inside = set_span_in_context(span, Context())
            for asked in noted.asked:
                child = self._tracer.start_span(
                    f"{noted.operation} {attributes.plain(asked.model)}".rstrip(),
                    inside,
                    SpanKind.CLIENT,
                    attributes.of_try(noted, asked),
                    start_time=_nano(asked.began_at),
                )
                if asked.error:
                    child.set_status(Status(StatusCode.ERROR))
                child.end(_nano(asked.ended_at))
            if attributes.error_of(exchange):
                span.set_status(Status(StatusCode.ERROR))
        span.end(_nano(began + exchange.total_seconds))


def _nano(seconds: float) -> int:
    return int(seconds * NANO)
