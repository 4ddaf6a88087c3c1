"""uvicorn's WebSockets: which requests become one, and the hooks on which we rely."""

from __future__ import annotations

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tests.gateway.servers import ws
from tests.gateway.servers.harness import Answer, ServerProcess, read_to_end

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE = b"Host: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + KEY


@pytest.fixture(scope="module")
def uvicorn(tmp_path_factory: pytest.TempPathFactory):
    with ServerProcess("uvicorn", tmp_path_factory.mktemp("uvicorn")) as process:
        yield process
        assert process.process.poll() is None


def test_hooks_are_there() -> None:
    for name in ("_get_upgrade", "handle_websocket_upgrade"):
        assert hasattr(HttpToolsProtocol, name)
    for name in (
        "data_received", "handle_events", "handle_parser_exception", "send_receive_event_to_app", "run_asgi",
        "connection_lost", "send", "stop_keepalive",
    ):  # fmt: skip
        assert hasattr(WebSocketsSansIOProtocol, name)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /hello HTTP/1.0\r\n" + UPGRADE + b"\r\n",
        b"GET /hello HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 2\r\n\r\n{}",
        b"GET /hello HTTP/1.1\r\n" + UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_with_a_body_or_an_old_version_it_stays_http(uvicorn: ServerProcess, request_: bytes) -> None:
    with uvicorn.connect() as sock:
        sock.sendall(request_.replace(b"Connection: Upgrade", b"Connection: Upgrade, close"))
        assert Answer(read_to_end(sock)).status == 200


def test_connections_leave_nothing_behind(uvicorn: ServerProcess) -> None:
    for _ in range(5):
        sock, _ = ws.handshake(uvicorn, "/ws")
        sock.close()
    uvicorn.eventually("/memory", lambda memory: memory["tasks"] <= 3)


def test_a_text_that_is_no_utf_8_writes_no_traceback(uvicorn: ServerProcess) -> None:
    sock, _ = ws.handshake(uvicorn, "/ws")
    with sock:
        ws.send_text(sock, b"\xff")
        assert ws.close_code(ws.read_frame(sock)) == 1007
    assert "Traceback" not in uvicorn.log
