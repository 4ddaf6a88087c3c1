"""Workers come and go under live streams: nobody notices but who was on the one that was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass, field

import pytest

from tests.e2e.calls import STREAM
from tests.e2e.many.cluster import Host, client_connections, eventually
from tests.fakes import vendor as v
from tests.harness import SERVERS

RECORDS = v.events("claude-sonnet-5-5", v.text("a long story, told in pieces " * 4))
PAUSE_SECONDS = 0.25
END = b"0\r\n\r\n"


@dataclass
class Streams:
    """Live streams on their own connections; a new one begins where one has ended, until `is_over`."""

    host: Host
    count: int
    whole: int = 0
    broken: list[str] = field(default_factory=list)
    begun: int = 0
    is_over: bool = False

    def request(self) -> bytes:
        lines = [f"{name}: {value}" for name, value in self.host.call_headers()]
        head = "\r\n".join(
            ["POST /v1/messages HTTP/1.1", "host: gateway.test", *lines, f"content-length: {len(STREAM)}"]
        )
        return head.encode() + b"\r\n\r\n" + STREAM

    async def one(self, port: int) -> None:
        got = bytearray()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(self.request())
            self.begun += 1
            while not got.endswith(END):
                piece = await asyncio.wait_for(reader.read(65536), 30)
                if not piece:
                    break
                got += piece
            writer.close()
        except OSError as exc:
            self.broken.append(repr(exc))
            return
        if got.startswith(b"HTTP/1.1 200") and b"message_stop" in got and b"event: error" not in got:
            self.whole += 1
        else:
            self.broken.append(bytes(got[:200] + b" ... " + got[-200:]).decode(errors="replace"))

    async def again_and_again(self) -> None:
        while not self.is_over:
            await self.one(self.host.port)

    async def run(self) -> None:
        await asyncio.gather(*(self.again_and_again() for _ in range(self.count)))


@pytest.fixture
def slow(vendor):
    """Every stream takes some seconds."""
    parts = [part for record in RECORDS for part in (record, PAUSE_SECONDS)]

    original, vendor.messages = vendor.messages, lambda body: v.stream_answer(list(parts))
    yield
    vendor.messages = original


async def under(streams: Streams, what) -> None:
    running = asyncio.create_task(streams.run())
    try:
        while streams.begun < streams.count:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        await what()
    finally:
        streams.is_over = True
        await running


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("entry_point", SERVERS)
async def test_a_rolling_restart_breaks_nothing(stores, launch, entry_point):
    host = launch(stores, entry_point, {"DRAIN_SECONDS": "60"})
    before = set(host.workers)
    streams = Streams(host, 200)

    async def roll() -> None:
        os.kill(host.process.pid, signal.SIGHUP)
        end = time.monotonic() + 60
        while before & set(host.workers):
            assert time.monotonic() < end, "the old workers are still there"
            await asyncio.sleep(0.1)

    await under(streams, roll)
    assert streams.broken == []
    assert streams.whole == streams.begun >= 200
    assert len(host.workers) == 2


@pytest.mark.usefixtures("slow")
async def test_a_killed_worker_takes_only_its_own_with_it(stores, launch):
    host = launch(stores)
    victim, other = host.workers
    streams = Streams(host, 60)
    on_victim = 0

    async def kill() -> None:
        nonlocal on_victim
        on_victim = client_connections(host.port, victim)
        os.kill(victim, signal.SIGKILL)
        await asyncio.to_thread(eventually, lambda: len(set(host.workers) - {victim}) == 2, 30)

    await under(streams, kill)
    assert other in host.workers
    assert 0 < len(streams.broken) <= on_victim
    assert streams.whole == streams.begun - len(streams.broken)


@pytest.mark.usefixtures("slow")
async def test_a_second_parent_takes_over(stores, launch):
    """SIGTERM to the old one with a new one already there, as a deployment does it behind a proxy."""
    old, new = launch(stores, settings={"DRAIN_SECONDS": "60"}), launch(stores)
    streams = Streams(old, 100)

    async def replace() -> None:
        streams.host = new  # the proxy looks away first
        await asyncio.sleep(0.2)
        old.process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(old.process.wait, 60)
        assert status == 0

    new.token = old.token
    await under(streams, replace)
    assert streams.broken == []
    assert streams.whole == streams.begun >= 100
