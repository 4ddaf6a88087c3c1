"""uvicorn's protocol code (httptools, uvloop) under our life cycle, without its signals and logs.

uvicorn falls back to h11 silently when httptools is missing: slower, and open to smuggled requests. Not here.
"""

import asyncio
import importlib.util
import socket
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.servers import limits
from gateway.servers.errors import NotOfferedError
from gateway.servers.lifecycle import Lifecycle
from gateway.servers.options import ASGIApp, ServeOptions
from gateway.servers.pace import SWEEP_SECONDS, Pace
from gateway.servers.sockets import BACKLOG

for library in ("httptools", "uvloop"):
    if importlib.util.find_spec(library) is None:
        raise NotOfferedError(f"the uvicorn server needs the {library} package")

import uvloop  # noqa: E402 - after the check, whose text says more

from gateway.servers.uvicorn_http import GatewayProtocol  # noqa: E402
from gateway.servers.uvicorn_websocket import GatewayWebSocket  # noqa: E402
from gateway.servers.websockets import PING_SECONDS, PONG_SECONDS  # noqa: E402

CHECK_SECONDS = 5.0


def serve(application: ASGIApp, options: ServeOptions, sock: socket.socket) -> None:
    """Serve until a signal; returns after the drain."""
    lifecycle = Lifecycle(UvicornServer(application, options), application, options)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(lifecycle.run(sock))


class GatewayConfig(Config):
    """Return uvicorn's configuration, everything off that we do ourselves."""

    def __init__(self, application: ASGIApp, options: ServeOptions) -> None:
        super().__init__(
            application,
            http=GatewayProtocol,
            ws=GatewayWebSocket,
            ws_max_size=options.max_body_bytes,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PONG_SECONDS,
            ws_per_message_deflate=False,  # a message would take more memory than its bytes count for
            lifespan="off",  # ours
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=cast(int, options.idle_seconds),  # goes to call_later
        )
        self.idle_seconds = options.idle_seconds
        self.budget = limits.BodyBudget(options.max_body_bytes, options.max_buffered_bytes)
        self.pace = Pace()


class UvicornServer:
    """The `HttpServer` of the life cycle, on uvicorn's protocol code."""

    def __init__(self, application: ASGIApp, options: ServeOptions) -> None:
        self.config = GatewayConfig(application, options)
        self.server_state = ServerState()
        self.listener: asyncio.Server | None = None

    async def listen(self, sock: socket.socket, state: dict[str, Any]) -> None:
        self.config.load()
        self.config.budget.whose_body = state.get("whose_body")
        make = partial(GatewayProtocol, self.config, self.server_state, state)
        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(make, sock=sock, backlog=BACKLOG)
        self.check_timeouts()
        self.sweep_bodies()

    async def stop_listening(self) -> None:
        assert self.listener is not None
        self.listener.close()
        for connection in self._http():
            if connection.is_busy():
                connection.cycle.keep_alive = False

    def close_idle(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, GatewayProtocol):
                if connection.is_idle():
                    connection.transport.close()
            elif isinstance(connection, GatewayWebSocket):
                connection.say_goodbye()

    def is_quiet(self) -> bool:
        return not self.server_state.connections and not self.server_state.tasks

    def exchanges(self) -> Sequence[asyncio.Task[None]]:
        return list(self.server_state.tasks)

    def check_timeouts(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in self._http():
            connection.check_timeouts(loop.time())
        loop.call_later(min(CHECK_SECONDS, self.config.idle_seconds / 4), self.check_timeouts)

    def sweep_bodies(self) -> None:
        loop = asyncio.get_running_loop()
        self.config.pace.sweep(loop.time())
        loop.call_later(SWEEP_SECONDS, self.sweep_bodies)

    def _http(self) -> list[GatewayProtocol]:
        return [each for each in self.server_state.connections if isinstance(each, GatewayProtocol)]
