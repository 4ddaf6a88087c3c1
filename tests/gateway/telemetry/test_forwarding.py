"""Telemetry on its way to a collector: as it came, in order, bounded, and never in a log."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.telemetry import forwarding
from gateway.telemetry.forwarding import Body, Collector, Forwarder
from tests.gateway.relay.scripted import Script, answer

KIND = ((b"content-type", b"application/x-protobuf"), (b"content-encoding", b"gzip"))


def body(data: bytes) -> Body:
    return Body(b"/v1/metrics", KIND, data)


class Bench:
    def __init__(self, script: Script, url: str = "http://collector.test:4318/otlp/") -> None:
        self.script = script
        self.counted: Counter[str] = Counter()
        self.reached = asyncio.Event()
        collector = Collector(url, (("Authorization", "Bearer CANARY"), ("Content-Type", "own")))
        self.forwarder = Forwarder(collector, script, self._count)

    def _count(self, outcome: str) -> None:
        self.counted[outcome] += 1
        self.reached.set()

    async def until(self, **counts: int) -> None:
        async with asyncio.timeout(5):
            while any(self.counted[name] < count for name, count in counts.items()):
                self.reached.clear()
                await self.reached.wait()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "FIRST_WAIT_SECONDS", 0.001)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench(Script())
    yield made
    await made.forwarder.aclose()


async def test_a_body_goes_on_as_it_came_with_the_operators_headers(bench: Bench) -> None:
    bench.script.steps = [answer(), answer()]
    await bench.forwarder.start()
    bench.forwarder.put(body(b"one"))
    bench.forwarder.put(Body(b"/v1/logs", ((b"accept-encoding", b"br"),), b"two"))
    await bench.until(forwarded=2)
    first, second = bench.script.requests
    assert first.extensions["target"] == b"/otlp/v1/metrics" and first.url.host == "collector.test"
    assert second.extensions["target"] == b"/otlp/v1/logs"
    assert first.headers.raw == [
        (b"content-encoding", b"gzip"),
        (b"authorization", b"Bearer CANARY"),
        (b"content-type", b"own"),
    ]
    assert second.headers.raw == [(b"authorization", b"Bearer CANARY"), (b"content-type", b"own")]
    assert [one.read() for one in (first, second)] == [b"one", b"two"]
    assert all(one.is_closed for one in bench.script.bodies)


@pytest.mark.parametrize("first", [answer(503), answer(429), httpx.ConnectError("no"), TimeoutError()])
async def test_a_collector_that_is_away_is_asked_again_and_told_of_once(
    bench: Bench, first: httpx.Response | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bench.script.steps = [first, httpx.ReadError("no"), answer()]
    await bench.forwarder.start()
    with caplog.at_level(logging.INFO):
        bench.forwarder.put(body(b"CANARY-body"))
        await bench.until(forwarded=1)
    assert bench.counted == {"forwarded": 1}
    told = [record.getMessage() for record in caplog.records if "collector" in record.getMessage()]
    assert len(told) == 2 and "again" in told[1]
    assert "CANARY" not in caplog.text and "CANARY" not in repr((body(b"CANARY"), bench.forwarder))


async def test_what_a_collector_will_never_take_is_not_sent_again(bench: Bench) -> None:
    bench.script.steps = [answer(400), answer(200)]
    await bench.forwarder.start()
    bench.forwarder.put(body(b"bad"))
    bench.forwarder.put(body(b"good"))
    await bench.until(forwarded=1)
    assert bench.counted == {"refused": 1, "forwarded": 1}


async def test_the_oldest_go_when_too_many_wait(bench: Bench) -> None:
    for number in range(forwarding.MAX_BODIES + 3):
        bench.forwarder.put(body(b"%d" % number))
    assert bench.counted == {"dropped": 3}
    bench.script.steps = [answer()]
    await bench.forwarder.start()
    await bench.until(forwarded=1)
    assert bench.script.requests[0].read() == b"3"


async def test_the_oldest_go_when_too_many_bytes_wait(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "MAX_BYTES", 10)
    for data in (b"12345", b"67890", b"1"):
        bench.forwarder.put(body(data))
    assert bench.counted == {"dropped": 1}
    bench.forwarder.put(body(b"x" * 11))
    assert bench.counted == {"dropped": 4}


async def test_the_end_sends_what_waits_and_counts_what_it_can_t() -> None:
    made = Bench(Script(answer(), answer()))
    await made.forwarder.start()
    made.forwarder.put(body(b"1"))
    made.forwarder.put(body(b"2"))
    await made.forwarder.aclose()
    assert made.counted == {"forwarded": 2}
    away = Bench(Script(*[httpx.ConnectError("no")] * 50))
    await away.forwarder.start()
    away.forwarder.put(body(b"1"))
    async with asyncio.timeout(5):
        while not away.script.requests:
            await asyncio.sleep(0)
    await away.forwarder.aclose()
    assert away.counted == {"dropped": 1}
