"""A client that stops reading costs a bounded piece of memory, and the upstream is not read on."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.fakes import vendor as v
from tests.fakes.server import Answer, FakeServer
from tests.rawhttp import RawClient

STREAMS = 8
PIECE = b"event: ping\ndata: " + b'{"type":"ping","filler":"' + b"x" * 65_000 + b'"}\n\n'
MIB = 1024 * 1024
DOWNLOAD = ("content-type", "application/octet-stream")
DOWNLOADED = (
    bytes(range(256)) * 256
)  # no stream under a wrong label, which would be put together for its caller
KERNEL_BYTES = 12 * MIB
"""What the socket buffers of the three machines on the way may hold: none of it is the gateway's memory."""


def endless(kind):
    def parts():
        while True:
            yield DOWNLOADED if kind is DOWNLOAD else PIECE

    return Answer(200, [kind], parts(), "chunked")


def stalled(server: FakeServer, timeout: float = 15.0) -> int:
    """Bytes sent once none has been sent for a second."""
    deadline = time.monotonic() + timeout
    last, since = -1, time.monotonic()
    while time.monotonic() < deadline:
        total = sum(seen.bytes_sent for seen in server.seen)
        if total != last:
            last, since = total, time.monotonic()
        elif time.monotonic() - since > 1:
            return total
        time.sleep(0.05)
    raise AssertionError(f"the upstream was still being read after {timeout} s: {last / MIB:.0f} MiB")


@pytest.mark.parametrize("kind", ["stream", "download"])
def test_a_reader_that_stops(start, kind, any_server):
    body, content_type = (STREAM, v.EVENT_STREAM) if kind == "stream" else (ASK, DOWNLOAD)
    with FakeServer(lambda seen: endless(content_type), send_buffer=65536) as upstream, ExitStack() as stack:
        gateway = start(any_server, upstream_url=upstream.url)
        gateway.ask("GET", "/health")
        before = gateway.resident_bytes()
        clients = [stack.enter_context(RawClient(gateway.port, receive_buffer=65536)) for _ in range(STREAMS)]
        for client in clients:
            client.ask("POST", "/v1/messages", gateway.call_headers(), body)
            assert client.head().status == 200
        taken = stalled(upstream)
        grown = gateway.resident_bytes() - before
        assert taken < STREAMS * KERNEL_BYTES
        assert grown < STREAMS * 3 * MIB / 2, f"{grown / STREAMS / MIB:.1f} MiB per stream"
        assert gateway.ask("GET", "/health").status == 200
        clients[0].until((PIECE if kind == "stream" else DOWNLOADED)[-40:])  # it reads on: the stream goes on
        left_at = [client.leave() for client in clients][-1]
        assert max(seen.wait_gone() for seen in upstream.seen) - left_at < 1


@pytest.fixture(params=["daphne", "uvicorn", "django"])
def any_server(request):
    return request.param
