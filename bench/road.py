"""What our own code costs of a request, without a server and without sockets: `python -m bench.road`.

The application is driven with ASGI messages, the engine under the transport answers at once from memory. CPU time,
the best of several rounds, so that what else the machine does stays out: good for telling whether a change pays.
`--profile messages` shows where the time goes.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import secrets
import sys
import tempfile
import time

from bench.run import SIZES, body
from bench.upstream import BODY, CHAT_BODY, CHAT_MODEL, EVENTS, chat_events, events

ROUNDS = 40
DIRECTORY = tempfile.TemporaryDirectory(prefix="road-bench-")
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "gateway.settings",
    "DATA_DIR": DIRECTORY.name,
    "CLAUDE_CODE_HOME": DIRECTORY.name,
    "TOKEN_SECRET": secrets.token_hex(32),
    "UPSTREAM_BASE_URL": "http://127.0.0.1:9",
    "ANTHROPIC_API_KEY": "sk-ant-bench",
}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0)

import bench.relay  # noqa: E402
from gateway import identity  # noqa: E402
from gateway.asgi import application  # noqa: E402
from gateway.exchange import Exchange  # noqa: E402
from gateway.runtime import runtime  # noqa: E402
from gateway.servers.lifecycle import settle_memory  # noqa: E402
from gateway.usage import services as usage  # noqa: E402
from gateway.usage.tidy import tidy  # noqa: E402
from providers import services as providers  # noqa: E402
from providers.dialects.types import Usage  # noqa: E402
from tokens import services as tokens  # noqa: E402

ANSWERS = {
    False: {"/v1/messages": [BODY], "/v1/chat/completions": [CHAT_BODY]},
    True: {"/v1/messages": events(), "/v1/chat/completions": chat_events()},
}
"""Streamed or not, then by the upstream's path."""


class Content:
    def __init__(self, chunks):
        self._chunks = iter(chunks)

    async def iter_any(self):
        for chunk in self._chunks:
            yield chunk


class Answer:
    """As much of aiohttp's answer as the bare relay reads."""

    status, reason = 200, "OK"

    def __init__(self, chunks, kind):
        self.content = Content(chunks)
        self.raw_headers = (
            (b"Date", b"Tue, 24 Nov 2026 07:00:00 GMT"),
            (b"Content-Type", kind),
            (b"request-id", b"req_bench"),
        )

    async def __aenter__(self):
        return self

    async def __aexit__(self, *problem):
        pass

    def release(self):
        pass


class Engine:
    """Stands for aiohttp's session, under the bare relay."""

    async def request(self, method, url, *, data, **options):
        is_stream = len(data) < 5000 and b'"stream":true' in data
        kind = b"text/event-stream; charset=utf-8" if is_stream else b"application/json"
        return Answer(ANSWERS[is_stream][url], kind)

    def post(self, url, *, data, headers):
        return Posted(self.request("POST", url, data=data, headers=headers))

    async def close(self):
        pass


class Line:
    """Stands for a connection of the gateway's to an upstream."""

    status, reason = 200, b"OK"

    async def exchange(self, head, body, is_head):
        is_stream = len(body) < 5000 and b'"stream":true' in body
        kind = b"text/event-stream; charset=utf-8" if is_stream else b"application/json"
        self.headers = list(Answer((), kind).raw_headers)
        self._chunks = iter(ANSWERS[is_stream][head.split(b" ", 2)[1].decode()])

    async def read(self):
        return next(self._chunks, b"")


class Lines:
    """Stands for the gateway's pool of connections."""

    async def acquire(self, origin, seconds):
        return Line()

    def release(self, origin, line):
        pass

    def close(self):
        pass


class Posted:
    def __init__(self, answer):
        self._answer = answer

    async def __aenter__(self):
        return await self._answer

    async def __aexit__(self, *problem):
        pass


