"""daphne's request, with the limits and the back-pressure that it lacks. Its connection: `daphne_channel.py`.

Relies on, and a test holds each: `WebRequest.gotLength, handleContentChunk, requestReceived, process,
handle_reply, basic_error, finish, connectionLost`; `HTTPChannel._send100Continue, _transferDecoder`.
"""
# mypy: disable-error-code="no-untyped-call"

import asyncio
import logging
from io import BytesIO
from typing import Any

from twisted.web.http import NO_BODY_CODES
from twisted.web.http_headers import Headers

from gateway.servers import heads, limits
from gateway.servers.options import Message, Receive
from gateway.servers.reactor import WebRequest

logger = logging.getLogger(__name__)


class Withheld(BytesIO):
    """A body that is not there yet: daphne, which finds it closed, gives the application nothing."""

    closed = True


class GatewayRequest(WebRequest):
    """One exchange. The body is in memory, bounded and counted; `send` waits while `gate` is there.

    The application is called when the body is whole. For a caller whom nobody knows, or who waits to be asked for the
    body, it is called at the head (`is_early`): it may refuse without the body.
    """

    channel: Any
    transport: Any
    content: Any = None
    gate: asyncio.Event | None = None
    is_refused = False
    is_early = False
    is_whole = False
    is_invited = True  # False: the client waits for "100 Continue"
    held_bytes = 0
    body_bytes = 0
    share: limits.Share | None = None

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
        try:
            self._check_head()
        except heads.BadHead as bad:
            self.refuse(limits.error_answer(400, str(bad)))
            return
        answer = self.server.budget.refusal(0, length or 0)
        if answer is not None:
            self.refuse(answer)
        elif length != 0 and self._expects():
            self.is_invited = False
            self._open_share()
            self._start_early()

    def _check_head(self) -> None:
        """Check the head, else raise BadHead. A target that names a host is a path from here on, its host the one."""
        headers, channel = self.requestHeaders, self.channel
        heads.check_hosts(headers.getRawHeaders(b"host", []), channel._version[5:].decode())
        if (channel.length or 0) >= 10**heads.LONGEST_LENGTH:
            raise heads.BadHead(limits.MALFORMED)
        if not heads.ORIGIN_FORM.fullmatch(channel._path):
            target = heads.read_target(channel._command, channel._path)
            channel._path = target.path
            if target.host is not None:
                headers.setRawHeaders(b"host", [target.host])
        if channel.length is None and channel._version != b"HTTP/1.1":
            raise heads.BadHead("Transfer-Encoding needs HTTP/1.1")
        if headers.hasHeader(b"upgrade"):
            self._check_upgrade()

    def _check_upgrade(self) -> None:
        """daphne takes any request for a handshake that has the one header."""
        headers, pairs = self.requestHeaders, self._all_headers()
        is_asked = heads.wants_websocket(self.channel._command, pairs)
        has_body = self.channel.length != 0 or self.channel._version != b"HTTP/1.1"
        if not is_asked or has_body:
            headers.removeHeader(b"upgrade")
            return
        heads.check_handshake(pairs)
        headers.setRawHeaders(b"upgrade", [b"websocket"])

    def _all_headers(self) -> list[tuple[bytes, bytes]]:
        pairs = self.requestHeaders.getAllRawHeaders()
        return [(name.lower(), value) for name, values in pairs for value in values]

    def _expects(self) -> bool:
        values = self.requestHeaders.getRawHeaders(b"expect", [])
        return bool(values) and b"100-continue" in heads.tokens(values) and self.channel._version[-1:] == b"1"

    def await_body(self) -> None:
        """There is more of this body to come: it has to come in time, and a large one is somebody's from the start."""
        if self.is_refused or self.is_whole:
            return
        decoder = self.channel._transferDecoder if self.channel.length is None else None
        chunk = getattr(decoder, "length", None) or 0
        most = self.server.budget.max_body_bytes
        if chunk > most:  # it would never end
            self.refuse(limits.error_answer(413, limits.too_large(most)))
            return
        self.server.pace.begin(self)
        if (self.channel.length or 0) > limits.SMALL_BODY_BYTES or self.body_bytes > limits.SMALL_BODY_BYTES:
            self.answer_for()

    def _open_share(self) -> None:
        peer = getattr(self.client, "host", "")
        head = heads.Head(self.channel._command.decode("ascii"), self._all_headers(), peer)
        self.share = self.server.budget.share(head)
        if self.share is not None:
            self.server.budget.assign(self.held_bytes, self.share)

    def _start_early(self) -> None:
        channel, body = self.channel, self.content
        self.is_early, self.content = True, Withheld()
        self._begin(channel._command, channel._path, channel._version)
        if not self.finished:
            self.content = body
        self.requestHeaders.removeHeader(b"expect")  # or Twisted says "100 Continue" by itself

    def receiver(self, receive: Receive) -> Receive:
        """Return the application's `receive`, which first asks the client for the body."""
        if self.is_invited:
            return receive

        async def inviting() -> Message:
            if not self.is_invited and not self.is_whole and self.channel is not None:
                self.channel._send100Continue()
            self.is_invited = True
            return await receive()

        return inviting

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        if self.is_refused or self.finished:
            return
        answer = self.server.budget.refusal(self.body_bytes, len(data), self.share)
        if answer is not None:
            self.refuse(answer)
            return
        self.body_bytes += len(data)
        self.held_bytes += len(data)
        self.server.budget.take(len(data), self.share)
        self.content.write(data)

    def refuse(self, answer: bytes) -> None:
        """Answer now; then drop a little of what is still sent, for clients that send before they read."""
        self.is_refused, self.content = True, BytesIO()
        self._release()
        self.requestHeaders.removeHeader(b"expect")
        if self.is_early:
            if self.startedWriting:
                answer = b""  # what it has begun ends here
            self.send_disconnect()
            self.server.protocol_disconnected(self)
        self.channel.write(answer)
        self.channel.linger()

    def _release(self) -> None:
        self.server.pace.end(self)
        self.server.budget.give_back(self.held_bytes, self.share)
        self.held_bytes, self.share = 0, None

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        self.is_whole = True
        self.server.pace.end(self)
        if self.is_refused:
            return
        if self.is_early:
            body, self.content = self.content.getvalue(), BytesIO()
            if self.application_queue is not None:
                self.application_queue.put_nowait({"type": "http.request", "body": body, "more_body": False})
            return
        self._begin(command, path, version)

    def _begin(self, command: bytes, path: bytes, version: bytes) -> None:
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

    # A body that comes in: what `Pace` asks.
    def answer_for(self) -> None:
        if self.share is not None or self.is_early:
            return
        self._open_share()
        if self.share is None:
            return
        answer = self.server.budget.refusal(0, 0, self.share)
        if answer is not None:
            self.refuse(answer)
        elif not self.share.is_known:
            self._start_early()

    def body_received(self) -> int:
        return self.body_bytes

    def is_read(self) -> bool:
        return not self.channel._waitingForTransport

    def refuse_slow_body(self) -> None:
        self.refuse(limits.error_answer(408, limits.SLOW_BODY))

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
        """Close the connection after an answer that says `connection: close`; while we drain, each says so."""
        said = self.responseHeaders.getRawHeaders(b"connection") or []
        is_last = self.server.drain.is_draining or (self.is_early and not self.is_whole)
        if is_last or any(b"close" in value.lower() for value in said):
            self.responseHeaders.setRawHeaders(b"connection", [b"close"])
            self.channel.persistent = 0

    def finish(self) -> None:
        if self._has_wrong_length():
            self.channel.persistent = 0
        if self.is_early and not self.is_whole:
            self.channel.is_rest_unread = True
        self.unregisterProducer()
        self._release()
        super().finish()

    def _has_wrong_length(self) -> bool:
        """Close after fewer or more bytes than announced: the next answer on this connection would be misread."""
        said = self.responseHeaders.getRawHeaders(b"content-length")
        if not said or self.method == b"HEAD" or self.code in NO_BODY_CODES:
            return False
        return bool(said[0] != b"%d" % self.sentLength)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._release()
        super().connectionLost(reason)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Answer daphne's own refusals (bad header names, non-ASCII paths) in our shape."""
        self._answer_error(status, body)

    def end(self, failure: BaseException | None) -> None:
        """End an exchange that the application is done with: answer for it, or cut, unless it has finished."""
        if self.finished or self.channel is None or self.is_refused:
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
