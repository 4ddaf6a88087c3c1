"""Measure what those who watch the live feed cost the processes that relay: `python -m bench.feed`.

A gateway of one worker (SQLite), or of more (PostgreSQL, Redis). In turn nobody and `--viewers` people, each with a
session of her own, look at every call; each window with them is compared with those before and after it. The calls
are relayed by the gateway itself (`--whole`), or written by a process beside it: then its CPU is that of the viewers
alone. What the calls themselves cost is measured first, in windows without viewers; the median counts.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from statistics import median

from websockets.asyncio.client import connect

from bench import load, many, subjects
from bench.run import machine
from bench.streams import table

CONNECTIONS = 8
SETTLE_SECONDS = 2.5
STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3})")
SESSIONS = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
for number in range({count}):
    user = User.objects.create_user(f"viewer{{number}}@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name="role:viewer"))
    session = SessionStore()
    backend, hashed = "django.contrib.auth.backends.ModelBackend", user.get_session_auth_hash()
    session.update({{SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: backend, HASH_SESSION_KEY: hashed}})
    session.create()
    print("KEY", session.session_key)
"""
WRITING = """
import sys, time
from bench.cpu import exchange
from gateway.usage import services
from gateway.usage.tidy import tidy
at = time.monotonic()
while True:
    services.write([tidy(exchange()) for _ in range({count})])
    at += 1
    time.sleep(max(0, at - time.monotonic()))
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--servers", default="daphne,uvicorn")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--rate", type=int, default=200, help="calls a second, over all workers")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a window")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument(
        "--whole", action="store_true", help="relay the calls in the process that is watched, too"
    )
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks-feed.md")
    return parser.parse_args()


def used(pids):
    """Return the CPU seconds that the processes have used, by the nanosecond: `/proc` counts ticks of ten ms."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


