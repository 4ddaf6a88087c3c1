"""The desk as the options want it."""

from typing import Any

from gateway.runtime import personal
from gateway.runtime.composition import current
from tests.gateway.relay.scripted import Script


def test_without_a_collector_telemetry_is_dropped(options: Any) -> None:
    options()
    assert personal.forwarder(current().composed, Script()) is None


def test_a_collector_makes_a_forwarder(options: Any) -> None:
    options(OTLP_FORWARD_URL="http://collector.test:4318", OTLP_FORWARD_HEADERS=(("a", "b"),))
    assert personal.forwarder(current().composed, Script()) is not None
