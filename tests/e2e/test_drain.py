"""SIGTERM: not ready, no new connections, running answers to their end, and an end for those that have none."""

from __future__ import annotations

import signal
import time

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.fakes import vendor as v
from tests.fakes.server import Gate
from tests.harness import SERVERS
from tests.rawhttp import RawClient, events

RECORDS = v.events("m", v.text("to the end"))


@pytest.fixture(params=SERVERS)
def server(request):
    return request.param


def streaming(gateway):
    client = RawClient(gateway.port)
    client.ask("POST", "/v1/messages", gateway.call_headers(), STREAM)
    client.head()
    client.until(b"message_start")
    return client


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_stream_is_finished(start, vendor, server, number):
    gate = Gate()
    vendor.say(v.stream_answer([RECORDS[0], gate, *RECORDS[1:]]))
    gateway = start(server, {"DRAIN_SECONDS": "20"})
    with streaming(gateway) as client:
        gateway.process.send_signal(number)
        deadline = time.monotonic() + 5
        while True:  # the listener closes
            try:
                RawClient(gateway.port, timeout=1).sock.close()
            except ConnectionRefusedError:
                break
            assert time.monotonic() < deadline, "still accepting"
            time.sleep(0.02)
        assert gateway.process.poll() is None
        gate.open()
        assert client.rest() == (b"".join(RECORDS[1:]), False)
    assert gateway.process.wait(10) == 0
    assert gateway.exchanges(gateway.token)[0]["status"] == 200


def test_a_stream_without_end_gets_an_error_event(start, vendor, server):
    vendor.say(v.stream_answer([RECORDS[0], Gate()]))
    gateway = start(server, {"DRAIN_SECONDS": "1"})
    with streaming(gateway) as client:
        gateway.process.send_signal(signal.SIGTERM)
        body, is_cut = client.rest()
    assert not is_cut
    assert events(body)[-1] == "error"
    assert gateway.process.wait(10) == 0
    assert vendor.last.wait_gone()
    assert len(gateway.exchanges(gateway.token)) == 1


def test_readiness_goes_first(start, vendor, server):
    gateway = start(server, {"DRAIN_DELAY_SECONDS": "2", "DRAIN_SECONDS": "5"})
    assert gateway.ask("GET", "/health/ready").status == 200
    gateway.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 1.5
    while gateway.ask("GET", "/health/ready").status != 503:
        assert time.monotonic() < deadline, "still ready"
        time.sleep(0.02)
    assert gateway.messages(ASK).status == 200  # it serves on meanwhile
    assert gateway.ask("GET", "/health").status == 200
    assert gateway.process.wait(10) == 0


def test_a_second_signal_ends_at_once(start, vendor, server):
    vendor.say(v.stream_answer([RECORDS[0], Gate()]))
    gateway = start(server, {"DRAIN_SECONDS": "60"})
    with streaming(gateway):
        gateway.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)  # two signals at one moment are one
        assert gateway.process.poll() is None
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait(3)
