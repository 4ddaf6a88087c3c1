"""Two doors onto the one road, from one table.

The fast door stands in front of Django. The Django door is what django-ninja declares from the same rows: it works
under a plain `get_asgi_application()` and inside another project, with three exceptions: 413 comes after the
body is read,
repeated response headers are joined, and the host's sync middleware costs thread hops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import orjson
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from gateway import errors, identity
from gateway.runtime import NotHere, Runtime, runtime
from gateway.surfaces import UNKNOWN, Action, Match, WrongMethod
from gateway.wire import Message, Receive, Request, Scope, Send, read_request, too_large
from providers.dialects.types import Headers

App = Callable[[Scope, Receive, Send], Awaitable[None]]

ON_THE_ROAD = frozenset({Action.RELAY, Action.FORWARD, Action.MODELS})
JSON: Headers = ((b"content-type", b"application/json"),)
TEXT: Headers = ((b"content-type", b"text/plain; charset=utf-8"),)


class FastDoor:
    """Takes the paths of the table; all others go to `django`."""

    def __init__(self, of: Runtime, django: App) -> None:
        self._runtime = of
        self._django = django

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_request(scope)
        try:
            match = self._runtime.table.match(request.method, request.raw_path)
        except WrongMethod as wrong:
            try:
                relay = await self._runtime.relay()
            except NotHere as exc:
                await _not_here(exc, UNKNOWN.dialect, send)
                return
            await relay.refuse(wrong, request, receive, send)
            return
        if match is None and request.raw_path.startswith(b"/"):
            await self._django(scope, receive, send)
            return
        await enter(self._runtime, match or Match(UNKNOWN, request.raw_path), request, receive, send)


async def enter(of: Runtime, match: Match, request: Request, receive: Receive, send: Send) -> None:
    """Behind both doors."""
    action = match.surface.action
    if action in ON_THE_ROAD:
        if action is Action.MODELS and request.method == "HEAD":
            # The answer to GET, of which the server keeps the body back: no upstream need know HEAD.
            request = msgspec.structs.replace(request, method="GET")
        try:
            relay = of.relay_now() or await of.relay()
        except NotHere as exc:
            await _not_here(exc, match.surface.dialect, send)
            return
        await relay.carry(match, request, receive, send)
    elif action is Action.HEALTH:
        await _answer(send, 200, TEXT, b"ok")
    elif action is Action.READY:
        state = of.readiness()
        await _answer(send, 200 if state.is_ready else 503, JSON, orjson.dumps(state.checks))
    else:
        await _answer(send, 200, JSON, b"" if request.method == "HEAD" else b"{}")


async def _not_here(exc: NotHere, dialect: str, send: Send) -> None:
    """Before there is a road that could tell it."""
    answer = errors.render(*errors.describe(exc), dialect, identity.request_id())
    await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    own_id = (identity.HEADER, identity.request_id().encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length, own_id]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def django_door(request: HttpRequest) -> HttpResponseBase:
    """The view of every row, and of every path that nothing else has. Looks at the raw path, as the fast door does."""
    if not isinstance(request, ASGIRequest):
        raise RuntimeError("The surfaces need an ASGI server")
    seen = read_request(dict(request.scope))
    bridge = _Bridge(request)
    try:
        match = runtime.table.match(seen.method, seen.raw_path) or Match(UNKNOWN, seen.raw_path)
    except WrongMethod as wrong:
        relay = await runtime.relay()
        return await bridge.response(relay.refuse(wrong, seen, bridge.receive, bridge.send))
    return await bridge.response(enter(runtime, match, seen, bridge.receive, bridge.send))


class _Bridge:
    """ASGI's two callables over a Django request and response, one message at a time: nothing piles up between them."""

    def __init__(self, request: ASGIRequest) -> None:
        self._request = request
        self._has_sent_body = False
        self._has_left = asyncio.Event()
        self._start: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pieces: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue(maxsize=1)

    async def receive(self) -> Message:
        if not self._has_sent_body:
            self._has_sent_body = True
            try:
                return {"type": "http.request", "body": self._request.body, "more_body": False}
            except RequestDataTooBig as exc:
                raise too_large(runtime.options.max_body_bytes) from exc
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start.set_result(message)
        elif not self._has_left.is_set():
            await self._pieces.put((message.get("body", b""), message.get("more_body", False)))

    async def response(self, work: Awaitable[None]) -> HttpResponseBase:
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, self._start), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # the client left before an answer had begun
            self._has_left.set()
            raise
        if not self._start.done():
            await task
            raise RuntimeError("the road ended without an answer")
        start = self._start.result()
        response = StreamingHttpResponse(self._body(task), status=start["status"])
        del response.headers["Content-Type"]
        for name, value in start["headers"]:
            text, known = name.decode("latin-1"), response.headers.get(name.decode("latin-1"))
            fresh = value.decode("latin-1")
            response.headers[text] = fresh if known is None else f"{known}, {fresh}"
        return response

    async def _body(self, task: asyncio.Future[None]) -> AsyncIterator[bytes]:
        try:
            has_more = True
            while has_more:
                piece, has_more = await self._next(task)
                if piece:
                    yield piece
        finally:
            self._has_left.set()
            if self._pieces.full():  # let a writer that waits go on to notice
                self._pieces.get_nowait()

    async def _next(self, task: asyncio.Future[None]) -> tuple[bytes, bool]:
        if self._pieces.empty() and task.done():
            task.result()  # raises what cut the answer
            return b"", False
        waiting = asyncio.ensure_future(self._pieces.get())
        await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        return await self._next(task)
