"""uvicorn's httptools protocol with the limits in size and time that it lacks.

Relies on: `HttpToolsProtocol.data_received, send_400_response, on_headers_complete, on_body,
on_message_complete, on_response_complete, _start_asgi_task, connection_lost` and the fields of its
`RequestResponseCycle`, which asks of its transport no more than `Corked` has.
"""

import asyncio
import logging
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from gateway.servers import limits
from gateway.servers.corked import Corked
from gateway.servers.drain import Drain
from gateway.servers.options import ASGIApp

logger = logging.getLogger(__name__)

client_logger = logging.getLogger(f"{__name__}.client")
client_logger.setLevel(logging.ERROR)
"""In place of uvicorn's: a warning for each malformed request would let anybody fill the log."""

SMALL_PIECE_BYTES = 2048
"""Smaller ones are gathered: a body in chunks of a byte each must not cost an object for each."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class GatewayProtocol(HttpToolsProtocol):
    """One client connection."""

    def __init__(
        self,
        config: Any,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = client_logger
        self.app_state = {**app_state, "abort": self.abort}
        self.drain: Drain = app_state["drain"]
        self.budget: limits.BodyBudget = config.budget
        self.idle_seconds: float = config.idle_seconds
        self.is_refused = False
        self.is_inside_head = True
        self.head_bytes = 0
        self.body_bytes = 0
        self.held_bytes = 0
        self.pieces: list[bytes | bytearray] = []  # of the body that is coming in
        self.dropped_bytes = 0
        self.progress_at = self.loop.time()
        self.linger: asyncio.TimerHandle | None = None

    # Bytes come in.

    def data_received(self, data: bytes) -> None:
        if self.is_refused:
            self._drop(len(data))
            return
        if self.is_inside_head:
            if not self.head_bytes:
                self.progress_at = self.loop.time()
            self.head_bytes += len(data)
        else:
            self.progress_at = self.loop.time()
        super().data_received(data)
        if self.is_inside_head and self.head_bytes > limits.HEAD_BYTES:
            self.refuse(limits.error_answer(400, "Request headers are too large"))

    def on_headers_complete(self) -> None:
        answer = self._head_refusal()
        if answer is not None:
            self.refuse(answer)
            return
        self.is_inside_head = False
        self.body_bytes = 0
        self.pieces = []
        super().on_headers_complete()
        self.headers = list(self.headers)  # trailers are appended to this one, not to the scope's

    def _head_refusal(self) -> bytes | None:
        length, hosts = 0, 0
        for name, value in self.headers:
            if name == b"content-length":
                length = int(value)
            elif name == b"host":
                hosts += 1
            elif name == b"transfer-encoding" and self._is_odd_coding(value):
                return limits.error_answer(400, "Transfer-Encoding must be chunked, with HTTP/1.1")
        if hosts > 1:
            return limits.error_answer(400, "More than one Host header")
        if self._is_head_too_large():
            return limits.error_answer(400, "Request headers are too large")
        return self.budget.refusal(0, length)

    def _is_odd_coding(self, value: bytes) -> bool:
        return value.strip().lower() != b"chunked" or self.parser.get_http_version() != "1.1"

    def _is_head_too_large(self) -> bool:
        if len(self.headers) > limits.HEADER_COUNT:
            return True
        if self.head_bytes <= limits.HEAD_BYTES:
            return False
        size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        return len(self.url) + size > limits.HEAD_BYTES

    def on_body(self, body: bytes) -> None:
        if self.is_refused:
            return
        answer = self.budget.refusal(self.body_bytes, len(body))
        if answer is not None:
            self.refuse(answer)
            return
        self.body_bytes += len(body)
        if self.is_busy():  # otherwise it is answered already, and the rest is dropped
            self.held_bytes += len(body)
            self.budget.held += len(body)
            self._keep(body)

    def _keep(self, body: bytes) -> None:
        """In place of uvicorn's `on_body`, which copies every byte twice more and wakes the application for each piece.
        The application gets the body whole; how much may come until then is the budget's business."""
        if len(body) >= SMALL_PIECE_BYTES:
            self.pieces.append(body)
        elif self.pieces and isinstance(last := self.pieces[-1], bytearray):
            last += body
        else:
            self.pieces.append(bytearray(body))

    def on_message_complete(self) -> None:
        self.is_inside_head = True
        self.head_bytes = 0
        if self.is_refused:
            return
        pieces, self.pieces = self.pieces, []
        if pieces and self.is_busy():
            self.cycle.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)  # type: ignore[assignment]
        super().on_message_complete()

    # Refusals.

    def refuse(self, answer: bytes) -> None:
        """Answer in the application's place; then drop a little of what is still sent, for clients that send
        before they read. An exchange that is not to blame, or has begun its answer, is the last instead."""
        self.is_refused = True
        if self.is_busy():
            if self.cycle.response_started or not self.cycle.more_body:
                self.cycle.keep_alive = False
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        elif not self.is_inside_head:
            answer = b""  # the rest of a body whose exchange is answered already
        self._unset_keepalive_if_required()
        self.transport.write(answer)
        self.transport.write_eof()
        self.flow.resume_reading()
        self.linger = self.loop.call_later(limits.LINGER_SECONDS, self.abort)

    def _drop(self, size: int) -> None:
        self.dropped_bytes += size
        if self.dropped_bytes > limits.LINGER_BYTES:
            self.abort()

    def send_400_response(self, msg: str) -> None:
        self.refuse(limits.error_answer(400, "Malformed HTTP request"))

    # The exchange.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self.drain.is_draining:
            cycle.keep_alive = False
        cycle.transport = Corked(self.transport, self.loop)  # type: ignore[assignment]
        task = self.loop.create_task(guard(cycle, app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        self._release()
        if not self.is_busy():
            self.pieces = []  # of a body that the application did not wait for
        self.progress_at = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.linger is not None:
            self.linger.cancel()
        self._release()
        self.pieces = []
        super().connection_lost(exc)
        # These lead back to us: without them our memory is free at once, not when the collector comes.
        self.cycle = self.scope = None  # type: ignore[assignment]
        self.app_state = {}
        self.pipeline.clear()

    def _release(self) -> None:
        self.budget.held -= self.held_bytes
        self.held_bytes = 0

    def abort(self) -> None:
        """Reset the connection, drop what is unsent: for readers that stopped."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and not self.transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()

    def is_busy(self) -> bool:
        """An exchange has begun and its answer is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def is_idle(self) -> bool:
        return not self.is_busy() and self.is_inside_head and not self.head_bytes

    def check_timeouts(self, now: float) -> None:
        """A head, or a first one, that does not come; a body that has stopped while we would read it."""
        if self.is_inside_head and self.is_busy():
            return
        waits_for_reader = not self.is_inside_head and self.flow.read_paused
        if now - self.progress_at > self.idle_seconds and not waits_for_reader:
            self.transport.close()


async def guard(cycle: RequestResponseCycle, app: ASGIApp) -> None:
    """The outermost frame of an exchange: nothing escapes, nothing stays open, errors have our shape."""
    failure: BaseException | None = None
    try:
        await app(cycle.scope, cycle.receive, cycle.send)  # type: ignore[arg-type]
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
