"""One exchange on uvicorn: what stands between its cycle and the application.

Relies on the fields of `RequestResponseCycle` that are used here.
"""

import asyncio
import logging
import sys

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.servers import limits
from gateway.servers.options import ASGIApp, Message, Receive, Send

logger = logging.getLogger(__name__)


class _NoTrailers(list[tuple[bytes, bytes]]):
    """Where uvicorn would put header fields that come after a body, next to those that we have checked."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        """Drop it."""


NO_TRAILERS = _NoTrailers()


async def guard(cycle: RequestResponseCycle, app: ASGIApp) -> None:
    """Run an exchange in its outermost frame: nothing escapes, nothing stays open, errors have our shape."""
    failure: BaseException | None = None
    receive: Receive = cycle.receive  # type: ignore[assignment]
    send: Send = cycle.send  # type: ignore[assignment]
    if cycle.waiting_for_100_continue:
        receive = Invitation(cycle)
    if cycle.scope["http_version"] == "1.0":
        send = OldAnswer(cycle)
    try:
        await app(cycle.scope, receive, send)  # type: ignore[arg-type]
    except asyncio.CancelledError as exc:
        failure = exc
    except BaseException as exc:  # not even a SystemExit may stop the others
        failure = exc
        logger.error("exception in the application", exc_info=exc)
    finally:
        if not cycle.response_complete and not cycle.disconnected:
            await end(cycle, failure)
        cycle.on_response = nothing


async def end(cycle: RequestResponseCycle, failure: BaseException | None) -> None:
    """Answer for the application, or cut the answer it has begun."""
    if failure is None:
        logger.error("the application returned without finishing its answer")
    if cycle.response_started:
        cycle.transport.close()
        return
    if isinstance(failure, asyncio.CancelledError):
        status, message = 503, limits.SHUTTING_DOWN
    else:
        status, message = 500, limits.INTERNAL
    body = limits.error_body(status, message)
    headers = limits.error_headers(status, body)
    await cycle.send({"type": "http.response.start", "status": status, "headers": headers})
    await cycle.send({"type": "http.response.body", "body": body, "more_body": False})


def nothing() -> None:
    """In place of a callback that would keep the connection alive."""


class Invitation:
    """`receive` for a client that waits for "100 Continue". If it is answered without, the connection ends: nobody
    could tell whether the body still comes."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._may_keep_alive = cycle.keep_alive
        cycle.keep_alive = False

    async def __call__(self) -> Message:
        if self._cycle.waiting_for_100_continue:
            self._cycle.keep_alive = self._may_keep_alive
        return await self._cycle.receive()  # type: ignore[return-value]


class OldAnswer:
    """`send` for HTTP/1.0, which knows no chunks: an answer without a length ends with its connection."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._is_open_ended = False

    async def __call__(self, message: Message) -> None:
        cycle = self._cycle
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            if b"content-length" not in names:
                self._is_open_ended = True
                cycle.chunked_encoding, cycle.expected_content_length = False, sys.maxsize
        elif self._is_open_ended and not message.get("more_body", False):
            cycle.expected_content_length = len(message.get("body", b""))
        await cycle.send(message)  # type: ignore[arg-type]
