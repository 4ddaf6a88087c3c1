"""A collector of traces: takes OTLP over HTTP on a real socket, and decodes it with OpenTelemetry's own schema."""

from __future__ import annotations

import gzip
import time
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.fakes.server import Answer, FakeServer, Seen

PROTOBUF = ("content-type", "application/x-protobuf")


class TraceCollector(FakeServer):
    """`with TraceCollector() as collector: … collector.spans()`."""

    def __init__(self) -> None:
        super().__init__(
            lambda _: Answer(200, [PROTOBUF], [ExportTraceServiceResponse().SerializeToString()])
        )

    def requests(self) -> list[ExportTraceServiceRequest]:
        return [_decoded(seen) for seen in list(self.seen)]

    def spans(self) -> list[Any]:
        """Return all spans that came, in order."""
        return [
            span
            for request in self.requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait(self, count: int, seconds: float = 60.0) -> list[Any]:
        """Wait until so many spans have come."""
        deadline = time.monotonic() + seconds
        while len(found := self.spans()) < count:
            assert time.monotonic() < deadline, f"{len(found)} spans came"
            time.sleep(0.02)
        return found


def told(span: Any) -> dict[str, Any]:
    """Return a span's attributes as plain values."""
    return {each.key: _value(each.value) for each in span.attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)


def _decoded(seen: Seen) -> ExportTraceServiceRequest:
    assert seen.target == b"/v1/traces" and seen.get("content-type") == b"application/x-protobuf"
    is_coded = seen.get("content-encoding") == b"gzip"
    return ExportTraceServiceRequest.FromString(gzip.decompress(seen.body) if is_coded else seen.body)
