"""Make the calls of one tree for `bench.pairs`: asked on standard input, answered on standard output.

Run by its path, with the tree on PYTHONPATH: everything it imports is that tree's. The first line it reads is a
JSON list of what it may be asked: `[name, path, body in base64, what limits the token]`. Every further
line is a name and a count; it answers with the seconds of CPU that so many calls took.
"""

import argparse
import asyncio
import base64
import importlib.util
import json
import sys
import time

VENDOR = {
    "name": "vendor",
    "kind": "openai-compatible",
    "base_url": "http://127.0.0.1:9/v1",
    "responses": "translate",
    "api_key": "sk-bench",
}


async def serve(posts, call):
    """Answer one line after the other, until there is none."""
    for line in sys.stdin:
        name, count = json.loads(line)
        sent = posts[name]
        began = time.process_time()
        for _ in range(count):
            await call(*sent)
        print(time.process_time() - began, flush=True)


class Now:
    """The gateway in memory, as `bench.in_process` makes it."""

    def __init__(self):
        from bench import in_process  # noqa: PLC0415 - a tree has one or the other
        from bench.upstream import CHAT_MODEL  # noqa: PLC0415
        from providers import services  # noqa: PLC0415

        self._made = in_process
        vendor = {**VENDOR, "models": [CHAT_MODEL]}
        services.upsert(vendor, principal=in_process.COMMAND_LINE)

    def post(self, path, body, limits):
        return self._made.Post(path, body, self._made.authorized(**limits))

    async def run(self, posts):
        runtime, application = await self._made.started()
        await serve({name: (application, post) for name, post in posts.items()}, self._made.call)
        await runtime.aclose()


class Before:
    """The same as `bench.road` made it, until 6cedbf6."""

    def __init__(self):
        from bench import road  # noqa: PLC0415 - as above

        self._made = road
        road.providers.upsert({**VENDOR, "models": [road.CHAT_MODEL]})

    def post(self, path, body, limits):
        secret = self._made.tokens.issue(label="bench", **limits).secret
        headers = [
            (b"host", b"127.0.0.1:8080"),
            (b"content-type", b"application/json"),
            (b"authorization", b"Bearer " + secret.encode()),
            (b"anthropic-version", b"2023-06-01"),
        ]
        return self._made.application, path, body, headers

    async def run(self, posts):
        self._made.measure = lambda headers, only: serve(posts, self._made.call)
        await self._made.drive(argparse.Namespace(profile=None, only=None), [])


def main():
    side = Now() if importlib.util.find_spec("bench.in_process") else Before()
    posts = {
        name: side.post(path, base64.b64decode(body), limits)
        for name, path, body, limits in json.loads(sys.stdin.readline())
    }
    asyncio.run(side.run(posts))


if __name__ == "__main__":
    main()
