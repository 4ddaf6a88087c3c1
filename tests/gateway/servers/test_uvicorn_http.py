"""The hooks of uvicorn's protocol on which ours relies. The rest: test_limits.py, test_runner.py."""

import asyncio
import gc
import inspect
import socket
import weakref
from collections.abc import Iterator

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.servers.drain import Drain
from gateway.servers.options import ServeOptions
from gateway.servers.sockets import BACKLOG
from gateway.servers.uvicorn import UvicornServer

HOOKS = [
    "data_received",
    "send_400_response",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",
    "_start_asgi_task",
    "connection_lost",
    "_unset_keepalive_if_required",
]
FIELDS = [
    "body",
    "disconnected",
    "keep_alive",
    "response_started",
    "response_complete",
    "more_body",
    "message_event",
]


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_are_there(name: str) -> None:
    assert callable(getattr(HttpToolsProtocol, name))


def test_the_cycle_has_the_fields_that_we_use() -> None:
    source = inspect.getsource(RequestResponseCycle.__init__)
    for name in FIELDS:
        assert f"self.{name} = " in source


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def answers(scope, receive, send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 2, b"POST / HTTP/1.1\r\nhost: a\r\n"]
)
async def test_the_memory_of_a_connection_is_free_when_it_ends(sent: bytes) -> None:
    server = UvicornServer(answers, ServeOptions())
    sock = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    await server.listen(sock, {"drain": Drain()})
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(sent)
    await writer.drain()
    if sent.startswith(b"GET"):
        await reader.readuntil(b"ok")
        await reader.readuntil(b"ok")
    else:
        await asyncio.sleep(0)
    while not server.server_state.connections:
        await asyncio.sleep(0.001)
    connection = weakref.ref(next(iter(server.server_state.connections)))
    writer.close()
    async with asyncio.timeout(10):
        while not server.is_quiet():
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)  # callbacks that the loop still has to make
    assert connection() is None
    await server.stop_listening()
