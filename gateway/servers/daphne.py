"""Run daphne as a streaming gateway needs it: `send` waits for the reader, bodies are bounded, an exception harms
only its own connection, a signal drains.

Relies on, and a test holds each: `Server.connections, http_factory, ws_factory, create_application,
handle_reply, protocol_disconnected, application_checker, timeout_checker`.
"""
# mypy: disable-error-code="no-untyped-call"

import asyncio
import logging
import socket
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from twisted.internet.defer import maybeDeferred
from twisted.logger import globalLogBeginner

from gateway.servers import limits
from gateway.servers.daphne_channel import DirectTransport, GatewayFactory
from gateway.servers.daphne_http import GatewayRequest
from gateway.servers.daphne_websocket import GatewayWebSocket
from gateway.servers.drain import Drain
from gateway.servers.lifecycle import Lifecycle
from gateway.servers.options import ASGIApp, Message, Receive, Scope, Send, ServeOptions
from gateway.servers.pace import SWEEP_SECONDS, Pace
from gateway.servers.reactor import Server, WebSocketFactory, loop, reactor
from gateway.servers.websockets import DENIAL, PING_SECONDS, PONG_SECONDS

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_SECONDS = 3600
"""daphne's own end for applications whose client has left. Ours watch for that themselves."""
CHECK_SECONDS = 10


def serve(application: ASGIApp, options: ServeOptions, sock: socket.socket) -> None:
    """Serve until a signal; returns after the drain. Once per process: the reactor does not start twice."""
    server = GatewayServer(application, options)
    lifecycle = Lifecycle(server, application, options)
    server.drain = lifecycle.drain
    globalLogBeginner.beginLoggingTo([cast(Any, log_failure)], redirectStandardIO=False, discardBuffer=True)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        reactor.startRunning(installSignalHandlers=False)
        runner.run(lifecycle.run(sock))


def log_failure(event: dict[str, Any]) -> None:
    """Log, of all that Twisted tells, only what nobody else catches."""
    failure = event.get("log_failure")
    if failure is not None:
        exc_info = (failure.type, failure.value, failure.getTracebackObject())
        logger.error("unhandled in twisted", exc_info=exc_info)


