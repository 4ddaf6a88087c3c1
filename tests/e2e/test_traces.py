"""Traces of calls over real sockets: the caller's trace goes on, upstreams hear nothing of it, no text is told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.calls import ASK
from tests.fakes.collector import TraceCollector, told
from tests.fakes.server import Answer, Gate
from tests.fakes.vendor import Vendor
from tests.harness import SERVERS, GatewayProcess

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = (
    ("traceparent", f"00-{TRACE}-{PARENT}-01"),
    ("tracestate", "vendor=CANARY-state"),
    ("baggage", "user=CANARY-baggage"),
)


@pytest.fixture(params=SERVERS)
def traced(
    request: pytest.FixtureRequest, template: Path, tmp_path: Path, vendor: Vendor
) -> Iterator[tuple[GatewayProcess, TraceCollector]]:
    with TraceCollector() as collector:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=CANARY-tenant",
        }
        with GatewayProcess(template, tmp_path / "gw", vendor.url, request.param, settings) as gateway:
            gateway.token = gateway.issue()
            yield gateway, collector


def test_calls_are_traced_within_the_callers_trace(
    traced: tuple[GatewayProcess, TraceCollector], vendor: Vendor
) -> None:
    gateway, collector = traced
    asked = json.dumps({**json.loads(ASK), "stream": True}).encode()
    assert gateway.messages(asked, *HEADERS).status == 200
    assert all(vendor.last.get(name) is None for name, _ in HEADERS)
    vendor.say(
        Answer(
            400,
            [("content-type", "application/json")],
            [b'{"type":"error","error":{"type":"invalid_request_error","message":"no"}}'],
        )
    )
    assert gateway.messages(ASK, *HEADERS).status == 400
    assert gateway.ask("POST", "/v1/messages", [("content-type", "application/json")], ASK).status == 401
    spans = collector.wait(4)
    whole = {told(span)["http.response.status_code"]: span for span in spans if span.kind == 2}
    assert set(whole) == {200, 400}, "a stranger's call makes none"
    for status, span in whole.items():
        [child] = [each for each in spans if each.parent_span_id == span.span_id]
        assert span.trace_id.hex() == child.trace_id.hex() == TRACE and span.parent_span_id.hex() == PARENT
        assert told(child)["http.response.status_code"] == status
        assert span.start_time_unix_nano <= child.start_time_unix_nano <= child.end_time_unix_nano
    served = told(whole[200])
    assert served["gen_ai.operation.name"] == "chat" and served["gen_ai.provider.name"] == "anthropic"
    assert served["gen_ai.usage.input_tokens"] > served["gen_ai.usage.output_tokens"] > 0
    assert served["gen_ai.response.finish_reasons"] == ["end_turn"] and served["gen_ai.request.model"]
    assert told(whole[400])["error.type"] == "400"
    rows = {row["id"] for row in gateway.exchanges(gateway.token, 2)}
    assert served["gateway.request.id"].replace("-", "") in rows
    assert collector.last.get("x-tenant") == b"CANARY-tenant"
    sent = b"".join(seen.body for seen in collector.seen)
    for hidden in (b"hello", b"You said", gateway.token.secret.encode()):
        assert hidden not in sent
    assert "CANARY" not in gateway.log()


def test_a_collector_that_hangs_holds_neither_calls_nor_the_end_up(
    template: Path, tmp_path: Path, vendor: Vendor
) -> None:
    gate = Gate()
    with TraceCollector() as collector:
        collector.say(*[Answer(200, before_head=gate)] * 20)
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        with GatewayProcess(template, tmp_path / "gw", vendor.url, "uvicorn", settings) as gateway:
            gateway.token = gateway.issue()
            assert gateway.messages(ASK).status == 200
            deadline = time.monotonic() + 60
            while not collector.seen:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            for _ in range(20):
                assert gateway.messages(ASK).status == 200
            began = time.monotonic()
            assert gateway.stop(30) == 0
            assert time.monotonic() - began < 25
        gate.open()
