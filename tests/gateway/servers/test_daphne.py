"""What only daphne can do, and that the hooks on which we rely are still where they were."""

import subprocess
import sys

import pytest

from tests.gateway.servers import ws
from tests.gateway.servers.harness import (
    ROOT,
    ServerProcess,
)

# Each name is overridden or read by us: (module, class, attributes).
HOOKS = [
    (
        "daphne.server",
        "Server",
        "create_application handle_reply protocol_connected protocol_disconnected application_checker"
        " timeout_checker check_headers_type log_action",
    ),
    (
        "daphne.http_protocol",
        "WebRequest",
        "gotLength handleContentChunk requestReceived process handle_reply basic_error finish connectionLost"
        " registerProducer unregisterProducer",
    ),
    ("daphne.http_protocol", "HTTPFactory", "buildProtocol log"),
    (
        "daphne.ws_protocol",
        "WebSocketProtocol",
        "sendCloseFrame sendHttpErrorResponse onOpen onMessage onClose dataReceived check_timeouts STATE_OPEN",
    ),
    (
        "twisted.web.http",
        "HTTPChannel",
        "connectionMade connectionLost checkPersistence resetTimeout lineLengthExceeded"
        " MAX_LENGTH totalHeadersSize maxHeaders line_mode _buffer"
        " _respondToBadRequestAndDisconnect _receivedHeaderSize",
    ),
    (
        "twisted.internet.tcp",
        "Server",
        "startWriting doWrite dataBuffer loseWriteConnection abortConnection disconnecting",
    ),
    ("twisted.internet.tcp", "Port", "transport stopListening"),
]


@pytest.mark.parametrize(
    ("module", "name", "attributes"), HOOKS, ids=[f"{hook[0]}.{hook[1]}" for hook in HOOKS]
)
def test_hooks_are_there(module: str, name: str, attributes: str) -> None:
    """In a process of its own: the import makes an event loop."""
    code = (
        "import importlib, gateway.servers.reactor\n"
        f"cls = getattr(importlib.import_module({module!r}), {name!r})\n"
        f"print([each for each in {attributes.split()!r} if not hasattr(cls, each)])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture(scope="module")
def daphne(tmp_path_factory: pytest.TempPathFactory):
    with ServerProcess("daphne", tmp_path_factory.mktemp("daphne")) as process:
        yield process
        assert process.process.poll() is None


def test_ruleskeeping_survives_exceptions(daphne: ServerProcess) -> None:
    """The stock server's checker dies of the first exception inside an answer."""
    for _ in range(3):
        daphne.get("/fail-after")
        daphne.get("/unfinished")
    assert daphne.get("/fail-before").status == 500
    assert "unhandled in twisted" not in daphne.log


def test_websockets_that_come_and_go_leave_nothing(daphne: ServerProcess) -> None:
    for _ in range(5):
        sock, _ = ws.handshake(daphne, "/ws")
        sock.close()
    daphne.eventually("/memory", lambda memory: memory["tasks"] <= 3)