class GatewayServer(Server):
    """The `HttpServer` of the life cycle, on daphne's protocol code."""

    def __init__(self, application: ASGIApp, options: ServeOptions) -> None:
        super().__init__(
            application,
            endpoints=["adopted"],
            signal_handlers=False,
            request_buffer_size=options.max_body_bytes + 1,  # a body is one message
            application_close_timeout=CLOSE_TIMEOUT_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            server_name="",
        )
        self.budget = limits.BodyBudget(options.max_body_bytes, options.max_buffered_bytes)
        self.pace = Pace()
        self.idle_seconds = options.idle_seconds
        self.drain = Drain()
        self.state: dict[str, Any] = {}
        self.connections: dict[Any, dict[str, Any]] = {}
        self.http_factory: GatewayFactory = GatewayFactory(self)
        self.ws_factory = WebSocketFactory(self, server=self.server_name)
        self.ws_factory.protocol = GatewayWebSocket
        self.ws_factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=self.websocket_handshake_timeout,
            maxMessagePayloadSize=options.max_body_bytes,
            maxFramePayloadSize=options.max_body_bytes,
            failByDrop=False,  # it is told why
        )
        self.port: Any = None

    # The life cycle.

    async def listen(self, sock: socket.socket, state: dict[str, Any]) -> None:
        self.state = state
        self.budget.whose_body = state.get("whose_body")
        self.port = reactor.adoptStreamPort(sock.fileno(), sock.family, self.http_factory)
        self.port.transport = DirectTransport
        sock.close()  # the port has its own duplicate
        self.application_checker()
        self.timeout_checker()
        self.sweep_bodies()

    async def stop_listening(self) -> None:
        await maybeDeferred(self.port.stopListening).asFuture(asyncio.get_running_loop())
        for channel in self.http_factory.channels:
            channel.persistent = 0 if channel.requests else channel.persistent

    def close_idle(self) -> None:
        for channel in list(self.http_factory.channels):
            if channel.is_idle():
                channel.loseConnection()
        for protocol in list(self.connections):
            if isinstance(protocol, GatewayWebSocket):
                protocol.say_goodbye()

    def is_quiet(self) -> bool:
        return not self.http_factory.channels and not self.connections

    def exchanges(self) -> Sequence[asyncio.Task[None]]:
        tasks = (details.get("application_instance") for details in self.connections.values())
        return [task for task in tasks if task is not None]

    # One exchange.

    def create_application(self, protocol: Any, scope: Scope) -> asyncio.Queue[Message] | None:
        details = self.connections.get(protocol)
        if details is None:
            return None
        inbox: asyncio.Queue[Message] = asyncio.Queue()
        scope["asgi"] = {"version": "3.0", "spec_version": "2.3"}
        scope["state"] = {**self.state, "abort": protocol.abort}
        if isinstance(protocol, GatewayRequest):
            receive = protocol.receiver(inbox.get)
        else:
            receive = protocol.receiver(inbox)
            scope["extensions"] = {DENIAL: {}}
            scope["state"] |= {"activity": protocol.activity, "put": protocol.put}
        send = partial(self.handle_reply, protocol)
        details["application_instance"] = asyncio.get_running_loop().create_task(
            self.guard(protocol, scope, receive, send)
        )
        return inbox

    async def guard(self, protocol: Any, scope: Scope, receive: Receive, send: Send) -> None:
        """Run an exchange in its outermost frame: nothing escapes, nothing stays open."""
        failure: BaseException | None = None
        try:
            await self.application(scope, receive, send)
        except asyncio.CancelledError as exc:
            failure = exc
        except BaseException as exc:  # not even a SystemExit may stop the others
            failure = exc
            logger.error("exception in the application", exc_info=exc)
        finally:
            protocol.end(failure)
            details = self.connections.get(protocol, {})
            details.pop("application_instance", None)
            if "disconnected" in details:
                del self.connections[protocol]

    async def handle_reply(self, protocol: Any, message: Message) -> None:
        """Send for the application: write at once as far as the socket takes it, then wait."""
        details = self.connections.get(protocol)
        if details is None or "disconnected" in details:
            await asyncio.sleep(0)  # or a loop that only sends would starve everybody
            return
        if not isinstance(protocol, GatewayRequest):
            protocol.handle_reply(message)
            if protocol.gate is not None:
                await protocol.gate.wait()
            return
        self.check_headers_type(message)
        transport = protocol.channel.transport
        transport.is_corked = True
        try:
            protocol.handle_reply(message)
        finally:
            transport.uncork()
        if protocol.gate is not None:
            await protocol.gate.wait()

    def protocol_disconnected(self, protocol: Any) -> None:
        details = self.connections.get(protocol)
        if details is None:
            return
        details.setdefault("disconnected", time.time())
        if "application_instance" not in details:
            del self.connections[protocol]

    # Housekeeping.

    def application_checker(self) -> None:
        """End what runs on long after its client has left. Finished exchanges are never in the table."""
        latest = time.time() - self.application_close_timeout
        for details in list(self.connections.values()):
            if details.get("disconnected", latest) < latest:
                details["application_instance"].cancel()
        reactor.callLater(CHECK_SECONDS, self.application_checker)

    def timeout_checker(self) -> None:
        """Do websocket pings and time limits; one that fails must not end the others'."""
        for protocol in [each for each in self.connections if isinstance(each, GatewayWebSocket)]:
            try:
                protocol.check_timeouts()
            except Exception:
                logger.exception("websocket housekeeping")
        reactor.callLater(2, self.timeout_checker)

    def sweep_bodies(self) -> None:
        """Those that come too slowly go."""
        self.pace.sweep(loop.time())
        reactor.callLater(SWEEP_SECONDS, self.sweep_bodies)
