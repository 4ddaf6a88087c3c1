"""uvicorn's WebSocket with the limits, the errors and the goodbye that it lacks, and the way to it from HTTP.

Relies on: `HttpToolsProtocol._get_upgrade, handle_websocket_upgrade, scope, headers`;
`WebSocketsSansIOProtocol.conn, data_received, handle_events, handle_parser_exception, send_receive_event_to_app,
run_asgi, send, connection_lost, queue, close_sent, close_timer, handshake_complete, disconnected, stop_keepalive`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from gateway.servers import heads, limits
from gateway.servers.options import Message
from gateway.servers.websockets import (
    BUSY,
    DENIAL,
    FLOOD,
    GOING,
    MOST_FRAMES,
    SLICE_BYTES,
    Activity,
    closing_code,
    denial,
    text_frame,
)

logger = logging.getLogger(__name__)
client_logger = logging.getLogger(f"{__name__}.client")
client_logger.setLevel(logging.ERROR)
client_logger.addFilter(lambda record: not record.exc_info)  # a text that is no UTF-8 is a client's mistake
"""In place of uvicorn's: a line for each connection would let anybody fill the log."""

CLOSE_SECONDS = 1.0
"""How long a client may take to answer our closing frame."""


class Upgrading(HttpToolsProtocol):
    """The HTTP side: whether a request becomes a WebSocket, and its end as HTTP."""

    is_refused: bool
    is_inside_head: bool
    head_bytes: int

    def _get_upgrade(self) -> bytes | None:
        """uvicorn's own looks at the last header of each name only, at any version, and at requests with a body."""
        if self.parser.get_http_version() != "1.1" or any(map(_has_body, self.headers)):
            return None
        method = self.parser.get_method()
        return b"websocket" if heads.wants_websocket(method, self.scope["headers"]) else None

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over, unless its head was refused. Nothing that comes from now on is ours."""
        if self.is_refused:
            return
        self.is_inside_head, self.head_bytes = True, 0
        super().handle_websocket_upgrade()
        self.cycle = self.scope = None  # type: ignore[assignment]
        self.app_state = {}


def _has_body(pair: tuple[bytes, bytes]) -> bool:
    name, value = pair
    return name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0") != b"")


class GatewayWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket. Its application may end in any way."""

    def __init__(
        self,
        config: Any,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = client_logger
        self.conn.logger = client_logger
        self.activity = Activity()
        self.app_state = {**app_state, "abort": self.abort, "activity": self.activity, "put": self.put}
        self.budget: limits.BodyBudget = config.budget
        self.held_bytes = 0  # of a message that is coming in
        self.is_failed = False  # it is told why; what still comes is dropped
        self.denial: Message | None = None
        self.denial_body = b""

    # Messages come in.
    def data_received(self, data: bytes) -> None:
        if self.is_failed:
            return
        if self.handshake_complete:
            if self.budget.held + len(data) > self.budget.max_buffered_bytes:
                self.conn.fail(BUSY, limits.BUSY)
                self.handle_parser_exception()
                return
            self.held_bytes += len(data)
            self.budget.take(len(data), None)
        frames = 0
        for at in range(0, len(data), SLICE_BYTES):
            self.conn.receive_data(data if len(data) <= SLICE_BYTES else data[at : at + SLICE_BYTES])
            frames += len(self.conn.events)
            if frames > MOST_FRAMES and self.conn.parser_exc is None:
                self.conn.fail(FLOOD, "too many frames")
            if self.conn.parser_exc is not None or frames > MOST_FRAMES:
                self.handle_parser_exception()
                return
            self.handle_events()

    def send_receive_event_to_app(self) -> None:
        self._release()
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Say why it fails, and read on for a moment: a client that still sends would not see it otherwise."""
        self.is_failed = self.close_sent = True
        self._release()
        self.frames = []
        told = self.conn.close_sent
        code, reason = (1002, "") if told is None else (told.code, told.reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._close_within(limits.LINGER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._release()
        super().connection_lost(exc)

    def _release(self) -> None:
        self.budget.give_back(self.held_bytes, None)
        self.held_bytes = 0

    def _close_within(self, seconds: float) -> None:
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(seconds, self.transport.close)

    # The application.
    async def run_asgi(self) -> None:
        failure: BaseException | None = None
        try:
            await self.app(self.scope, self.receive, self.send)
        except (asyncio.CancelledError, ClientDisconnected) as exc:
            failure = exc
        except BaseException as exc:  # not even a SystemExit may stop the others
            failure = exc
            logger.error("exception in the application", exc_info=exc)
        finally:
            self.end(failure)

    def end(self, failure: BaseException | None) -> None:
        """End it as the application is done: refuse a handshake or close a socket that it left open."""
        is_cancelled = isinstance(failure, asyncio.CancelledError)
        if not self.handshake_complete:
            status, words = (503, limits.SHUTTING_DOWN) if is_cancelled else (500, limits.INTERNAL)
            self._refuse(limits.error_answer(status, words))
        elif not self.close_sent and not self.disconnected:
            self._say_close(closing_code(is_cancelled, failure is not None))
        elif self.close_timer is None:
            self.transport.close()

    async def send(self, message: Any) -> None:
        await self.writable.wait()
        kind = message["type"]
        if self.handshake_complete:
            if self.disconnected or self.close_sent:
                await asyncio.sleep(0)  # or a loop that only sends would starve everybody
                return
            await super().send(message)
        elif kind == "websocket.close":
            self._refuse(limits.error_answer(403, limits.reason(403)))
        elif kind == f"{DENIAL}.start":
            self.denial = message
        elif kind == f"{DENIAL}.body" and self.denial is not None:
            self.denial_body += message.get("body", b"")
            if not message.get("more_body", False):
                self._refuse(denial(self.denial, self.denial_body))
        else:
            await super().send(message)

    def put(self, text: bytes) -> bool:
        """Send what many get, without waiting; False when the reader has not taken what was sent before."""
        if not (self.handshake_complete and self.writable.is_set()) or self.close_sent or self.disconnected:
            return False
        self.transport.write(text_frame(text))
        return True

    def _refuse(self, answer: bytes) -> None:
        self.close_sent = self.handshake_complete = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self.transport.write(answer)
        self.transport.close()

    # The end.
    def say_goodbye(self) -> None:
        """Close with 1012, the service restarts, unless the application is in the middle of something."""
        if self.activity.is_busy or self.close_sent or self.disconnected:
            return
        if self.handshake_complete:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": GOING})
            self._say_close(GOING)
        else:
            self._refuse(limits.error_answer(503, limits.SHUTTING_DOWN))

    def _say_close(self, code: int) -> None:
        self.close_sent = True
        self.stop_keepalive()
        self.conn.send_close(code)
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._close_within(CLOSE_SECONDS)

    def abort(self) -> None:
        """Drop the connection with what is unsent: for readers that stopped."""
        self.transport.abort()
