"""daphne's connections: the channel that reads requests off one, and the transport that writes at once.

Relies on, and a test holds each: `HTTPChannel.checkPersistence, timeoutConnection, lineLengthExceeded,
_respondToBadRequestAndDisconnect`; `Port.transport`;
`FileDescriptor.startWriting, doWrite, writeSomeData`.
"""
# mypy: disable-error-code="no-untyped-call"

from typing import Any, cast

from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Server as TcpServer
from twisted.web.http import HTTPChannel

from gateway.servers import heads, limits
from gateway.servers.daphne_http import GatewayRequest
from gateway.servers.reactor import HTTPFactory, reactor


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

    def write_past(self, data: bytes) -> None:
        """Write past the buffers where nothing waits in them; what the socket does not take goes the usual way."""
        if self.connected and not (self._tempDataLen or self.dataBuffer or self.disconnecting):
            sent = self.writeSomeData(data)
            if isinstance(sent, int) and sent >= 0:  # else its usual way tells what has become of it
                data = data[sent:]
        if data:
            self.write(data)


class GatewayChannel(HTTPChannel):
    """One client connection."""

    transport: Any
    MAX_LENGTH = limits.HEAD_BYTES
    totalHeadersSize = limits.HEAD_BYTES  # noqa: N815
    maxHeaders = limits.HEADER_COUNT  # noqa: N815
    requestFactory = GatewayRequest  # noqa: N815

    is_rest_unread = False
    _dropped_bytes = 0
    _lingering: Any = None
    _head_timer: Any = None

    def connectionMade(self) -> None:  # noqa: N802
        self.factory.channels.add(self)
        super().connectionMade()

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802
        self.forget()
        self._stop_head_timer()
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        super().connectionLost(reason)

    def forget(self) -> None:
        self.factory.channels.discard(self)

    def is_idle(self) -> bool:
        return not self.requests and not self._buffer

    def is_inside_head(self) -> bool:
        return bool(self.line_mode and (self._buffer or self._receivedHeaderSize))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        try:
            super().dataReceived(data)
        except ValueError:  # a length of more digits than Python reads
            self._respondToBadRequestAndDisconnect()
            return
        if self.is_inside_head():
            self._await_head()
            return
        if self._head_timer is not None:
            self._stop_head_timer()
        if not self.line_mode and self.requests and not self._handlingRequest:
            self.requests[-1].await_body()

    def _await_head(self) -> None:
        if b"\n" in self._buffer:  # a line that does not end as lines do
            self._respondToBadRequestAndDisconnect()
        elif self._head_timer is None:
            seconds = min(self.factory.timeOut, limits.HEAD_SECONDS)
            self._head_timer = reactor.callLater(seconds, self.timeoutConnection)

    def _stop_head_timer(self) -> None:
        timer, self._head_timer = self._head_timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def linger(self) -> None:
        """All is said: read and drop a little of what is still sent, or the answer is lost with the connection."""
        if self._lingering is not None:
            return
        self.setTimeout(None)
        self.dataReceived = self._drop  # type: ignore[method-assign]
        self.lineReceived = self.rawDataReceived = ignore  # type: ignore[method-assign, assignment]
        cast(Any, self._networkProducer).resumeProducing()
        self.transport.loseWriteConnection()
        self._lingering = reactor.callLater(limits.LINGER_SECONDS, self.transport.abortConnection)

    def _drop(self, data: bytes) -> None:
        self._dropped_bytes += len(data)
        if self._dropped_bytes > limits.linger_bytes(self.length, self.factory.server.budget.max_body_bytes):
            self.transport.abortConnection()

    def loseConnection(self) -> None:  # noqa: N802
        if self.is_rest_unread:
            self.linger()
        elif self._lingering is None:
            super().loseConnection()

    def timeoutConnection(self) -> None:  # noqa: N802
        if self.is_inside_head():
            self._refuse(408, limits.SLOW_HEAD)
        else:
            super().timeoutConnection()

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802
        """Twisted looks at the first Connection header alone, and not between its commas."""
        said = request.requestHeaders.getRawHeaders(b"connection", [])
        may_say_so = any(b"close" in value.lower() for value in said)
        is_last = version != b"HTTP/1.1" or (may_say_so and b"close" in heads.tokens(said))
        if is_last:
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        return not is_last and not self.factory.server.drain.is_draining

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        self._refuse(400, limits.MALFORMED)

    def _refuse(self, status: int, message: str) -> None:
        if self._lingering is None and not self.transport.disconnecting:
            self.transport.write(limits.error_answer(status, message))
            self.linger()


def ignore(_: bytes) -> None:
    """For what comes after the last word."""


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
