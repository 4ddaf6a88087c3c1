"""daphne's request, channel and transport, with the limits and the back-pressure that it lacks.

Relies on, and a test holds each: `WebRequest.gotLength, handleContentChunk, requestReceived, process,
handle_reply, basic_error, finish, connectionLost`; `HTTPChannel.checkPersistence, resetTimeout,
lineLengthExceeded, _respondToBadRequestAndDisconnect`; `Port.transport`;
`FileDescriptor.startWriting, doWrite`.
"""
# mypy: disable-error-code="no-untyped-call"

import asyncio
import logging
from io import BytesIO
from typing import Any

from autobahn.websocket.types import ConnectionDeny
from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Server as TcpServer
from twisted.web.http import NO_BODY_CODES, HTTPChannel
from twisted.web.http_headers import Headers

from gateway.servers import limits
from gateway.servers.options import Message
from gateway.servers.reactor import HTTPFactory, WebRequest, WebSocketProtocol, reactor

logger = logging.getLogger(__name__)


class DirectTransport(TcpServer):
    """Writes at once what a message brought, with no turn of the event loop; the rest goes the usual way."""

    is_corked = False

    def startWriting(self) -> None:  # noqa: N802
        if not self.is_corked:
            super().startWriting()

    def uncork(self) -> None:
        self.is_corked = False
        if not self.connected:
            return
        has_more = bool(
            self._tempDataLen or self.dataBuffer or self.disconnecting or self._writeDisconnecting
        )
        if has_more and (self.doWrite() is not None or self._tempDataLen or self.dataBuffer):
            super().startWriting()


class GatewayRequest(WebRequest):
    """One exchange. The body is in memory, bounded and counted; `send` waits while `gate` is there."""

    channel: Any
    transport: Any
    content: Any = None
    gate: asyncio.Event | None = None
    is_refused = False
    held_bytes = 0
    dropped_bytes = 0
    linger: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._parsePOSTFormSubmission = False

    # The transport's buffer is full, has emptied, or is gone.

    def pauseProducing(self) -> None:  # noqa: N802
        self.gate = self.gate or asyncio.Event()

    def resumeProducing(self) -> None:  # noqa: N802
        gate, self.gate = self.gate, None
        if gate is not None:
            gate.set()

    stopProducing = resumeProducing  # noqa: N815

    # The body comes in.

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        self.content = BytesIO()
        answer = self._bad_head() or self.server.budget.refusal(0, length or 0)
        if answer is not None:
            self._refuse(answer)

    def _bad_head(self) -> bytes | None:
        headers = self.requestHeaders
        if len(headers.getRawHeaders(b"host", ())) > 1:
            return limits.error_answer(400, "More than one Host header")
        if headers.hasHeader(b"transfer-encoding") and self.channel._version != b"HTTP/1.1":
            return limits.error_answer(400, "Transfer-Encoding needs HTTP/1.1")
        return None

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        if self.is_refused:
            self._drop(len(data))
            return
        answer = self.server.budget.refusal(self.held_bytes, len(data))
        if answer is not None:
            self._refuse(answer)
            return
        self.held_bytes += len(data)
        self.server.budget.held += len(data)
        self.content.write(data)

    def _refuse(self, answer: bytes) -> None:
        """Answer now; then drop a little of what is still sent, for clients that send before they read."""
        self.is_refused = True
        self._release()
        self.content = BytesIO()
        self.requestHeaders.removeHeader(b"expect")
        self.channel.write(answer)
        self.channel.transport.loseWriteConnection()
        self.linger = reactor.callLater(limits.LINGER_SECONDS, self.channel.transport.abortConnection)

    def _drop(self, size: int) -> None:
        self.dropped_bytes += size
        if self.dropped_bytes > limits.LINGER_BYTES:
            self.channel.transport.abortConnection()

    def _release(self) -> None:
        self.server.budget.held -= self.held_bytes
        self.held_bytes = 0

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        if self.is_refused:
            self.channel.loseConnection()
            return
        self.requestHeaders.removeHeader(b"daphne-root-path")  # daphne believes anybody's
        super().requestReceived(command, path, version)

    def process(self) -> Any:
        channel = self.channel
        processed = super().process()
        if self.transport is None:  # handed over to a websocket
            channel.forget()
        elif not self.finished:
            self.content = BytesIO()  # the application has the bytes now
        return processed

    # The answer goes out.

    def handle_reply(self, message: Message) -> None:
        is_start = message["type"] == "http.response.start"
        is_open = not self.finished and self.channel is not None
        if is_start and is_open and self.producer is None:
            self.registerProducer(self, True)
        super().handle_reply(message)
        if is_start and is_open:
            self._settle_persistence()

    def _settle_persistence(self) -> None:
        """An answer that says `connection: close` closes; while we drain, each says so."""
        said = self.responseHeaders.getRawHeaders(b"connection") or []
        if self.server.drain.is_draining or any(b"close" in value.lower() for value in said):
            self.responseHeaders.setRawHeaders(b"connection", [b"close"])
            self.channel.persistent = 0

    def finish(self) -> None:
        if self._has_wrong_length():
            self.channel.persistent = 0
        self.unregisterProducer()
        self._release()
        super().finish()

    def _has_wrong_length(self) -> bool:
        """Fewer or more bytes than announced: the next answer on this connection would be misread."""
        said = self.responseHeaders.getRawHeaders(b"content-length")
        if not said or self.method == b"HEAD" or self.code in NO_BODY_CODES:
            return False
        return bool(said[0] != b"%d" % self.sentLength)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        if self.linger is not None and self.linger.active():
            self.linger.cancel()
        self._release()
        super().connectionLost(reason)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """daphne's own refusals (bad header names, non-ASCII paths), in our shape."""
        self._answer_error(status, body)

    def end(self, failure: BaseException | None) -> None:
        """The application is done with this exchange: answer for it, or cut, unless it has finished."""
        if self.finished or self.channel is None:
            return
        if failure is None:
            logger.error("the application returned without finishing its answer")
        if self.startedWriting:
            self.unregisterProducer()
            self.channel.loseConnection()
        elif isinstance(failure, asyncio.CancelledError):
            self._answer_error(503, limits.SHUTTING_DOWN)
        else:
            self._answer_error(500, limits.INTERNAL)

    def _answer_error(self, status: int, message: str) -> None:
        body = limits.error_body(status, message)
        self._response_started = False  # headers of an answer that never began are dropped
        self.responseHeaders = Headers()
        headers = limits.error_headers(status, body)
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": body})

    def abort(self) -> None:
        """Reset the connection, drop what is unsent: for readers that stopped."""
        if self.channel is not None and not self.finished:
            self.channel.transport.abortConnection()


