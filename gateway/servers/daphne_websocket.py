"""daphne's websocket, which refuses in our shape, waits for its reader and survives its application.

Relies on: `WebSocketProtocol.handshake_deferred, handle_reply, sendHttpErrorResponse, sendCloseFrame, onOpen,
onMessage, onClose, dataReceived, onFrameBegin, failedByMe`; that autobahn leaves the transport's producer to us.
"""
# mypy: disable-error-code="no-untyped-call"

import asyncio
from typing import Any

from autobahn.websocket.types import ConnectionDeny

from gateway.servers import limits
from gateway.servers.options import Message, Receive
from gateway.servers.reactor import WebSocketProtocol
from gateway.servers.websockets import (
    BUSY,
    DENIAL,
    DONE,
    FLOOD,
    GOING,
    MOST_FRAMES,
    SLICE_BYTES,
    Activity,
    closing_code,
    denial,
    text_frame,
)


class GatewayWebSocket(WebSocketProtocol):
    """A websocket whose application may end in any way. `send` waits while `gate` is there."""

    transport: Any
    denial: Message | None = None
    denial_body = b""
    gate: asyncio.Event | None = None
    held_bytes = 0  # of a message that is coming in
    is_paused = False
    frames = 0  # of what the last look at the socket has brought

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.activity = Activity()

    # Messages come in.
    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self.state == self.STATE_OPEN:
            budget = self.server.budget
            if budget.held + len(data) > budget.max_buffered_bytes:
                self._release()
                self.sendCloseFrame(code=BUSY)
                return
            self.held_bytes += len(data)
            budget.take(len(data), None)
            self.frames = 0
            if len(data) > SLICE_BYTES:
                self._take_in_slices(data)
                return
        super().dataReceived(data)

    def _take_in_slices(self, data: bytes) -> None:
        """Hand over large data in slices: autobahn copies what is left with every frame."""
        for at in range(0, len(data), SLICE_BYTES):
            if not self.failedByMe:
                super().dataReceived(data[at : at + SLICE_BYTES])

    def onFrameBegin(self) -> None:  # noqa: N802
        self.frames += 1
        if self.frames > MOST_FRAMES and self.state == self.STATE_OPEN:
            self._release()
            self.failedByMe = True  # what still comes is dropped
            self.sendCloseFrame(code=FLOOD)
        super().onFrameBegin()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        self._release()
        super().onMessage(payload, isBinary)
        if not self.is_paused and self.state == self.STATE_OPEN:
            self.is_paused = True
            self.transport.pauseProducing()

    def receiver(self, inbox: asyncio.Queue[Message]) -> Receive:
        """Return the application's `receive`: what it has not taken keeps more from being read."""

        async def receive() -> Message:
            message = await inbox.get()
            if inbox.empty():
                self._resume()
            return message

        return receive

    def _resume(self) -> None:
        if self.is_paused:
            self.is_paused = False
            self.transport.resumeProducing()

    def _release(self) -> None:
        self.server.budget.give_back(self.held_bytes, None)
        self.held_bytes = 0

    def onOpen(self) -> None:  # noqa: N802
        self.transport.unregisterProducer()  # of the HTTP connection that it was
        self.transport.registerProducer(self, True)
        super().onOpen()

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803
        if hasattr(self, "server"):
            self._release()
            self.stopProducing()
            super().onClose(wasClean, code, reason)

    # The transport's buffer is full, has emptied, or is gone.
    def pauseProducing(self) -> None:  # noqa: N802
        self.gate = self.gate or asyncio.Event()

    def resumeProducing(self) -> None:  # noqa: N802
        gate, self.gate = self.gate, None
        if gate is not None:
            gate.set()

    stopProducing = resumeProducing  # noqa: N815

    # The application.
    def handle_reply(self, message: Message) -> None:
        if message["type"] == f"{DENIAL}.start":
            self.denial = message
        elif message["type"] == f"{DENIAL}.body":
            self.denial_body += message.get("body", b"")
            if not message.get("more_body", False):
                assert self.denial is not None
                self._deny(self.denial["status"])
        elif message["type"] == "websocket.close" and self.state == self.STATE_OPEN:
            self._close(message.get("code") or DONE)  # autobahn's own has codes that it does not send
        else:
            super().handle_reply(message)

    def put(self, text: bytes) -> bool:
        """Send what many get, without waiting; False when the reader has not taken what was sent before."""
        if self.state != self.STATE_OPEN or self.gate is not None:
            return False
        self.transport.write_past(text_frame(text))
        return True

    def _deny(self, status: int) -> None:
        handshake = self.handshake_deferred
        del self.handshake_deferred
        handshake.errback(ConnectionDeny(code=status, reason=limits.reason(status)))
        self.server.protocol_disconnected(self)

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:  # noqa: N802, N803
        """In place of a status line that quotes the request and ends without a length."""
        if self.denial is None:
            self.sendData(limits.error_answer(code, limits.reason(code)))
        else:
            self.sendData(denial(self.denial, self.denial_body))

    def end(self, failure: BaseException | None) -> None:
        """End it as the application is done: refuse a handshake or close a socket that it left open."""
        is_going = isinstance(failure, asyncio.CancelledError)
        if hasattr(self, "handshake_deferred"):
            handshake = self.handshake_deferred
            del self.handshake_deferred
            handshake.errback(ConnectionDeny(code=503 if is_going else 500, reason="Unavailable"))
        elif self.state == self.STATE_OPEN:
            self._close(closing_code(is_going, failure is not None))

    def say_goodbye(self) -> None:
        """Close with 1012, the service restarts, unless the application is in the middle of something."""
        if self.state == self.STATE_OPEN and not self.activity.is_busy:
            self._close(GOING)

    def _close(self, code: int) -> None:
        self._resume()
        self.sendCloseFrame(code=code)

    def abort(self) -> None:
        self.transport.abortConnection()
