"""Measure what a cloud costs beside Anthropic's API, in CPU, without sockets: `python -m bench.clouds`.

Messages over each kind: a call that is answered whole, and each event of a stream. Kinds with server-sent events should
cost at most 1.15 times what Anthropic's does, an event that comes in a frame at most twice. Rows of their own show what
it costs to sign each call for AWS, and to show a token that Google or Entra ID gave.
"""

import asyncio
import base64
import json
import struct
import zlib
from datetime import UTC, datetime, timedelta

from bench.cpu import CLAUDE, ROUNDS, small
from bench.in_process import Answer, Line, Lines, Post, authorized, cost, started
from bench.upstream import BODY, EVENTS, events
from gateway.kernel.principal import COMMAND_LINE
from providers import services as providers
from providers.clouds import sources

BASE = "http://127.0.0.1:9"
KEY = "key-of-the-clouds-0123456789"
AWS_SECRET = "".join(chr(48 + 37 * place % 75) for place in range(40))  # no letter again and again
AWS = {"region": "eu-central-1", "api_key": KEY}
KINDS = {
    "anthropic": None,
    "bedrock messages": {"kind": "bedrock", "api": "messages", **AWS},
    "vertex": {"kind": "vertex", "project": "bench", "region": "eu", "api_key": KEY},
    "foundry": {"kind": "foundry", "api_key": KEY},
    "anthropic-aws": {"kind": "anthropic-aws", "workspace": "bench", **AWS},
    "bedrock invoke": {"kind": "bedrock", "api": "invoke", **AWS},
}
SIGNED = {
    "bedrock messages": {"source": "aws", "access_key_id": "AKIABENCH0123456789", "secret": AWS_SECRET},
    "vertex": {"source": "google"},
    "foundry": {"source": "azure", "tenant_id": "t", "client_id": "c", "secret": "s" * 20},
    "anthropic-aws": {"source": "aws", "access_key_id": "AKIABENCH0123456789", "secret": AWS_SECRET},
    "bedrock invoke": {"source": "aws", "access_key_id": "AKIABENCH0123456789", "secret": AWS_SECRET},
}
"""Accounts of a second row of each kind, which has no key."""
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


class GivenToken(sources.GoogleSource):
    """Google's default credentials, with a token that nobody was asked for."""

    def fetch(self):
        from google.oauth2.credentials import Credentials  # noqa: PLC0415 - an extra

        ends = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
        self._found = Credentials(KEY, expiry=ends)
        return KEY


class GivenTokenOfEntra(sources.AzureSource):
    """The same of Entra ID's."""

    def fetch(self):
        self._token, self._until = KEY, self._clock() + 86_400
        return KEY


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
    for name in (*KINDS, *signed_names()):
        model = CLAUDE if KINDS.get(name, name) is None else model_of(name)
        posts[name] = [Post("/v1/messages", small(model, stream), headers) for stream in (False, True)]
    best = {name: [float("inf")] * 2 for name in posts}
    for _ in range(10 * ROUNDS):
        for name, sent in posts.items():
            spent = [await cost(application, sent[0], 8, 1), await cost(application, sent[1], 2, 1)]
            best[name] = [min(pair) for pair in zip(best[name], spent, strict=True)]
    print(f"{'µs of CPU':<26}{'call':>8}{'':>7}{'per event':>11}")
    first = None
    for name, (whole, stream) in best.items():
        found = whole, (stream - whole) / EVENTS
        first = first or found
        ratios = [mine / theirs for mine, theirs in zip(found, first, strict=True)]
        print(f"{name:<26}{found[0]:>8.1f}{ratios[0]:>6.2f}×{found[1]:>11.2f}{ratios[1]:>6.2f}×")


def model_of(name):
    """Return the model that the row of this name serves."""
    return f"bench-{name.replace(' ', '-').replace(',', '')}"


def signed_names():
    return [f"{name}, signed" if SIGNED[name]["source"] == "aws" else f"{name}, token" for name in SIGNED]


def provide():
    """Make the rows: each kind with a key, then with an account whose credential is looked for."""
    from accounts import services as accounts  # noqa: PLC0415 - sorted, it would come before Django is set up

    rows = {name: fields for name, fields in KINDS.items() if fields is not None}
    for name, own in zip(signed_names(), SIGNED, strict=True):
        rows[name] = {field: value for field, value in KINDS[own].items() if field != "api_key"}
    for name, fields in rows.items():
        model = model_of(name)
        row = {"name": model, "base_url": BASE, "models": [model], **fields}
        providers.upsert(row, principal=COMMAND_LINE)
    for name, own in zip(signed_names(), SIGNED, strict=True):
        account = {"name": model_of(name), "provider": model_of(name), **SIGNED[own]}
        accounts.add(account, principal=COMMAND_LINE)
    sources.GoogleSource, sources.AzureSource = GivenToken, GivenTokenOfEntra


async def drive(headers):
    runtime, application = await started(CloudLines)
    await measure(application, headers)
    await runtime.aclose()


def main():
    provide()
    headers = authorized()
    asyncio.run(drive(headers))


if __name__ == "__main__":
    main()