class GatewayChannel(HTTPChannel):
    """One client connection."""

    transport: Any
    MAX_LENGTH = limits.HEAD_BYTES
    totalHeadersSize = limits.HEAD_BYTES  # noqa: N815
    maxHeaders = limits.HEADER_COUNT  # noqa: N815
    requestFactory = GatewayRequest  # noqa: N815

    def connectionMade(self) -> None:  # noqa: N802
        self.factory.channels.add(self)
        super().connectionMade()

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802
        self.forget()
        super().connectionLost(reason)

    def forget(self) -> None:
        self.factory.channels.discard(self)

    def is_idle(self) -> bool:
        return not self.requests and not self._buffer

    def resetTimeout(self) -> None:  # noqa: N802
        """Not by every byte of a head: a head has to be complete in time."""
        is_inside_head = self.line_mode and (self._buffer or self._receivedHeaderSize)
        if not is_inside_head:
            super().resetTimeout()

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802
        return super().checkPersistence(request, version) and not self.factory.server.drain.is_draining

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        self.transport.write(limits.error_answer(400, "Malformed HTTP request"))
        self.loseConnection()


class GatewayFactory(HTTPFactory):
    """Makes channels and knows the open ones."""

    protocol: Any = GatewayChannel

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.timeOut = server.idle_seconds
        self.channels: set[GatewayChannel] = set()

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = GatewayRequest
        return protocol

    def log(self, request: Any) -> None:
        """Twisted's access log line costs 8 % of a small exchange; the gateway has its own."""


class GatewayWebSocket(WebSocketProtocol):
    """A websocket whose application may end in any way."""

    transport: Any

    def end(self, failure: BaseException | None) -> None:
        """The application is done: refuse a handshake that it left open, close a socket that it left open."""
        is_going = isinstance(failure, asyncio.CancelledError)
        if hasattr(self, "handshake_deferred"):
            handshake = self.handshake_deferred
            del self.handshake_deferred
            handshake.errback(ConnectionDeny(code=503 if is_going else 500, reason="Unavailable"))
        elif self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=1012 if is_going else 1000 if failure is None else 1011)

    def say_goodbye(self) -> None:
        """1012: the service restarts."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=1012)

    def abort(self) -> None:
        self.transport.abortConnection()
