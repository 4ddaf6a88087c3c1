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

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from gateway.servers import heads, limits
from gateway.servers.corked import Corked
from gateway.servers.drain import Drain
from gateway.servers.pace import Pace
from gateway.servers.uvicorn_exchange import NO_TRAILERS, guard
from gateway.servers.uvicorn_websocket import Upgrading

logger = logging.getLogger(__name__)
client_logger = logging.getLogger(f"{__name__}.client")
client_logger.setLevel(logging.ERROR)
"""In place of uvicorn's: a warning for each malformed request would let anybody fill the log."""

SMALL_PIECE_BYTES = 2048
"""Smaller ones are gathered: a body in chunks of a byte each must not cost an object for each."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class GatewayProtocol(Upgrading):
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
        self.pace: Pace = config.pace
        self.idle_seconds: float = config.idle_seconds
        self.is_refused = False
        self.is_inside_head = True
        self.head_bytes = 0
        self.body_bytes = 0
        self.held_bytes = 0
        self.share: limits.Share | None = None  # of a body that is not whole with its first bytes
        self.pieces: list[bytes | bytearray] = []  # of the body that is coming in
        self.announced_bytes = 0
        self.bodiless_bytes = 0  # that came since the last bytes of a body: chunk extensions, trailers
        self.dropped_bytes = 0
        self.progress_at = self.loop.time()
        self.linger: asyncio.TimerHandle | None = None

    # Bytes come in.
    def data_received(self, data: bytes) -> None:
        if self.is_refused:
            self._drop(len(data))
            return
        if not self.is_inside_head:
            self._body_data_received(data)
            return
        if not self.head_bytes:
            self.progress_at = self.loop.time()
        self.head_bytes += len(data)
        super().data_received(data)
        if not self.is_inside_head:
            self._await_body()
        elif self.head_bytes > limits.HEAD_BYTES:
            self.refuse(limits.error_answer(400, "Request headers are too large"))

    def _body_data_received(self, data: bytes) -> None:
        self.progress_at = self.loop.time()
        before = self.body_bytes
        super().data_received(data)
        if self.is_inside_head:
            return
        self.bodiless_bytes = self.bodiless_bytes + len(data) if self.body_bytes == before else 0
        if self.bodiless_bytes > limits.HEAD_BYTES:
            self.refuse(limits.error_answer(400, limits.MALFORMED))
        else:
            self._await_body()

    def _await_body(self) -> None:
        """There is more of this body to come: it has to come in time, and a large one is somebody's from the start."""
        if self.is_refused:
            return
        self.pace.begin(self)
        if self.announced_bytes > limits.SMALL_BODY_BYTES or self.body_bytes > limits.SMALL_BODY_BYTES:
            self.answer_for()

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        try:
            answer = self._head_refusal(version)
        except heads.BadHead as bad:
            answer = limits.error_answer(400, str(bad))
        if answer is not None:
            self.refuse(answer)
            return
        self.is_inside_head = False
        self.body_bytes = self.bodiless_bytes = 0
        self.pieces = []
        if version == "1.0":
            self.expect_100_continue = False
        super().on_headers_complete()
        self.headers = NO_TRAILERS

    def _head_refusal(self, version: str) -> bytes | None:
        """Return the refusal of a head that is too large or ambiguous. Raises BadHead."""
        length, hosts, self.announced_bytes = 0, [], 0
        for name, value in self.headers:
            if name == b"content-length":
                if len(value) > heads.LONGEST_LENGTH:
                    raise heads.BadHead(limits.MALFORMED)
                length = int(value)
            elif name == b"host":
                hosts.append(value)
            elif name == b"transfer-encoding" and self._is_odd_coding(value):
                raise heads.BadHead("Transfer-Encoding must be chunked, with HTTP/1.1")
        if version not in ("1.1", "1.0"):
            raise heads.BadHead(heads.BAD_VERSION)
        heads.check_hosts(hosts, version)
        if limits.is_head_too_large(self.url, self.headers, self.head_bytes):
            raise heads.BadHead("Request headers are too large")
        self.announced_bytes = length
        self._check_target()
        return self.budget.refusal(0, length)

    def _check_target(self) -> None:
        """Check the head, else raise BadHead. A target that names a host is a path from here on, its host the one."""
        if not heads.ORIGIN_FORM.fullmatch(self.url):
            target = heads.read_target(self.parser.get_method(), self.url)
            self.url = target.path
            if target.host is not None:
                self.headers[:] = heads.with_host(self.headers, target.host)
        if self.parser.should_upgrade() and self._get_upgrade() == b"websocket":
            heads.check_handshake(self.headers)

    def _is_odd_coding(self, value: bytes) -> bool:
        return value.strip().lower() != b"chunked" or self.parser.get_http_version() != "1.1"

    def on_body(self, body: bytes) -> None:
        if self.is_refused:
            return
        answer = self.budget.refusal(self.body_bytes, len(body), self.share)
        if answer is not None:
            self.refuse(answer)
            return
        self.body_bytes += len(body)
        if self.is_busy():  # otherwise it is answered already, and the rest is dropped
            self.held_bytes += len(body)
            self.budget.take(len(body), self.share)
            self._keep(body)

    def _keep(self, body: bytes) -> None:
        """Keep a piece of a body.

        In place of uvicorn's `on_body`, which copies every byte twice more and wakes the application for each piece.
        The application gets the body whole; how much may come until then is the budget's business.
        """
        if len(body) >= SMALL_PIECE_BYTES:
            self.pieces.append(body)
        elif self.pieces and isinstance(last := self.pieces[-1], bytearray):
            last += body
        else:
            self.pieces.append(bytearray(body))

    def on_message_complete(self) -> None:
        self.is_inside_head = True
        self.head_bytes = 0
        self.pace.end(self)
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
        if self.is_refused:
            return
        self.is_refused = True
        self.pace.end(self)
        if self.is_busy():
            if self.cycle.response_started or not self.cycle.more_body:
                self.cycle.keep_alive = False
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.pieces = []
            self._release()
        elif not self.is_inside_head:
            answer = b""  # the rest of a body whose exchange is answered already
        self._unset_keepalive_if_required()
        self.transport.write(answer)
        self.transport.write_eof()
        self.flow.resume_reading()
        self.linger = self.loop.call_later(limits.LINGER_SECONDS, self.abort)

    def _drop(self, size: int) -> None:
        self.dropped_bytes += size
        if self.dropped_bytes > limits.linger_bytes(self.announced_bytes, self.budget.max_body_bytes):
            self.abort()

    def send_400_response(self, msg: str) -> None:
        self.refuse(limits.error_answer(400, limits.MALFORMED))

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
        self.pace.end(self)
        self._release()
        self.pieces = []
        super().connection_lost(exc)
        # These lead back to us: without them our memory is free at once, not when the collector comes.
        self.cycle = self.scope = None  # type: ignore[assignment]
        self.app_state = {}
        self.pipeline.clear()

    def _release(self) -> None:
        self.budget.give_back(self.held_bytes, self.share)
        self.held_bytes, self.share = 0, None

    def abort(self) -> None:
        """Reset the connection, drop what is unsent: for readers that stopped."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and not self.transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()

    def is_busy(self) -> bool:
        """Tell whether an exchange has begun and its answer is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def is_idle(self) -> bool:
        return not self.is_busy() and self.is_inside_head and not self.head_bytes

    def check_timeouts(self, now: float) -> None:
        """Close when a head, or a first one, does not come, or a body has stopped while we would read it."""
        if self.is_inside_head and self.is_busy():
            return
        waited = now - self.progress_at
        if self.is_inside_head and self.head_bytes and waited > min(self.idle_seconds, limits.HEAD_SECONDS):
            self.refuse(limits.error_answer(408, limits.SLOW_HEAD))
        elif waited > self.idle_seconds and self.is_read():
            self.transport.close()

    # A body that comes in: what `Pace` asks.
    def answer_for(self) -> None:
        if self.share is not None or not self.is_busy():
            return
        peer = self.client[0] if self.client else ""
        self.share = self.budget.share(heads.Head(self.scope["method"], self.scope["headers"], peer))
        if self.share is not None:
            self.budget.assign(self.held_bytes, self.share)
            if (answer := self.budget.refusal(0, 0, self.share)) is not None:
                self.refuse(answer)

    def body_received(self) -> int:
        return self.body_bytes

    def is_read(self) -> bool:
        return self.is_inside_head or not self.flow.read_paused

    def refuse_slow_body(self) -> None:
        self.refuse(limits.error_answer(408, limits.SLOW_BODY))
