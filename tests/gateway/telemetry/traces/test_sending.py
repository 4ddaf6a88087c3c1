"""Spans on their way to a real collector: as OTLP has them, bounded, and nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from gateway.exchange.exchange import Exchange
from gateway.telemetry.traces import sending
from gateway.telemetry.traces.noted import Asked, Noted
from gateway.telemetry.traces.sending import Collector, Traces
from providers.dialects.types import FailureKind
from tests.fakes.collector import TraceCollector, told
from tests.fakes.server import Answer, Gate

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Bench:
    """What sends to a collector, and what it has counted."""

    def __init__(self, url: str) -> None:
        self.counted: Counter[str] = Counter()
        self.traces = Traces(Collector(url, (("x-tenant", "CANARY"),)), self._count)

    def _count(self, outcome: str, number: int) -> None:
        self.counted[outcome] += number

    async def until(self, outcome: str, number: int) -> None:
        async with asyncio.timeout(60):
            while self.counted[outcome] < number:
                await asyncio.sleep(0.01)


def call(parent: str = "", **more: Any) -> Noted:
    exchange = Exchange(
        "id", 1_000.0, "messages", status=200, total_seconds=2.0, model_asked="claude-x", **more
    )
    first = Asked("p", "anthropic", "a", "claude-x", "https://api.example.org", 529, "529", 1_000.1, 1_000.5)
    second = Asked("p", "anthropic", "b", "claude-x", "https://api.example.org", 200, "", 1_000.5, 1_002.0)
    return Noted(exchange, "chat", {"traceparent": parent} if parent else {}, (first, second), ("end_turn",))


async def test_a_call_is_a_span_with_one_for_each_upstream_inside_the_callers_trace() -> None:
    with TraceCollector() as collector:
        bench = Bench(collector.url)
        await bench.traces.start()
        bench.traces.take(call(f"00-{TRACE}-{PARENT}-01"))
        bench.traces.take(call(f"00-{TRACE}-{PARENT}-00"))  # the caller does not sample
        bench.traces.take(call("nonsense", failure_kind=FailureKind.UPSTREAM))
        await bench.traces.aclose()
        spans = collector.spans()
        assert collector.seen[0].get("x-tenant") == b"CANARY"
        resource = {
            each.key: each.value.string_value
            for each in collector.requests()[0].resource_spans[0].resource.attributes
        }
    assert resource["service.name"] == "link-assistant-router" and resource["service.version"]
    assert bench.counted == {"sent": 6} and len(spans) == 6
    ours = [span for span in spans if span.trace_id.hex() == TRACE]
    tries, whole = ours[:2], ours[2]
    assert whole.name == "chat claude-x" and whole.parent_span_id.hex() == PARENT
    assert (whole.start_time_unix_nano, whole.end_time_unix_nano) == (1_000 * 10**9, 1_002 * 10**9)
    assert {each.parent_span_id for each in tries} == {whole.span_id} and len(ours) == 3
    assert [told(each).get("error.type") for each in tries] == ["529", None]
    assert [each.status.code for each in (*tries, whole)] == [2, 0, 0]
    assert told(whole)["gen_ai.response.finish_reasons"] == ["end_turn"]
    apart = spans[-1]
    assert not apart.parent_span_id and apart.status.code == 2 and told(apart)["error.type"] == "upstream"


async def test_the_environment_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "gateway-of-berlin")
    with TraceCollector() as collector:
        bench = Bench(collector.url)
        await bench.traces.start()
        bench.traces.take(call())
        await bench.traces.aclose()
        attributes = collector.requests()[0].resource_spans[0].resource.attributes
    assert {"gateway-of-berlin"} == {
        each.value.string_value for each in attributes if each.key == "service.name"
    }


async def test_a_collector_that_hangs_holds_nobody_up_and_what_is_too_much_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "MOST_WAITING", 20)
    monkeypatch.setattr(sending, "FLUSH_SECONDS", 0.2)
    gate = Gate()
    with TraceCollector() as collector:
        collector.say(*[Answer(200, before_head=gate)] * 9)
        bench = Bench(collector.url)
        await bench.traces.start()
        bench.traces.take(call())
        async with asyncio.timeout(60):
            while not collector.seen:
                await asyncio.sleep(0.01)
        began = time.monotonic()
        for _ in range(5_000):
            bench.traces.take(call())
        assert time.monotonic() - began < 5
        assert bench.counted["dropped"] == 5_000 - 20
        async with asyncio.timeout(10):
            await bench.traces.aclose()
        assert bench.counted["dropped"] == 5_000, "what waits at the end is counted, too"
        gate.open()


async def test_what_a_collector_refuses_is_counted_and_the_next_goes_on() -> None:
    with TraceCollector() as collector:
        collector.say(Answer(400))
        bench = Bench(collector.url)
        await bench.traces.start()
        bench.traces.take(call())
        await bench.until("failed", 3)
        bench.traces.take(call())
        await bench.until("sent", 3)
        await bench.traces.aclose()
    assert bench.counted == {"failed": 3, "sent": 3}
