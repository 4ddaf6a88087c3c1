"""The gateway in this process, without a server and without sockets, over an upstream in memory.

Importing it sets Django up on an empty database in a directory of its own. The application is driven with
ASGI messages; what stands under its transport, and under the bare relay, answers at once.
"""

import asyncio
import os
import secrets
import tempfile
import time
from dataclasses import dataclass

from bench.upstream import BODY, CHAT_BODY, chat_events, events
from gateway.kernel.principal import COMMAND_LINE

DIRECTORY = tempfile.TemporaryDirectory(prefix="in-process-bench-")
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

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0)

import bench.relay  # noqa: E402
from gateway.entrypoints import AsgiEntryPoint  # noqa: E402
from gateway.runtime.composition import WaysOut, compose  # noqa: E402
from gateway.servers.lifecycle import settle_memory  # noqa: E402
from gateway.usage.recorder import Recorder  # noqa: E402
from providers.client import Transport  # noqa: E402
from providers.http1.dialing import Dialer  # noqa: E402
from providers.http1.pool import ConnectionPool, IdleLimits  # noqa: E402
from tests.sign_ins import bearer, person, sign_in  # noqa: E402
from tokens import services as tokens  # noqa: E402

ANSWERS = {
    False: {"/v1/messages": [BODY], "/v1/chat/completions": [CHAT_BODY]},
    True: {"/v1/messages": events(), "/v1/chat/completions": chat_events()},
}
"""Streamed or not, then by the upstream's path."""


class Content:
    """The body of such an answer."""

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
    """Stands for aiohttp's session under the bare relay."""

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


class Lines(ConnectionPool):
    """Stands for the gateway's pool of connections."""

    def __init__(self):
        super().__init__(Dialer(), IdleLimits(0, 0, 0))

    def take(self, origin):
        return Line()

    def release(self, origin, line):
        pass

    def close(self):
        pass


class Posted:
    """What aiohttp's `post` gives: an answer to be entered."""

    def __init__(self, answer):
        self._answer = answer

    async def __aenter__(self):
        return await self._answer

    async def __aexit__(self, *problem):
        pass


@dataclass(frozen=True)
class Post:
    """One request, again and again."""

    path: str
    body: bytes
    headers: list[tuple[bytes, bytes]]


async def call(app, sent):
    """Send a request to an ASGI application and read its answer; exit unless it is a 200."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": sent.path,
        "raw_path": sent.path.encode(),
        "query_string": b"",
        "headers": [*sent.headers, (b"content-length", str(len(sent.body)).encode())],
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    messages = [{"type": "http.request", "body": sent.body, "more_body": False}]

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
        raise SystemExit(f"{sent.path} was answered with {status}")


async def cost(app, sent, count, rounds):
    """Return the microseconds of CPU per call, of the best of `rounds` rounds of `count` calls.

    The best, so that what else the machine does stays out.
    """
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(count):
            await call(app, sent)
        best = min(best, (time.process_time() - began) / count * 1e6)
    return best


class Silent(Recorder):
    """Writes nothing."""

    def concluded(self, exchange):
        pass


async def started(lines=Lines):
    """Start a runtime over the upstream in memory, that writes no rows; return it and its application."""
    ways_out = WaysOut(transport=lambda options: Transport(options, lines()), recorder=Silent)
    runtime = compose(settings.GATEWAY, ways_out)
    await runtime.start()
    bench.relay.session = Engine
    settle_memory()
    return runtime, AsgiEntryPoint(runtime, None)


def authorized(**limits):
    """Issue a token and return a client's headers with it."""
    return headers_with(tokens.issue(label="bench", **limits, principal=COMMAND_LINE).secret)


def signed_in(**limits):
    """Sign a person in who has these limits and return her client's headers."""
    return headers_with(bearer(sign_in(person(**limits))))


def headers_with(secret):
    """Return a client's headers with this bearer."""
    return [
        (b"host", b"127.0.0.1:8080"),
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer " + secret.encode()),
        (b"anthropic-version", b"2023-06-01"),
    ]
