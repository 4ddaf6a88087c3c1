"""Send mixed traffic with faults for hours, and tell whether anything grows.

Memory, file descriptors, threads, asyncio tasks and database connections are watched. `make soak` runs it
for an hour; `--seconds 60` for a look. 5 % of the upstream's answers are errors, resets or cut
streams, 5 % of the clients leave early. Exit status 1 when something grew.

Sessions are among SESSIONS: what a process remembers of them is whole within minutes, and what grows later is
a leak. (That it is bounded when every session is new is tested by itself.)
"""

import argparse
import asyncio
import json
import random
import re
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

from bench import load, many, upstream

FAULTS = 0.05
LEAVING = 0.05
SESSIONS = 8192
CLIENTS = 24
ALLOWED_MB = 4.0
"""Memory may grow by this, or by 5 % an hour, over the second half of the run."""
ASK = b'{"model":"claude-sonnet-5-5","max_tokens":64,"messages":[{"role":"user","content":"hi"}]}'
STREAM = (
    b'{"stream":true,"model":"claude-sonnet-5-5","max_tokens":64,"messages":[{"role":"user","content":"hi"}]}'
)
OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'


class FaultyVendor(upstream.Vendor):
    """The bench's vendor on a bad day."""

    def answer(self):
        if random.random() >= FAULTS:
            super().answer()
            return
        kind = random.choice(("overloaded", "error", "reset", "cut"))
        if kind == "reset":
            self.transport.abort()
        elif kind == "cut" and self.is_stream:
            self.transport.write(upstream.STREAM_HEAD + b"".join(upstream.CHUNKS[False][:5]))
            self.transport.close()
        else:
            status = b"529 Overloaded" if kind == "overloaded" else b"500 Error"
            self.transport.write(
                b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (status, len(OVERLOADED), OVERLOADED)
            )


async def client(port, token, statuses, end):
    while time.monotonic() < end:
        body = random.choice((ASK, STREAM))
        head = (
            f"POST /v1/messages HTTP/1.1\r\nhost: soak\r\nauthorization: Bearer {token}\r\n"
            f"anthropic-version: 2023-06-01\r\nx-claude-code-session-id: {random.randrange(SESSIONS):x}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        ).encode()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + body)
            if random.random() < LEAVING:
                await asyncio.wait_for(reader.read(1), 30)
                statuses["left"] += 1
            else:
                answer = await asyncio.wait_for(reader.read(-1), 60)
                statuses[answer[9:12].decode(errors="replace")] += 1
            writer.close()
        except (OSError, TimeoutError) as exc:
            statuses[type(exc).__name__] += 1
        await asyncio.sleep(random.uniform(0, 0.05))


def tasks(port):
    """Return the tasks of all workers, as /metrics tells it; the other workers' figure is a second old."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return float(re.search(r"^link_assistant_asyncio_tasks (\S+)$", text, re.MULTILINE)[1])


def sample(subject, postgres):
    pid = subject.pid
    found = {"rss_mb": load.resident_mb(pid), "fds": 0, "threads": 0, "tasks": tasks(subject.port)}
    for each in load.processes(pid):
        found["fds"] += len(list(Path(f"/proc/{each}/fd").iterdir()))
        found["threads"] += int(re.search(r"Threads:\s+(\d+)", Path(f"/proc/{each}/status").read_text())[1])
    if postgres is not None:
        words = (
            "SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'router' AND pid <> pg_backend_pid()"
        )
        found["connections"] = postgres.query(words)[0]["n"]
    return found


async def watch(subject, postgres, samples, end):
    pause = max(0.5, (end - time.monotonic()) / 400)
    while time.monotonic() < end:
        samples.append((time.monotonic(), await asyncio.to_thread(sample, subject, postgres)))
        await asyncio.sleep(pause)


async def soak(subject, token, postgres, seconds):
    statuses, samples, end = Counter(), [], time.monotonic() + seconds
    clients = [client(subject.port, token, statuses, end) for _ in range(CLIENTS)]
    await asyncio.gather(watch(subject, postgres, samples, end), *clients)
    return statuses, samples


def slope(samples, name):
    """Return by how much a figure grew over the second half, by least squares."""
    points = [(at, values[name]) for at, values in samples[len(samples) // 2 :]]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points) or 1.0
    per_second = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return per_second * (points[-1][0] - points[0][0])


def assess(statuses, samples):
    """Return (report, what grew)."""
    figures = {name: [values[name] for _, values in samples] for name in samples[0][1]}
    half = len(samples) // 2
    grown = []
    hours = (samples[-1][0] - samples[half][0]) / 3600
    if slope(samples, "rss_mb") > max(ALLOWED_MB, 0.05 * figures["rss_mb"][half] * hours):
        grown.append("rss_mb")
    for name in figures.keys() - {"rss_mb"}:
        if max(figures[name][half:]) > max(figures[name][:half]) * 1.2 + CLIENTS / 4:
            grown.append(name)
    report = {
        "statuses": dict(statuses),
        "grew_in_second_half": {name: round(slope(samples, name), 2) for name in figures},
        "last": {name: values[-1] for name, values in figures.items()},
        "grown": grown,
    }
    return report, grown


SETTINGS = {"USAGE_RETENTION_DAYS": "1", "METRICS_PUBLIC": "true"}


async def run(seconds, workers):
    server = await asyncio.get_running_loop().create_server(FaultyVendor, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    entered = many.gateway(f"http://127.0.0.1:{port}", workers, settings=SETTINGS)
    subject, token, postgres = await asyncio.to_thread(entered.__enter__)
    try:
        statuses, samples = await soak(subject, token, postgres, seconds)
    finally:
        await asyncio.to_thread(entered.__exit__, None, None, None)
        server.close()
    return assess(statuses, samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--workers", type=int, default=1, help="more than one: with PostgreSQL and Redis")
    options = parser.parse_args()
    report, grown = asyncio.run(run(options.seconds, options.workers))
    print(json.dumps(report, indent=2))
    sys.exit(1 if grown else 0)


if __name__ == "__main__":
    main()
