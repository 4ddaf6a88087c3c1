"""A small ASGI application that does what the tests of the servers want to see done to them."""

import asyncio
import hashlib
import json
import os
import sys
import time
from typing import Any
from urllib.parse import parse_qs

from gateway.servers.drain import Drain
from gateway.servers.heads import Head

SEEN: dict[str, float] = {}
"""What happened, by name, with the loop's time."""
OPEN: set[str] = set()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        await ROUTES.get(scope["path"], show_scope)(Exchange(scope, receive, send, query))


class Exchange:
    def __init__(self, scope: dict[str, Any], receive: Any, send: Any, query: dict[str, str]) -> None:
        self.scope, self.receive, self.send, self.query = scope, receive, send, query

    async def start(self, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
        await self.send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def chunk(self, data: bytes) -> None:
        await self.send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        await self.send({"type": "http.response.body", "body": data, "more_body": False})

    async def answer(self, value: Any, status: int = 200) -> None:
        data = json.dumps(value).encode()
        await self.start(status, (b"content-length", b"%d" % len(data)))
        await self.finish(data)

    async def body(self) -> list[bytes]:
        messages = []
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            messages.append(message["body"])
            if not message["more_body"]:
                return messages


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    if os.environ.get("TEST_START") == "fail":
        await send({"type": "lifespan.startup.failed", "message": "no such database"})
        return
    if os.path.exists(os.environ.get("TEST_BROKEN_FILE", "")):
        raise LookupError("broken by an update")
    if os.environ.get("TEST_START") == "hang":
        print("hooks: hanging", file=sys.stderr, flush=True)
        await asyncio.Event().wait()
    if os.environ.get("TEST_START") == "slow":
        print("hooks: starting", file=sys.stderr, flush=True)
        await asyncio.sleep(0.5)
    if os.environ.get("TEST_START") == "crash":
        raise LookupError("no such table")
    scope["state"]["greeting"] = "hello from start-up"
    if os.environ.get("TEST_OWNERS"):
        scope["state"]["whose_body"] = whose_body
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    print("hooks: shut down with", len(OPEN), "open", file=sys.stderr, flush=True)
    await send({"type": "lifespan.shutdown.complete"})


def whose_body(head: Head) -> str:
    """The header `owner`."""
    return dict(head.headers).get(b"owner", b"").decode()


async def websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    if scope["path"] == "/ws-crash":
        raise RuntimeError("before accept")
    if scope["path"] == "/ws-close":
        await send({"type": "websocket.close"})
        return
    if scope["path"] == "/ws-deny":
        assert "websocket.http.response" in scope["extensions"]
        headers = [(b"x-why", b"because")]
        await send({"type": "websocket.http.response.start", "status": 426, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"not ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"here"})
        return
    await send({"type": "websocket.accept"})
    if scope["path"] == "/ws-return":
        return
    while (message := await receive())["type"] != "websocket.disconnect":
        said = message.get("text") or ""
        if said == "crash":
            raise RuntimeError("after accept")
        if said.startswith("work "):
            await work(scope, send, float(said[5:]))
        elif said == "put on":
            push_on(scope)
        elif said.startswith("put "):
            assert scope["state"]["put"](b"x" * int(said[4:]))
        elif said.startswith("flood "):
            await flood_socket(send, int(said[6:]))
        elif scope["path"] == "/ws-length":
            await send({"type": "websocket.send", "text": str(len(said))})
        else:
            await send({"type": "websocket.send", "text": said})
    SEEN["websocket.disconnect"] = message["code"]


async def work(scope: dict[str, Any], send: Any, seconds: float) -> None:
    """Be in the middle of something for so long."""
    activity = scope["state"]["activity"]
    activity.is_busy = True
    await send({"type": "websocket.send", "text": "begun"})
    await asyncio.sleep(seconds)
    await send({"type": "websocket.send", "text": "done"})
    activity.is_busy = False


async def flood_socket(send: Any, count: int) -> None:
    """So many messages of 64 KiB, as fast as they go."""
    for number in range(count):
        await send({"type": "websocket.send", "bytes": bytes(65536)})
        SEEN["flooded"] = number
    await send({"type": "websocket.send", "text": "flooded"})


def push_on(scope: dict[str, Any]) -> None:
    """Put messages of 64 KiB until one is not taken; the event loop has no turn in between."""
    count = 0
    while scope["state"]["put"](b"y" * 65536):
        count += 1
    SEEN["sent_on"] = count


async def echo(exchange: Exchange) -> None:
    messages = await exchange.body()
    await exchange.answer({"messages": len(messages), "bytes": sum(map(len, messages))})


async def digest(exchange: Exchange) -> None:
    await exchange.answer({"sha256": hashlib.sha256(b"".join(await exchange.body())).hexdigest()})


async def switching(exchange: Exchange) -> None:
    await exchange.answer(sys.getswitchinterval())


async def hello(exchange: Exchange) -> None:
    await exchange.answer("hello")


async def show_scope(exchange: Exchange) -> None:
    await exchange.body()
    scope = exchange.scope
    await exchange.answer(
        {
            "headers": [[name.decode(), value.decode("latin1")] for name, value in scope["headers"]],
            "root_path": scope["root_path"],
            "raw_path": scope["raw_path"].decode(),
            "greeting": scope["state"]["greeting"],
            "has_drain": isinstance(scope["state"]["drain"], Drain),
            "client": scope["client"][0],
        }
    )


async def stream(exchange: Exchange) -> None:
    """`count` events, `wait` seconds apart."""
    await exchange.start(200, (b"content-type", b"text/event-stream"))
    for number in range(int(exchange.query.get("count", 5))):
        await exchange.chunk(b"data: %d\n\n" % number)
        await asyncio.sleep(float(exchange.query.get("wait", 0.05)))
    await exchange.finish(b"data: end\n\n")


async def flood(exchange: Exchange) -> None:
    """`size` bytes as fast as they go, from memory, without a pause of our own."""
    await exchange.start()
    piece = b"x" * 32768
    SEEN["flood"] = 0
    for _ in range(int(exchange.query["size"]) // len(piece)):
        await exchange.chunk(piece)
        SEEN["flood"] += len(piece)
    await exchange.finish()
    SEEN["flooded"] = 1


async def watch(exchange: Exchange) -> None:
    """Says when the client has left."""
    await exchange.start()
    await exchange.chunk(b"waiting\n")
    while (await exchange.receive())["type"] != "http.disconnect":
        pass
    SEEN["left"] = asyncio.get_running_loop().time()
    for _ in range(100):
        await exchange.chunk(b"nobody hears this")


async def seen(exchange: Exchange) -> None:
    await exchange.answer(SEEN)


async def fail_before(exchange: Exchange) -> None:
    raise RuntimeError("before the answer")


async def fail_started(exchange: Exchange) -> None:
    await exchange.start(200, (b"x-lost", b"1"))
    raise SystemExit("between head and body")


async def fail_after(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk(b"some bytes")
    raise RuntimeError("in the middle of the answer")


async def unfinished(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk(b"some bytes")


async def silent(exchange: Exchange) -> None:
    """Returns without an answer."""


async def short(exchange: Exchange) -> None:
    """Sends less than it said."""
    await exchange.start(200, (b"content-length", b"10"))
    await exchange.finish(b"12345")


async def closing(exchange: Exchange) -> None:
    await exchange.start(200, (b"connection", b"close"), (b"content-length", b"2"))
    await exchange.finish(b"ok")


async def abort(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk(b"some bytes")
    await asyncio.sleep(0.05)
    exchange.scope["state"]["abort"]()
    await exchange.chunk(b"more bytes")


async def ready(exchange: Exchange) -> None:
    is_ready = exchange.scope["state"]["drain"].is_ready
    await exchange.answer(is_ready, 200 if is_ready else 503)


async def polite(exchange: Exchange) -> None:
    """Runs until it is told to end, and says goodbye."""
    OPEN.add("polite")
    await exchange.start()
    await exchange.chunk(b"started\n")
    await exchange.scope["state"]["drain"].deadline_event.wait()
    await exchange.finish(b"event: error\n\n")
    OPEN.remove("polite")


async def stubborn(exchange: Exchange) -> None:
    """Runs until it is cancelled; may still send and settle then."""
    OPEN.add("stubborn")
    await exchange.start()
    await exchange.chunk(b"started\n")
    try:
        await asyncio.Event().wait()
    finally:
        await exchange.finish(b"cancelled\n")
        await asyncio.sleep(0.1)
        OPEN.remove("stubborn")


async def late(exchange: Exchange) -> None:
    """Answers after it has been seen."""
    SEEN["late"] = 1
    await asyncio.sleep(0.3)
    await exchange.answer("late")


async def early(exchange: Exchange) -> None:
    """Answers without looking at the body."""
    SEEN["early"] = 1
    await exchange.answer("early", 401)


async def hang(exchange: Exchange) -> None:
    SEEN["hang"] = 1
    await asyncio.Event().wait()


async def thread(exchange: Exchange) -> None:
    """Has a thread that nobody can end."""
    await exchange.start()
    await exchange.chunk(b"started")
    await asyncio.to_thread(time.sleep, 60)


async def pid(exchange: Exchange) -> None:
    await exchange.answer(os.getpid())


async def memory(exchange: Exchange) -> None:
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    await exchange.answer({"rss": pages * os.sysconf("SC_PAGE_SIZE"), "tasks": len(asyncio.all_tasks())})


ROUTES = {
    "/hello": hello,
    "/switching": switching,
    "/echo": echo,
    "/digest": digest,
    "/stream": stream,
    "/flood": flood,
    "/watch": watch,
    "/seen": seen,
    "/fail-before": fail_before,
    "/fail-started": fail_started,
    "/fail-after": fail_after,
    "/unfinished": unfinished,
    "/silent": silent,
    "/short": short,
    "/closing": closing,
    "/abort": abort,
    "/ready": ready,
    "/polite": polite,
    "/stubborn": stubborn,
    "/late": late,
    "/early": early,
    "/hang": hang,
    "/thread": thread,
    "/pid": pid,
    "/memory": memory,
}
