"""daphne's websockets: what only they do."""

from __future__ import annotations

import pytest

from tests.gateway.servers import ws
from tests.gateway.servers.harness import ServerProcess


@pytest.fixture(scope="module")
def daphne(tmp_path_factory: pytest.TempPathFactory):
    with ServerProcess("daphne", tmp_path_factory.mktemp("daphne"), max_body_bytes=1 << 20) as process:
        yield process
        assert process.process.poll() is None


def test_many_small_messages_at_once_are_taken_one_by_one(daphne: ServerProcess) -> None:
    """Reading stops with each message that the application has not taken."""
    sock, _ = ws.handshake(daphne, "/ws")
    with sock:
        for number in range(50):
            ws.send_text(sock, b"%d" % number)
        assert [ws.read_frame(sock)[1] for _ in range(50)] == [b"%d" % number for number in range(50)]


def test_its_errors_do_not_reach_the_log_by_twisted(daphne: ServerProcess) -> None:
    sock, head = ws.handshake(daphne, "/ws-crash")
    sock.close()
    assert head.startswith(b"HTTP/1.1 500")
    assert "unhandled in twisted" not in daphne.log
