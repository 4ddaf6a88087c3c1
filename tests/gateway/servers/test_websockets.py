"""WebSockets on both servers: opened, refused, bounded, paced, drained."""

from __future__ import annotations

import contextlib
import signal
import socket

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from gateway.servers.websockets import closing_code, denial, text_frame
from tests.gateway.servers import ws
from tests.gateway.servers.conftest import MAX_BODY_BYTES, Launch
from tests.gateway.servers.harness import Answer, ServerProcess, read_to_end


def opened(process: ServerProcess, path: str = "/ws") -> ClientConnection:
    assert process.address is not None
    host, port = process.address
    return connect(f"ws://{host}:{port}{path}", max_size=None, proxy=None)


def refused(process: ServerProcess, path: str) -> Answer:
    sock, head = ws.handshake(process, path)
    with sock:
        return Answer(head + read_to_end(sock))


def closed(socket: ClientConnection) -> int:
    """Return the code with which the server closes it."""
    with pytest.raises(ConnectionClosed) as told:
        while True:
            socket.recv(5)
    assert told.value.rcvd is not None
    return told.value.rcvd.code


def test_it_talks_in_order(served: ServerProcess) -> None:
    with opened(served) as socket:
        for text in ("hello", "ü" * 100_000, "bye"):
            socket.send(text)
        assert [socket.recv(5), len(socket.recv(5)), socket.recv(5)] == ["hello", 100_000, "bye"]
    served.eventually("/seen", lambda seen: seen.get("websocket.disconnect") == 1000)


def test_a_refusal_is_the_applications_own(served: ServerProcess) -> None:
    answer = refused(served, "/ws-deny")
    assert (answer.status, answer.headers["x-why"], answer.body) == (426, "because", b"not here")
    assert (answer.headers["content-length"], answer.headers["connection"]) == ("8", "close")


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [("/ws-close", 403, "invalid_request_error"), ("/ws-crash", 500, "api_error")],
)
def test_other_refusals_have_our_shape(served: ServerProcess, path: str, status: int, error: str) -> None:
    answer = refused(served, path)
    assert (answer.status, answer.error) == (status, error)


def test_what_an_application_leaves_open_is_closed(served: ServerProcess) -> None:
    with opened(served) as socket:
        socket.send("crash")
        assert closed(socket) == 1011
    with opened(served, "/ws-return") as socket:
        assert closed(socket) == 1000
    assert served.get("/hello").status == 200


def test_the_largest_message_passes_and_one_more_byte_is_refused(served: ServerProcess) -> None:
    with opened(served, "/ws-length") as socket:
        socket.send("a" * MAX_BODY_BYTES)
        assert socket.recv(10) == str(MAX_BODY_BYTES)
        socket.send("a" * (MAX_BODY_BYTES + 1))
        assert closed(socket) == 1009


