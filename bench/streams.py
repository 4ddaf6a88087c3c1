"""Measure what a slow stream costs to hold, and what workers add. `--write` writes
docs/benchmarks-workers.md.

`python -m bench.streams --streams 1000,3000 --workers 1,2,4`. Streams are held by one worker (SQLite, no
Redis); requests are spread over workers that share a PostgreSQL and a Redis.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench import load, many, subjects
from bench.run import body, machine

OPENING_AT_ONCE = 100
BODY = b'{"stream":true,"model":"claude-sonnet-5-5","max_tokens":1024,"messages":[{"role":"user","content":"hi"}]}'


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--streams", default="1000,3000")
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--servers", default="daphne,uvicorn")
    parser.add_argument(
        "--seconds", type=int, default=5, help="per wrk run, and for how long streams are watched"
    )
    parser.add_argument("--pause", type=float, default=0.5, help="between two events of a stream")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


class Held(asyncio.Protocol):
    """A client that reads and forgets."""

    def __init__(self, request):
        self.request = request
        self.first = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        if not self.first.done():
            self.first.set_result(data.startswith(b"HTTP/1.1 200"))

    def connection_lost(self, exc):
        if not self.first.done():
            self.first.set_result(False)


async def hold(subject, token, count, seconds, pause):
    """Hold `count` streams open; return (RSS per stream in KB, CPU per event in ms)."""
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n"
        f"anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
    ).encode()
    before = load.resident_mb(subject.pid)
    loop = asyncio.get_running_loop()
    clients = []
    for start in range(0, count, OPENING_AT_ONCE):
        some = [
            loop.create_connection(lambda: Held(head + BODY), "127.0.0.1", subject.port)
            for _ in range(min(OPENING_AT_ONCE, count - start))
        ]
        begun = [protocol for _, protocol in await asyncio.gather(*some)]
        if not all(await asyncio.gather(*(client.first for client in begun))):
            raise SystemExit(f"{subject.name}: not every one of {count} streams began")
        clients += begun
    used = load.cpu_seconds(subject.pid)
    await asyncio.sleep(seconds)
    used = load.cpu_seconds(subject.pid) - used
    grown = load.resident_mb(subject.pid) - before
    alive = sum(not client.transport.is_closing() for client in clients)
    if alive < count:
        raise SystemExit(f"{subject.name}: {count - alive} of {count} streams have ended")
    for client in clients:
        client.transport.abort()
    return grown * 1024 / count, used * 1000 / (count * seconds / pause)


def of_streams(options):
    pause = {"BENCH_PAUSE_SECONDS": str(options.pause)}
    lines = []
    command = [sys.executable, "-m", "bench.upstream"]
    for server in options.servers.split(","):
        for count in map(int, options.streams.split(",")):
            with ExitStack() as stack:
                vendor = stack.enter_context(
                    subjects.started("upstream", None, command, subjects.ROOT, pause)
                )
                subject, token, _ = stack.enter_context(many.gateway(vendor.url, 1, server))
                asyncio.run(hold(subject, token, 50, 1, options.pause))  # what is imported at first use
                kb, ms = asyncio.run(hold(subject, token, count, options.seconds, options.pause))
            print(f"{server}, {count} streams: {kb:.0f} KB each, {ms:.3f} ms per event", file=sys.stderr)
            lines.append([server, f"{count:,}", f"{kb:.0f} KB", f"{ms:.3f} ms"])
    return lines


def of_workers(options):
    lines = []
    command = [sys.executable, "-m", "bench.upstream"]
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        file = Path(directory) / "body"
        file.write_bytes(body(1_000))
        for server in options.servers.split(","):
            for workers in map(int, options.workers.split(",")):
                with ExitStack() as stack:
                    vendor = stack.enter_context(subjects.started("upstream", None, command, subjects.ROOT))
                    subject, token, _ = stack.enter_context(many.gateway(vendor.url, workers, server))
                    load.wrk(subject, load.Asked(file, token), 16, 1)
                    seen = load.wrk(subject, load.Asked(file, token), 16, options.seconds)
                    rss = load.resident_mb(subject.pid)
                print(f"{server}, {workers} workers: {seen.rate:.0f}/s", file=sys.stderr)
                lines.append(
                    [
                        server,
                        str(workers),
                        f"{seen.rate:.0f}",
                        f"{seen.cpu_ms:.2f} ms",
                        f"{seen.p99:.0f} ms",
                        f"{rss:.0f} MB",
                    ]
                )
    return lines


def table(header, lines):
    rule = ["---"] * len(header)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def render(streams, workers, options):
    return f"""# Benchmarks: workers and streams

Made by `python -m bench.streams` on {datetime.now(UTC):%Y-%m-%d}: {machine()}.
Load, upstream, PostgreSQL and Redis run on the same machine. With more workers than there are cores to spare, the
figures show that nothing is lost, not what is gained.

## Slow streams

One worker holds many streams, each with an event every {options.pause} s. Memory is what the process grew by, per
stream.

{table(["server", "streams", "memory per stream", "CPU per event"], streams)}

## Workers

Requests of 1 KB over 16 connections. One worker uses SQLite and keeps limits in memory; several use PostgreSQL and
Redis. CPU and memory are those of all processes together, the parent included.

{table(["server", "workers", "requests/s", "CPU per request", "p99", "memory"], workers)}
"""


def main():
    options = arguments()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    words = render(of_streams(options), of_workers(options), options)
    print(words)
    if options.write:
        (subjects.ROOT / "docs" / "benchmarks-workers.md").write_text(words)


if __name__ == "__main__":
    main()