async def call(app, path, sent, headers):
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [*headers, (b"content-length", str(len(sent)).encode())],
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    messages = [{"type": "http.request", "body": sent, "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        return await asyncio.Event().wait()

    status = []

    async def send(message):
        if not status:
            status.append(message["status"])

    await app(scope, receive, send)
    if status != [200]:
        raise SystemExit(f"{path} was answered with {status}")


async def cost(app, path, sent, headers, count):
    """Microseconds of CPU per call: the best round."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(count):
            await call(app, path, sent, headers)
        best = min(best, (time.process_time() - began) / count * 1e6)
    return best


def small(model, stream):
    request = {"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": "x" * 900}]}
    return json.dumps({"stream": True, **request} if stream else request, separators=(",", ":")).encode()


def responses(model, stream):
    request = {"model": model, "max_output_tokens": 1024, "store": False, "input": "x" * 900}
    return json.dumps({"stream": True, **request} if stream else request, separators=(",", ":")).encode()


CLAUDE = "claude-sonnet-5-5"
SURFACES = {
    "messages": ("/v1/messages", small, CLAUDE),
    "messages over chat": ("/v1/messages", small, CHAT_MODEL),
    "chat": ("/v1/chat/completions", small, CHAT_MODEL),
    "chat over messages": ("/v1/chat/completions", small, CLAUDE),
    "responses over messages": ("/v1/responses", responses, CLAUDE),
    "responses over chat": ("/v1/responses", responses, CHAT_MODEL),
}


async def measure(headers, only):
    print(f"{'µs of CPU':<26}{'1 KB':>8}{'per event':>11}")
    if only:
        await row(only, application, SURFACES[only], headers)
        return
    for name, app in (("bare relay", bench.relay.app), ("messages", application)):
        for size in SIZES:
            count = 300 if size == "1 KB" else 30
            spent = await cost(app, "/v1/messages", body(SIZES[size]), headers, count)
            print(f"{name + ', ' + size:<26}{spent:>8.1f}")
    await row("bare relay", bench.relay.app, SURFACES["messages"], headers)
    for name, surface in SURFACES.items():
        await row(name, application, surface, headers)


async def row(name, app, surface, headers):
    path, make, model = surface
    whole = await cost(app, path, make(model, False), headers, 200)
    stream = await cost(app, path, make(model, True), headers, 10)
    print(f"{name:<26}{whole:>8.1f}{(stream - whole) / EVENTS:>11.2f}")


async def profile(headers, name, stream):
    path, make, model = SURFACES[name]
    sent = make(model, stream)
    for _ in range(200):
        await call(application, path, sent, headers)
    seen = cProfile.Profile()
    seen.enable()
    for _ in range(200 if stream else 5000):
        await call(application, path, sent, headers)
    seen.disable()
    pstats.Stats(seen, stream=sys.stdout).sort_stats("tottime").print_stats(45)


def exchange():
    return Exchange(
        id=identity.request_id(),
        started_at=time.time(),
        surface="messages",
        method="POST",
        path="/v1/messages",
        peer="127.0.0.1",
        token_id="550e8400-e29b-41d4-a716-446655440000",
        token_label="bench",
        ledger_id="550e8400-e29b-41d4-a716-446655440000",
        provider="anthropic",
        account="api-key",
        model_asked=CLAUDE,
        model_served=CLAUDE,
        status=200,
        upstream_status=200,
        is_sent=True,
        usage=Usage(12, 2048, 0, 0, 210),
        attempts=1,
        first_byte_seconds=0.01,
        total_seconds=0.01,
    )


def rows(is_profile):
    """The writer's share, in the batches in which a busy process writes."""
    best = float("inf")
    seen = cProfile.Profile()
    for number in range(ROUNDS):
        batch = [exchange() for _ in range(500)]
        if is_profile and number >= ROUNDS // 2:
            seen.enable()
        began = time.process_time()
        usage.write([tidy(each) for each in batch])
        best = min(best, (time.process_time() - began) / len(batch) * 1e6)
        seen.disable()
    print(f"{'usage row':<26}{best:>8.1f}")
    if is_profile:
        pstats.Stats(seen, stream=sys.stdout).sort_stats("tottime").print_stats(25)


async def drive(options, headers):
    await runtime.start()
    house = runtime.relay_now()._house
    await house.transport.aclose()
    house.transport._pool = Lines()
    bench.relay.session = Engine
    house.recorder.record = lambda exchange: None  # measured by itself
    settle_memory()
    if options.profile:
        await profile(headers, options.profile, options.stream)
    else:
        await measure(headers, options.only)
    await runtime.aclose()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=[*SURFACES, "rows"])
    parser.add_argument("--profile", choices=[*SURFACES, "rows"])
    parser.add_argument("--stream", action="store_true", help="with --profile: of streamed answers")
    options = parser.parse_args()
    providers.upsert(
        {
            "name": "vendor",
            "kind": "openai-compatible",
            "base_url": "http://127.0.0.1:9/v1",
            "models": [CHAT_MODEL],
            "responses": "translate",
            "api_key": "sk-bench",
        }
    )
    secret = tokens.issue(label="bench").secret
    headers = [
        (b"host", b"127.0.0.1:8080"),
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer " + secret.encode()),
        (b"anthropic-version", b"2023-06-01"),
    ]
    if "rows" not in (options.profile, options.only):
        asyncio.run(drive(options, headers))
    if {options.profile, options.only} <= {None, "rows"}:
        rows(options.profile == "rows")


if __name__ == "__main__":
    main()
