"""One connection of the live feed: what is asked in its address, what its client may say, and how it ends."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from gateway.exchange.downstream import Message, Receive, Scope, Send
from gateway.exchange.upgrades import Denial, is_connected
from gateway.kernel.asking import BadParameter
from gateway.relay import errors
from gateway.sockets.feed.feed import Feed
from gateway.sockets.feed.viewer import Put, Viewer
from gateway.telemetry import request_ids
from gateway.usage.requests import filters
from gateway.usage.requests.filters import Filters
from providers.dialects.types import Failure, FailureKind

LONGEST_MESSAGE = 4096
CLOSE_SECONDS = 1.0
GONE, POLICY, FULL, LOST = 0, 1008, 1013, 4403


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """Read what a client may say."""

    type: str


class Putting:
    """Sends without waiting on a server that has no way of its own for that: one text at a time."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sending: asyncio.Future[None] | None = None

    def __call__(self, text: bytes) -> bool:
        if self._sending is not None and not self._sending.done():
            return False
        message = {"type": "websocket.send", "text": text.decode()}
        self._sending = asyncio.ensure_future(self._send(message))
        return True

    async def __aenter__(self) -> Putting:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing behind; that a client has gone is told by `receive`."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)


class Connections:
    """The ASGI application of the feed's path: who comes here has been let in."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await is_connected(receive):
            return
        try:
            asked, since = read_query(scope.get("query_string", b""))
        except BadParameter as exc:
            failure = Failure(FailureKind.INVALID_REQUEST, str(exc))
            await Denial(scope, send).answer(
                errors.render(400, failure, "anthropic", request_ids.request_id())
            )
            return
        session: Any = scope.get("session")
        viewer = Viewer(asked, None if session is None else session.session_key, since)
        try:
            has_joined = self._feed.join(
                viewer
            )  # before it is told to be open: what ends from now on is seen
            await send({"type": "websocket.accept"})
            put = (scope.get("state") or {}).get("put")
            code = FULL
            if has_joined and put is not None:
                code = await _serve(viewer, receive, put)
            elif has_joined:
                async with Putting(send) as putting:
                    code = await _serve(viewer, receive, putting)
        finally:
            self._feed.leave(viewer)
        if code != GONE:
            await close(scope, send, code)


def read_query(query: bytes) -> tuple[Filters, uuid.UUID | None]:
    """Read the filters of an address, and the last call that was seen. Raises `BadParameter`."""
    given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    since = given.pop("since", "")
    for name in given:
        if name not in filters.NAMES:
            raise BadParameter(name[:64], "unknown parameter")
    try:
        return filters.read(given), uuid.UUID(since) if since else None
    except ValueError:
        raise BadParameter("since", "must be the id of a call") from None


async def _serve(viewer: Viewer, receive: Receive, put: Put) -> int:
    """Serve one until somebody ends it; return the code to close with."""
    viewer.put = put
    tasks = {asyncio.create_task(_listen(viewer, receive)), asyncio.create_task(_wait(viewer.lost))}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return max(task.result() for task in done)
    finally:
        viewer.put = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _wait(lost: asyncio.Event) -> int:
    await lost.wait()
    return LOST


async def _listen(viewer: Viewer, receive: Receive) -> int:
    """Obey what the client says; return when it has gone, or says what it may not."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return GONE
        said = _said(message)
        if said == "pause":
            viewer.pause()
        elif said == "resume":
            viewer.resume()
        else:
            return POLICY


def _said(message: Message) -> str:
    text = message.get("text")
    if text is None or len(text) > LONGEST_MESSAGE or len(text.encode("utf-8", "replace")) > LONGEST_MESSAGE:
        return ""
    try:
        return msgspec.json.decode(text, type=Said).type
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ""


async def close(scope: Scope, send: Send, code: int) -> None:
    """Close it; drop the connection of a reader that has stopped, and would never see the code."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await send({"type": "websocket.close", "code": code})
    except TimeoutError:
        abort = (scope.get("state") or {}).get("abort")
        if abort is not None:
            abort()
