"""Count the files that one call passes through: `python -m bench.trace`; `--calls` lists every function entered.

One process, ASGI messages in front, an upstream on a loopback socket behind. Printed are the files of ours
that a call enters, and how often the file changes from one function entered to the next. A coroutine that
goes on after waiting is not entered again. The best of several calls counts: the first ones fill caches.
"""

import argparse
import asyncio
import json
import os
import secrets
import socket
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

UPSTREAM = socket.create_server(("127.0.0.1", 0))
DIRECTORY = tempfile.TemporaryDirectory(prefix="trace-bench-")
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "gateway.settings",
    "DATA_DIR": DIRECTORY.name,
    "CLAUDE_CODE_HOME": DIRECTORY.name,
    "TOKEN_SECRET": secrets.token_hex(32),
    "UPSTREAM_BASE_URL": f"http://127.0.0.1:{UPSTREAM.getsockname()[1]}",
    "ANTHROPIC_API_KEY": "sk-ant-api-bench",
    "LOG_LEVEL": "error",
}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0)

from gateway.entrypoints import AsgiEntryPoint  # noqa: E402
from gateway.kernel.principal import COMMAND_LINE  # noqa: E402
from gateway.runtime.composition import current  # noqa: E402
from tokens import services  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
APPS = ("gateway", "accounts", "providers", "tokens", "forgefed")
PATHS = ("/v1/messages", "/v1/chat/completions")
CALLS = 6
RESUMABLE = 0x2A0  # flags of generators and coroutines
ASKED = {"model": "claude-opus-4-7", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
ANSWER = json.dumps(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-7",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    }
).encode()


class Trace:
    """The functions of ours that were entered, in order."""

    def __init__(self):
        self.entered = []  # (file, function)
        self._seen = {}

    def __call__(self, frame, event, argument):
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(f"{ROOT}/"):
            return
        name = code.co_filename[len(str(ROOT)) + 1 :]
        if name.split("/")[0] not in APPS:
            return
        if code.co_flags & RESUMABLE:
            if id(frame) in self._seen:
                return
            self._seen[id(frame)] = frame  # kept, so that its id stays its own
        self.entered.append((name, code.co_name))

    @property
    def files(self):
        return len({name for name, _ in self.entered})

    @property
    def changes(self):
        names = [name for name, _ in self.entered]
        return sum(one != other for one, other in pairwise(names))


async def answer(reader, writer):
    """Serve one connection of the gateway's."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
    while True:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the gateway has closed it, or all is over
        length = next(
            (
                int(line[15:])
                for line in request.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        await reader.readexactly(length)
        writer.write(head + ANSWER)


async def call(application, path, token):
    """Drive one call with ASGI messages; return its status."""
    waiting = [{"type": "http.request", "body": json.dumps(ASKED).encode(), "more_body": False}]
    statuses = []

    async def receive():
        return waiting.pop() if waiting else await asyncio.get_running_loop().create_future()

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [
        (b"host", b"gateway"),
        (b"authorization", b"Bearer " + token.encode()),
        (b"content-type", b"application/json"),
        (b"anthropic-version", b"2023-06-01"),
    ]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": headers, "client": ("127.0.0.1", 1), "scheme": "http", "http_version": "1.1"}  # fmt: skip
    await application(scope, receive, send)
    return statuses


async def traced(application, path, token):
    """Return the shortest trace of several calls."""
    traces = []
    for _ in range(CALLS):
        trace = Trace()
        sys.setprofile(trace)
        statuses = await call(application, path, token)
        sys.setprofile(None)
        if statuses != [200]:
            raise SystemExit(f"{path} answered {statuses}")
        traces.append(trace)
    return min(traces, key=lambda trace: (trace.files, trace.changes))


async def main(options):
    server = await asyncio.start_server(answer, sock=UPSTREAM)
    token = (await asyncio.to_thread(services.issue, label="bench", principal=COMMAND_LINE)).secret
    runtime = current()
    await runtime.start()
    application = AsgiEntryPoint(runtime, None)
    for path in PATHS:
        trace = await traced(application, path, token)
        print(f"{path}: {trace.files} files, {trace.changes} changes, {len(trace.entered)} functions")
        for name, function in trace.entered if options.calls else ():
            print(f"    {name} {function}")
    await runtime.aclose()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", action="store_true", help="list every function that is entered")
    asyncio.run(main(parser.parse_args()))