def test_fragments_count_together(served: ServerProcess) -> None:
    with opened(served, "/ws-length") as socket:
        socket.send(["a" * 1000, "b" * 1000])
        assert socket.recv(5) == "2000"
        with pytest.raises(ConnectionClosed):
            socket.send("a" * 65536 for _ in range(2 * MAX_BODY_BYTES // 65536))
            socket.recv(5)
        assert socket.protocol.close_rcvd is not None
        assert socket.protocol.close_rcvd.code == 1009


@pytest.mark.parametrize("frame", [b"\x00\x80\0\0\0\0", b"\x89\x80\0\0\0\0"], ids=["fragments", "pings"])
def test_a_flood_of_empty_frames_ends_the_connection(served: ServerProcess, frame: bytes) -> None:
    """Each costs what a large one costs: a hundred thousand would stop everybody for seconds."""
    told = []
    while (
        1008 not in told
    ):  # what is under way to us goes with a connection that is reset: then another tells
        assert len(told) < 5, told
        told.append(flooded(served, frame))
    assert set(told) <= {1008, None}
    assert served.get("/hello").status == 200


def flooded(served: ServerProcess, frame: bytes) -> int | None:
    """Send a flood of frames; return the code with which the connection was closed, None where none came in."""
    sock, _ = ws.handshake(served, "/ws-length")
    with sock:
        sock.sendall(b"\x01\x80\0\0\0\0" + frame * 20)  # a few are nobody's business
        if frame[0] & 15 == 9:
            assert [ws.read_frame(sock)[0] for _ in range(20)] == [10] * 20
        with contextlib.suppress(OSError):
            sock.sendall(frame * 30_000)
        try:
            told = ws.read_frame(sock)
            while told[0] == 10:
                told = ws.read_frame(sock)
        except ConnectionResetError:
            return None
        return ws.close_code(told)


def test_messages_that_come_in_share_the_budget_of_bodies(launch: Launch, server_name: str) -> None:
    process = launch(server_name, max_body_bytes=1 << 20, max_buffered_bytes=1 << 17)
    with opened(process, "/ws-length") as socket:
        for _ in range(4):  # what was held is given back
            socket.send("a" * 60_000)
            assert socket.recv(5) == "60000"
        with pytest.raises(ConnectionClosed):
            socket.send("a" * (1 << 19))
            socket.recv(5)
        assert socket.protocol.close_rcvd is not None
        assert socket.protocol.close_rcvd.code == 1013


def test_a_slow_reader_holds_the_application_and_not_the_memory(served: ServerProcess) -> None:
    sock, _ = ws.handshake(served, "/ws")
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        ws.send_text(sock, b"flood 1000")
        served.eventually("/seen", lambda seen: seen.get("flooded", 0) > 1)
        last = -1.0
        while last != (last := served.get("/seen").json.get("flooded", 0)):
            pass
        assert last < 500


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
def test_a_text_for_many_is_sent_as_it_is(served: ServerProcess, size: int) -> None:
    with opened(served) as socket:
        socket.send(f"put {size}")
        assert socket.recv(5) == "x" * size
        socket.send("and on")
        assert socket.recv(5) == "and on"


def test_nothing_more_is_sent_to_whom_does_not_read(served: ServerProcess) -> None:
    with opened(served) as socket:
        socket.send("put on")
        served.eventually("/seen", lambda seen: 0 < seen.get("sent_on", 0) < 500)
        count = served.get("/seen").json["sent_on"]
        assert [len(socket.recv(5)) for _ in range(count)] == [65536] * count
        socket.send("and on")
        assert socket.recv(5) == "and on"


def test_a_frame_is_made_once() -> None:
    text = b"as it is"
    assert text_frame(text) is text_frame(text) == b"\x81\x08as it is"


def test_a_kept_connection_becomes_one_and_its_head_timer_ends(launch: Launch, server_name: str) -> None:
    """What watched over the HTTP connection must not end the WebSocket."""
    process = launch(server_name, idle_seconds=1)
    with opened(process) as socket:
        with pytest.raises(TimeoutError):
            socket.recv(2.5)
        socket.send("still here")
        assert socket.recv(5) == "still here"


def test_whoever_is_idle_is_told_and_who_works_may_finish(launch: Launch, server_name: str) -> None:
    process = launch(server_name, drain_seconds=20)
    with opened(process) as idle, opened(process) as working:
        working.send("work 1.5")
        assert working.recv(5) == "begun"
        process.signal(signal.SIGTERM)
        assert closed(idle) == 1012
        assert working.recv(5) == "done"
        assert closed(working) == 1012
    assert process.ends(5) == 0


def test_who_does_not_finish_is_told_at_the_deadline(launch: Launch, server_name: str) -> None:
    process = launch(server_name, drain_seconds=1)
    with opened(process) as working:
        working.send("work 60")
        assert working.recv(5) == "begun"
        process.signal(signal.SIGTERM)
        assert closed(working) == 1012
    assert process.ends(8) == 0


def test_denials_have_one_length_and_end_the_connection() -> None:
    start = {"status": 426, "headers": [(b"Content-Length", b"99"), (b"x", b"y")]}
    assert denial(start, b"abc") == (
        b"HTTP/1.1 426 Upgrade Required\r\nx: y\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"
    )
    assert denial({"status": 404, "headers": [(b"connection", b"upgrade")]}, b"").count(b"connection") == 1


def test_the_code_tells_why_we_close() -> None:
    assert [closing_code(True, True), closing_code(False, True), closing_code(False, False)] == [
        1012,
        1011,
        1000,
    ]
