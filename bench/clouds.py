"""Measure what a cloud costs beside Anthropic's API, in CPU, without sockets: `python -m bench.clouds`.

Messages over each kind: a call that is answered whole, and each event of a stream. Kinds with server-sent events should
cost at most 1.15 times what Anthropic's does, an event that comes in a frame at most twice.
"""

import asyncio
import base64
import json
import struct
import zlib

from bench.cpu import CLAUDE, ROUNDS, small
from bench.in_process import Answer, Line, Lines, Post, authorized, cost, started
from bench.upstream import BODY, EVENTS, events
from gateway.kernel.principal import COMMAND_LINE
from providers import services as providers

BASE = "http://127.0.0.1:9"
KEY = "key-of-the-clouds-0123456789"
AWS = {"region": "eu-central-1", "api_key": KEY}
KINDS = {
    "anthropic": None,
    "bedrock messages": {"kind": "bedrock", "api": "messages", **AWS},
    "vertex": {"kind": "vertex", "project": "bench", "region": "eu", "api_key": KEY},
    "foundry": {"kind": "foundry", "api_key": KEY},
    "anthropic-aws": {"kind": "anthropic-aws", "workspace": "bench", **AWS},
    "bedrock invoke": {"kind": "bedrock", "api": "invoke", **AWS},
}
FRAMES = "application/vnd.amazon.eventstream"


def frame(data):
    """Return one event in a frame, as InvokeModel streams it."""
    payload = json.dumps({"bytes": base64.b64encode(data).decode(), "p": "abcdefghijklmnop"}).encode()
    packed = b""
    for name, value in (
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ):
        packed += (
            bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        )
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return body + struct.pack(">I", zlib.crc32(body))


SSE = events()
FRAMED = [frame(one.partition(b"data: ")[2].strip()) for one in SSE]


class CloudLine(Line):
    """Answers as the place does whose path is asked for."""

    async def exchange(self, head, body, is_head):
        path = head.split(b" ", 2)[1].partition(b"?")[0]
        if path.endswith(b"/invoke-with-response-stream"):
            chunks, kind = FRAMED, FRAMES
        elif b'"stream":true' in body:
            chunks, kind = SSE, "text/event-stream; charset=utf-8"
        else:
            chunks, kind = [BODY], "application/json"
        self.headers = list(Answer((), kind.encode()).raw_headers)
        self._chunks = iter(chunks)


class CloudLines(Lines):
    """Stands for the gateway's pool of connections."""

    def take(self, origin):
        return CloudLine()


async def measure(application, headers):
    """Print the microseconds of CPU of a whole call and of an event, and how they stand to Anthropic's.

    The kinds are asked in turns, so that what else the machine does meets them all alike.
    """
    posts = {}
    for name, fields in KINDS.items():
        model = CLAUDE if fields is None else f"bench-{name.replace(' ', '-')}"
        posts[name] = [Post("/v1/messages", small(model, stream), headers) for stream in (False, True)]
    best = {name: [float("inf")] * 2 for name in KINDS}
    for _ in range(10 * ROUNDS):
        for name, sent in posts.items():
            spent = [await cost(application, sent[0], 8, 1), await cost(application, sent[1], 2, 1)]
            best[name] = [min(pair) for pair in zip(best[name], spent, strict=True)]
    print(f"{'µs of CPU':<20}{'call':>8}{'':>7}{'per event':>11}")
    first = None
    for name, (whole, stream) in best.items():
        found = whole, (stream - whole) / EVENTS
        first = first or found
        ratios = [mine / theirs for mine, theirs in zip(found, first, strict=True)]
        print(f"{name:<20}{found[0]:>8.1f}{ratios[0]:>6.2f}×{found[1]:>11.2f}{ratios[1]:>6.2f}×")


async def drive(headers):
    runtime, application = await started(CloudLines)
    await measure(application, headers)
    await runtime.aclose()


def main():
    for name, fields in KINDS.items():
        if fields is not None:
            row = {
                "name": name.replace(" ", "-"),
                "base_url": BASE,
                "models": [f"bench-{name.replace(' ', '-')}"],
            }
            providers.upsert({**row, **fields}, principal=COMMAND_LINE)
    headers = authorized()
    asyncio.run(drive(headers))


if __name__ == "__main__":
    main()
