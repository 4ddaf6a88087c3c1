"""The two entry points of calls, made from one table of surfaces; both hand over to the same relay.

`AsgiEntryPoint` stands in front of Django. `django_entry_point` is the view that django-ninja declares for
the same rows: it works under a plain `get_asgi_application()` and inside another project, with three
exceptions: 413 comes after the body is read, repeated response headers are joined, and the host's sync
middleware costs thread hops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import orjson
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from gateway.exchange.downstream import Message, Receive, Request, Scope, Send, read_request, too_large
from gateway.exchange.surfaces import Action, Match, WrongMethod, unknown
from gateway.relay import errors
from gateway.runtime.composition import NotHere, Runtime, current
from gateway.telemetry import request_ids
from providers.dialects.types import Headers, header

App = Callable[[Scope, Receive, Send], Awaitable[None]]

RELAYED = frozenset({Action.RELAY, Action.FORWARD, Action.OBJECTS, Action.MODELS, Action.STORED})
JSON: Headers = ((b"content-type", b"application/json"),)
METHODS = b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
"""What some path of this server understands: the answer to `OPTIONS *`."""
TEXT: Headers = ((b"content-type", b"text/plain; charset=utf-8"),)


class AsgiEntryPoint:
    """Takes the paths of the table; all others go to `django`."""

    def __init__(self, of: Runtime, django: App) -> None:
        self._runtime = of
        self._django = django

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_request(scope)
        try:
            match = self._runtime.table.match(request.method, request.raw_path)
        except WrongMethod as wrong:
            if request.raw_path == b"/" and _is_browser(request):
                await self._django(scope, receive, send)
                return
            try:
                relay = await self._runtime.relay()
            except NotHere as exc:
                nowhere = unknown(request.raw_path, request.headers)
                await _not_here(exc, nowhere.surface.dialect, send)
                return
            await relay.refuse(wrong, request, receive, send)
            return
        if match is None and request.raw_path.startswith(b"/"):
            await self._django(scope, receive, send)
            return
        if request.raw_path == b"*" and request.method == "OPTIONS":
            await _answer(send, 200, ((b"allow", METHODS),), b"")
            return
        match = match or unknown(request.raw_path, request.headers)
        await enter(self._runtime, match, request, receive, send)


def _is_browser(request: Request) -> bool:
    return wants_page(request.method, (header(request.headers, b"accept") or b"").decode("latin-1"))


def wants_page(method: str, accept: str) -> bool:
    """Tell whether somebody with a browser asks, and no program: those take anything, or JSON."""
    return method == "GET" and "text/html" in accept.lower()


async def enter(of: Runtime, match: Match, request: Request, receive: Receive, send: Send) -> None:
    """Give a request of either entry point to the relay, or answer it here (health, warm-up)."""
    action = match.surface.action
    if action in RELAYED:
        if action is Action.MODELS and request.method == "HEAD":
            # The answer to GET, of which the server keeps the body back: no upstream need know HEAD.
            request = msgspec.structs.replace(request, method="GET")
        try:
            relay = of.relays.get(asyncio.get_running_loop()) or await of.relay()
        except NotHere as exc:
            await _not_here(exc, match.surface.dialect, send)
            return
        await relay.carry(match, request, receive, send)
    elif action is Action.PERSONAL:
        try:
            desk = await of.desk()
        except NotHere as exc:
            await _not_here(exc, match.surface.dialect, send)
            return
        await desk.serve(match, request, receive, send)
    elif action is Action.HEALTH:
        await _answer(send, 200, TEXT, b"ok")
    elif action is Action.READY:
        state = of.readiness()
        await _answer(send, 200 if state.is_ready else 503, JSON, orjson.dumps(state.checks))
    else:
        await _answer(send, 200, JSON, b"" if request.method == "HEAD" else b"{}")


async def _not_here(exc: NotHere, dialect: str, send: Send) -> None:
    """Answer that there is no relay yet, or none in this process."""
    answer = errors.render(*errors.describe(exc), dialect, request_ids.request_id())
    await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    own_id = (request_ids.HEADER, request_ids.request_id().encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length, own_id]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def django_entry_point(request: HttpRequest) -> HttpResponseBase:
    """Serve every row, and every other path, from Django. Looks at the raw path, like `AsgiEntryPoint`."""
    if not isinstance(request, ASGIRequest):
        raise RuntimeError("The surfaces need an ASGI server")
    runtime = current()
    seen = read_request(dict(request.scope))
    bridge = _Bridge(request, runtime.composed.options.MAX_BODY_BYTES)
    try:
        match = runtime.table.match(seen.method, seen.raw_path) or unknown(seen.raw_path, seen.headers)
    except WrongMethod as wrong:
        relay = await runtime.relay()
        return await bridge.response(relay.refuse(wrong, seen, bridge.receive, bridge.send))
    return await bridge.response(enter(runtime, match, seen, bridge.receive, bridge.send))


class _Bridge:
    """ASGI's two callables over Django's request and response; one message at a time, so nothing piles up."""

    def __init__(self, request: ASGIRequest, max_body_bytes: int) -> None:
        self._request = request
        self._max_body_bytes = max_body_bytes
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
                raise too_large(self._max_body_bytes) from exc
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
            raise RuntimeError("the relay ended without an answer")
        start = self._start.result()
        response = StreamingHttpResponse(self._body(task), status=start["status"])
        response._has_been_logged = True  # type: ignore[attr-defined]  # by the relay; Django would add a line per call
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
