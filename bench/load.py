"""Make load: wrk for whole answers, plain sockets for streams. And measure what a process tree has used."""

import asyncio
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.upstream import CHAT_MODEL, EVENTS

TICKS = os.sysconf("SC_CLK_TCK")
SCRIPT = """
local file = io.open(os.getenv("BENCH_BODY"), "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["content-type"] = "application/json"
wrk.headers["anthropic-version"] = "2023-06-01"
wrk.headers["authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"seconds":%f,"errors":%d,"p50":%f,"p99":%f}\\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass
class Whole:
    """One wrk run. Times in ms."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p99: float
    cpu_ms: float  # of the server's process tree, per request

    @property
    def rate(self):
        return self.requests / self.seconds


def processes(pid):
    found = [pid]
    for each in found:
        children = Path(f"/proc/{each}/task/{each}/children")
        found += [int(child) for child in children.read_text().split()] if children.exists() else []
    return found


def cpu_seconds(pid):
    """Return user and system time of the process and all below it."""
    total = 0
    for each in processes(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_mb(pid):
    total = 0
    for each in processes(pid):
        total += int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{each}/status").read_text())[1])
    return total / 1024


@dataclass(frozen=True)
class Way:
    """A path to call a subject on, and the number of events that a streamed answer has."""

    path: str
    model: str
    mark: bytes  # stands once in every event
    marks: int

    def body(self, words, **more):
        request = {"model": self.model, "max_tokens": 1024, "messages": [{"role": "user", "content": words}]}
        return json.dumps({**more, **request}, separators=(",", ":")).encode()


MESSAGES = Way("/v1/messages", "claude-sonnet-5-5", b"event: ", EVENTS)
TRANSLATED = {
    "chat over messages": Way("/v1/chat/completions", "claude-sonnet-5-5", b"data: ", EVENTS - 2),
    "messages over chat": Way("/v1/messages", CHAT_MODEL, b"event: ", EVENTS + 2),
}
"""A chat chunk stands for every event but the start and the end of a block; four events end what two chunks
end.
"""


@dataclass(frozen=True)
class Asked:
    """A request that wrk sends: the file that holds the body, the token, and where to."""

    body: Path
    token: str
    path: str = MESSAGES.path


def wrk(subject, asked, connections, seconds):
    """Run wrk against `subject.url`."""
    script = asked.body.parent / "post.lua"
    script.write_text(SCRIPT)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
    before = cpu_seconds(subject.pid)
    done = subprocess.run(
        [*command, f"{subject.url}{asked.path}"],
        env={**os.environ, "BENCH_BODY": str(asked.body), "BENCH_TOKEN": asked.token},
        capture_output=True,
        text=True,
        check=True,
    )
    used = cpu_seconds(subject.pid) - before
    result = json.loads(re.search(r"RESULT (.*)", done.stdout)[1])
    if result["errors"] or not result["requests"]:
        raise SystemExit(
            f"{subject.name}: not every request was answered with 200\n{done.stdout}{done.stderr}"
        )
    return Whole(**result, cpu_ms=used * 1000 / result["requests"])


async def one_stream(port, request, way):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    seen = 0
    tail = b""
    while b"0\r\n\r\n" not in tail:
        data = await reader.read(65536)
        if not data:
            raise SystemExit("a stream was cut")
        seen += data.count(way.mark)
        tail = (tail + data)[-16:]
    writer.close()
    if seen != way.marks:
        raise SystemExit(f"{seen} events arrived, not {way.marks}")


async def many_streams(port, request, way, streams):
    await asyncio.gather(*(one_stream(port, request, way) for _ in range(streams)))


def sse(subject, token, streams, way=MESSAGES):
    """Return the CPU of the server's process tree per event of the upstream, in ms, with `streams` streams at
    once.
    """
    body = way.body("hi", stream=True)
    head = (
        f"POST {way.path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n"
        f"anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    before, began = cpu_seconds(subject.pid), time.monotonic()
    asyncio.run(many_streams(subject.port, head + body, way, streams))
    used = cpu_seconds(subject.pid) - before
    return used * 1000 / (streams * EVENTS), time.monotonic() - began