class Calls:
    """Calls at a steady rate; each takes the next connection in turn."""

    def __init__(self, port, token, rate):
        body = load.MESSAGES.body("x" * 900)
        head = (
            f"POST {load.MESSAGES.path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n"
            f"anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.port, self.rate, self.request = port, rate, head.encode() + body
        self.made = self.answered = 0
        self.is_over = False

    async def run(self):
        connections = [await asyncio.open_connection("127.0.0.1", self.port) for _ in range(CONNECTIONS)]
        readers = [asyncio.create_task(self._count(reader)) for reader, _ in connections]
        begun = time.monotonic()
        try:
            while not self.is_over:
                while self.made < (time.monotonic() - begun) * self.rate:
                    connections[self.made % CONNECTIONS][1].write(self.request)
                    self.made += 1
                await asyncio.sleep(0.5 / self.rate)
            async with asyncio.timeout(30):
                while self.answered < self.made:
                    await asyncio.sleep(0.05)
        finally:
            for task in readers:
                task.cancel()
            for _, writer in connections:
                writer.close()

    async def _count(self, reader):
        tail = b""
        while data := await reader.read(65536):
            data = tail + data
            statuses = STATUS.findall(data)
            self.answered += len(statuses)
            if set(statuses) - {b"200"}:
                raise SystemExit(f"a call went wrong: {data[:300]!r}")
            tail = data[-11:]  # no whole status line has room there
        raise SystemExit(f"a connection has ended behind {self.answered} answers")


class Viewers:
    """People who look, and count the calls that they are shown and those that they are told of."""

    def __init__(self, port, keys):
        self.url, self.origin, self.keys = f"ws://127.0.0.1:{port}/ws/feed", f"http://127.0.0.1:{port}", keys
        self.tasks = []
        self.frames = self.shown = self.skipped = self.open = 0

    async def come(self):
        self.tasks = [asyncio.create_task(self._look(key)) for key in self.keys]
        async with asyncio.timeout(60):
            while self.open < len(self.keys):
                await asyncio.sleep(0.05)

    def counts(self):
        return self.frames, self.shown, self.skipped

    async def leave(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _look(self, key):
        headers = {"cookie": f"sessionid={key}"}
        options = {"compression": None, "max_size": None, "proxy": None, "ping_interval": None}
        async with connect(self.url, origin=self.origin, additional_headers=headers, **options) as socket:
            self.open += 1
            try:
                async for text in socket:
                    told = json.loads(text)
                    if told["type"] == "calls":
                        self.frames += 1
                        self.shown += len(told["data"])
                        self.skipped += told["skipped"]
            finally:
                self.open -= 1


async def window(pids, seconds):
    """Return the CPU that is used in a second, as a share of a core."""
    before, begun = used(pids), time.monotonic()
    await asyncio.sleep(seconds)
    return (used(pids) - before) / (time.monotonic() - begun)


async def relaying(subject, token, options):
    """Return what relaying takes while nobody looks, as shares of a core."""
    pids, calls = load.processes(subject.pid), Calls(subject.port, token, options.rate)
    running = asyncio.create_task(calls.run())
    await asyncio.sleep(SETTLE_SECONDS)
    found = [await window(pids, options.seconds) for _ in range(options.pairs)]
    calls.is_over = True
    await running
    return found


async def watching(subject, keys, options):
    """Return `(alone, added)` of each pair, shares of a core, and what a viewer was told in a second."""
    pids, viewers = load.processes(subject.pid), Viewers(subject.port, keys)
    await viewers.come()  # what is imported at first use
    await asyncio.sleep(SETTLE_SECONDS)
    await viewers.leave()
    await asyncio.sleep(SETTLE_SECONDS)
    pairs, told = [], []
    before = await window(pids, options.seconds)
    for _ in range(options.pairs):
        await viewers.come()
        await asyncio.sleep(SETTLE_SECONDS)
        counts = viewers.counts()
        watched = await window(pids, options.seconds)
        told.append(
            [(b - a) / len(keys) / options.seconds for a, b in zip(counts, viewers.counts(), strict=True)]
        )
        if viewers.open < len(keys):
            raise SystemExit(f"{subject.name}: {viewers.open} viewers are left")
        await viewers.leave()
        await asyncio.sleep(SETTLE_SECONDS)
        after = await window(pids, options.seconds)
        pairs.append(((before + after) / 2, watched - (before + after) / 2))
        before = after
    return pairs, [median(each) for each in zip(*told, strict=True)]


async def measure(subject, token, keys, options):
    """Return what relaying takes, what viewers add, and what they were told."""
    if not options.whole:
        alone = await relaying(subject, token, options)
        with writing(subject, options.rate):
            pairs, told = await watching(subject, keys, options)
        return alone, [added for _, added in pairs], told
    calls = Calls(subject.port, token, options.rate)
    running = asyncio.create_task(calls.run())
    pairs, told = await watching(subject, keys, options)
    calls.is_over = True
    await running
    return [alone for alone, _ in pairs], [added for _, added in pairs], told


@contextmanager
def writing(subject, rate):
    """Write rows as a recorder does, from a process of its own."""
    command = [sys.executable, str(subjects.ROOT / "manage.py"), "shell", "-v", "0"]
    env = {**os.environ, **subject.env, "PYTHONPATH": str(subjects.ROOT)}
    process = subprocess.Popen([*command, "-c", WRITING.format(count=rate)], env=env)
    try:
        yield
    finally:
        if process.poll() is not None:
            raise SystemExit("nothing was written")
        process.terminate()
        process.wait()


def sessions(subject, count):
    """Make people who may look; return the keys of their sessions."""
    command = [sys.executable, str(subjects.ROOT / "manage.py"), "shell", "-v", "0"]
    done = subprocess.run(
        [*command, "-c", SESSIONS.format(count=count)],
        env={**os.environ, **subject.env},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("KEY ")]


def line(server, workers, options):
    command = [sys.executable, "-m", "bench.upstream"]
    with ExitStack() as stack:
        vendor = stack.enter_context(subjects.started("upstream", None, command, subjects.ROOT))
        subject, token, _ = stack.enter_context(many.gateway(vendor.url, workers, server))
        keys = sessions(subject, options.viewers)
        relay, viewers, told = asyncio.run(measure(subject, token, keys, options))
    alone, added = median(relay), median(viewers)
    shares = sorted(100 * more / alone for more in viewers)
    cells = [
        server,
        str(workers),
        f"{alone * 100:.2f} %",
        f"{added * 100:.2f} %",
        f"{median(shares):.1f} % ({shares[0]:.1f} to {shares[-1]:.1f})",
        *(f"{each:.1f}" for each in told),
    ]
    print(" | ".join(cells), file=sys.stderr)
    return cells


def render(lines, options):
    header = [
        "server",
        "workers",
        "relay, % of a core",
        "added by viewers, % of a core",
        "added, % of the relay's",
    ]
    header += ["frames/s each", "calls/s shown", "calls/s counted"]
    return f"""# Benchmarks: the live feed

Made by `{" ".join(["python -m bench.feed", *sys.argv[1:]])}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}.
{options.viewers} viewers with a session each watch {options.rate} calls of 1 KB a second. CPU is that of all processes.
The aim is to add at most 2 % to the relay's. More than twenty viewers are each shown five calls a look.

{table(header, lines)}
"""


def main():
    options = arguments()
    lines = [
        line(server, int(workers), options)
        for workers in options.workers.split(",")
        for server in options.servers.split(",")
    ]
    words = render(lines, options)
    print(words)
    if options.write:
        (subjects.ROOT / "docs" / "benchmarks-feed.md").write_text(words)


if __name__ == "__main__":
    main()
