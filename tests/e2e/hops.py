"""Send calls through the ASGI application in this process and count what must not happen on their way.

    python -m tests.e2e.hops TOKEN ROUNDS

A context variable marks the calls' own tasks; it travels into whatever they start, threads included, so that
background work (usage rows, freshness) is not counted. Prints a JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

from gateway.asgi import application
from tests.e2e.calls import ASK, STREAM

on_path: ContextVar[bool] = ContextVar("on_path", default=False)
counts = {"queries": 0, "thread_hops": 0, "statuses": []}
submit = ThreadPoolExecutor.submit


def counted_submit(pool: ThreadPoolExecutor, *arguments: Any, **named: Any) -> Any:
    counts["thread_hops"] += on_path.get()
    return submit(pool, *arguments, **named)


def count_queries() -> None:
    from django.db.backends.utils import CursorWrapper  # noqa: PLC0415 - once the apps are ready

    execute = CursorWrapper.execute

    def counted_execute(cursor: Any, *arguments: Any) -> Any:
        counts["queries"] += on_path.get()
        return execute(cursor, *arguments)

    CursorWrapper.execute = counted_execute


async def lifespan(messages: asyncio.Queue, told: asyncio.Queue) -> None:
    await application({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, messages.get, told.put)


async def call(token: str, path: str, body: bytes) -> None:
    headers = {"host": "gateway.test", "authorization": f"Bearer {token}", "anthropic-version": "2023-06-01"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"beta=true",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "http_version": "1.1",
    }
    received = [{"type": "http.request", "body": body, "more_body": False}]
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if received:
            return received.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            counts["statuses"].append(message["status"])

    on_path.set(True)
    await application(scope, receive, send)


async def main(token: str, rounds: int) -> None:
    messages: asyncio.Queue = asyncio.Queue()
    told: asyncio.Queue = asyncio.Queue()
    life = asyncio.create_task(lifespan(messages, told))
    await messages.put({"type": "lifespan.startup"})
    assert (await told.get())["type"] == "lifespan.startup.complete"
    count_queries()
    ThreadPoolExecutor.submit = counted_submit
    for _ in range(rounds):
        for path, body in (
            ("/v1/messages", ASK),
            ("/v1/messages", STREAM),
            ("/v1/messages/count_tokens", ASK),
        ):
            await asyncio.create_task(call(token, path, body))
    ThreadPoolExecutor.submit = submit
    await messages.put({"type": "lifespan.shutdown"})
    await life
    print(json.dumps(counts))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
