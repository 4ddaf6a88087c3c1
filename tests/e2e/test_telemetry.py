"""Clients' telemetry over real sockets: taken from whoever has a bearer, sent on where the operator wants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.server import Answer, FakeServer, Seen
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess

PROTOBUF = ("content-type", "application/x-protobuf")


@pytest.mark.parametrize("path", ["/v1/metrics", "/v1/logs", "/v1/traces"])
def test_it_is_taken_and_dropped(entry_point: GatewayProcess, vendor: Vendor, path: str) -> None:
    answer = entry_point.ask("POST", path, [entry_point.token.bearer, PROTOBUF], b"\x0a\x00CANARY-telemetry")
    assert (answer.status, answer.body) == (200, b"")
    assert entry_point.ask("POST", path, [PROTOBUF], b"\x0a\x00").status == 401
    assert entry_point.ask("GET", path, [entry_point.token.bearer]).status == 405
    assert not vendor.seen and "CANARY-telemetry" not in entry_point.log()
    assert entry_point.rows("SELECT * FROM gateway_exchange WHERE surface = 'telemetry'") == []


def taken(seen: Seen) -> Answer:
    return Answer(200, [("content-type", "application/json")], [b"{}"])


@pytest.fixture(params=("daphne", "uvicorn"))
def collected(
    request: pytest.FixtureRequest, template: Path, tmp_path: Path, vendor: Vendor
) -> Iterator[tuple[GatewayProcess, FakeServer]]:
    with FakeServer(taken) as collector:
        settings = {
            "OTLP_FORWARD_URL": collector.url,
            "OTLP_FORWARD_HEADERS": "x-tenant=CANARY-tenant",
            "MAX_BODY_BYTES": "1000",
        }
        with GatewayProcess(template, tmp_path / "gw", vendor.url, request.param, settings) as gateway:
            gateway.token = gateway.issue()
            yield gateway, collector


def test_a_collector_gets_it_as_it_came_without_our_bearer(
    collected: tuple[GatewayProcess, FakeServer],
) -> None:
    gateway, collector = collected
    headers = [gateway.token.bearer, PROTOBUF, ("content-encoding", "gzip"), ("user-agent", "OTel-OTLP/1")]
    assert gateway.ask("POST", "/v1/logs", headers, b"\x1f\x8bCANARY-body").status == 200
    seen = collector.last
    assert (seen.method, seen.target, seen.body) == ("POST", b"/v1/logs", b"\x1f\x8bCANARY-body")
    assert seen.all("content-encoding") == [b"gzip"] and seen.all("user-agent") == [b"OTel-OTLP/1"]
    assert seen.all("x-tenant") == [b"CANARY-tenant"] and seen.get("authorization") is None
    assert gateway.ask("POST", "/v1/logs", headers, b"x" * 1001).status == 413
    metrics = gateway.admin("GET", "/metrics").body
    assert b'link_assistant_telemetry_total{outcome="forwarded"} 1.0' in metrics
    assert "CANARY-body" not in gateway.log() and "CANARY-tenant" not in gateway.log()
