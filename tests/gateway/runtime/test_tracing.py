"""Where a collector is named calls are traced, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.runtime import tracing
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.traces.sending import Traces


def test_without_a_collector_or_the_extra_nothing_is_traced(
    options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tracing.traces(options(), Metrics()) == []
    named = options(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector.test:4318")
    monkeypatch.setattr(tracing, "is_installed", lambda _: False)
    assert tracing.traces(named, Metrics()) == []


def test_a_collector_makes_traces_that_are_counted(options: Any) -> None:
    metrics = Metrics()
    [made] = tracing.traces(options(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector.test:4318/"), metrics)
    assert isinstance(made, Traces)
    tracing.count(metrics, "sent", 3)
    tracing.count(metrics, "sent", 2)
    assert b'link_assistant_spans_total{outcome="sent"} 5.0' in metrics.metrics_text()
