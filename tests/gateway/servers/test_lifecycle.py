"""Start, drain and end, on both servers, over real sockets and with real signals."""

import gc
import signal
import socket
import time
from pathlib import Path

import pytest

from gateway.servers.lifecycle import SAME_SIGNAL_SECONDS, SWITCH_SECONDS, settle_memory
from tests.gateway.servers.conftest import Launch
from tests.gateway.servers.harness import (
    Answer,
    ServerProcess,
    read_to_end,
    read_until,
    request,
    until,
)


def test_what_start_up_made_is_out_of_the_collectors_sight() -> None:
    before = gc.get_threshold()
    try:
        settle_memory()
        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold()[0] > before[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def is_refused(process: ServerProcess) -> bool:
    """Whether nobody listens any more."""
    try:
        process.connect().close()
    except (ConnectionRefusedError, ConnectionResetError):  # or closed just while we were in its queue
        return True
    return False


@pytest.mark.parametrize(
    ("name", "stop"),
    [
        ("daphne", signal.SIGTERM),
        ("uvicorn", signal.SIGTERM),
        ("daphne", signal.SIGINT),
        ("uvicorn", signal.SIGHUP),
    ],
)
def test_a_stream_ends_in_peace(name: str, launch: Launch, stop: signal.Signals) -> None:
    process = launch(name)
    with process.connect() as sock:
        sock.sendall(request("/stream?count=10&wait=0.05"))
        read_until(sock, b"data: 0")
        process.signal(stop)
        until(lambda: is_refused(process))
        assert b"data: end" in read_until(sock, b"0\r\n\r\n")
        ended_at = time.monotonic()
        assert read_to_end(sock) == b""
        assert time.monotonic() - ended_at < 0.9  # closed with the answer, not after the grace
    assert process.ends() == 0
    assert "hooks: shut down with 0 open" in process.log


def test_a_thread_that_computes_lets_the_loop_go_on_soon(server_name: str, launch: Launch) -> None:
    assert launch(server_name).get("/switching").json == SWITCH_SECONDS


def test_nothing_to_wait_for(server_name: str, launch: Launch) -> None:
    process = launch(server_name)
    assert process.get("/hello").status == 200
    process.signal(signal.SIGTERM)
    until(lambda: "hooks: shut down" in process.log, 0.9)  # not even the grace
    assert process.ends() == 0


def test_readiness_goes_first_and_the_listener_later(server_name: str, launch: Launch) -> None:
    process = launch(server_name, drain_delay_seconds=0.6)
    assert process.get("/ready").status == 200
    process.signal(signal.SIGTERM)
    signalled_at = time.monotonic()
    until(lambda: process.get("/ready").status == 503, 0.5)
    assert process.get("/hello").status == 200  # on a new connection
    with process.connect() as kept:
        kept.sendall(request("/ready"))
        assert b"connection: close" not in read_until(kept, b"false").lower()
        until(lambda: is_refused(process))
        assert time.monotonic() - signalled_at >= 0.6


def test_kept_connections_get_a_last_answer_that_closes(server_name: str, launch: Launch) -> None:
    process = launch(server_name)
    with process.connect() as kept:
        kept.sendall(request("/hello"))
        read_until(kept, b'"hello"')
        process.signal(signal.SIGTERM)
        until(lambda: is_refused(process))
        kept.sendall(request("/hello") + request("/hello"))
        answer = Answer(read_to_end(kept))
    assert answer.status == 200
    assert answer.headers["connection"] == "close"
    assert answer.json == "hello"  # one answer, not two
    assert process.ends() == 0


def test_an_answer_that_starts_late_closes_too(server_name: str, launch: Launch) -> None:
    process = launch(server_name)
    with process.connect() as sock:
        sock.sendall(request("/late"))
        process.eventually("/seen", lambda seen: "late" in seen)
        process.signal(signal.SIGTERM)
        assert Answer(read_to_end(sock)).headers["connection"] == "close"
    assert process.ends() == 0


def test_idle_connections_are_closed_after_a_grace(server_name: str, launch: Launch) -> None:
    process = launch(server_name)
    with process.connect() as fresh, process.connect() as kept:
        kept.sendall(request("/hello"))
        read_until(kept, b'"hello"')
        process.signal(signal.SIGTERM)
        began = time.monotonic()
        assert read_to_end(kept) == b""
        assert read_to_end(fresh) == b""
        assert 0.8 < time.monotonic() - began < 2
    assert process.ends() == 0


def test_an_upload_in_progress_is_served(server_name: str, launch: Launch) -> None:
    process = launch(server_name)
    with process.connect() as sock:
        sock.sendall(request("/echo", method="POST", content_length="6") + b"123")
        process.eventually("/memory", lambda memory: memory)  # the head has been read
        process.signal(signal.SIGTERM)
        until(lambda: is_refused(process))
        time.sleep(1.1)  # beyond the grace of idle connections
        sock.sendall(b"456")
        assert Answer(read_to_end(sock)).json["bytes"] == 6
    assert process.ends() == 0


def test_at_the_deadline_streams_are_told_to_end(server_name: str, launch: Launch) -> None:
    process = launch(server_name, drain_seconds=0.3)
    with process.connect() as sock:
        sock.sendall(request("/polite"))
        read_until(sock, b"started")
        process.signal(signal.SIGTERM)
        began = time.monotonic()
        assert read_to_end(sock).endswith(b"event: error\n\n\r\n0\r\n\r\n")
        assert time.monotonic() - began < 1
    assert process.ends() == 0
    assert "hooks: shut down with 0 open" in process.log
    assert "cancelled" not in process.log


def test_who_does_not_listen_is_cancelled(server_name: str, launch: Launch) -> None:
    process = launch(server_name, drain_seconds=0.1)
    with process.connect() as sock:
        sock.sendall(request("/stubborn"))
        read_until(sock, b"started")
        process.signal(signal.SIGTERM)
        assert read_to_end(sock).endswith(b"cancelled\n\r\n0\r\n\r\n")  # it could still say so
    assert process.ends() == 0
    assert "1 exchanges did not end in time" in process.log
    assert "hooks: shut down with 0 open" in process.log  # and settle


def test_who_has_not_answered_gets_a_503(server_name: str, launch: Launch) -> None:
    process = launch(server_name, drain_seconds=0.1)
    with process.connect() as sock:
        sock.sendall(request("/hang"))
        process.eventually("/seen", lambda seen: "hang" in seen)
        process.signal(signal.SIGTERM)
        answer = Answer(read_to_end(sock))
    assert (answer.status, answer.error) == (503, "overloaded_error")
    assert process.ends() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_second_signal_ends_at_once(server_name: str, launch: Launch, second: signal.Signals) -> None:
    process = launch(server_name, drain_delay_seconds=60)
    with process.connect() as sock:
        sock.sendall(request("/polite"))
        read_until(sock, b"started")
        process.signal(signal.SIGTERM)
        until(lambda: process.get("/ready").status == 503)
        time.sleep(SAME_SIGNAL_SECONDS * 1.5)
        process.signal(second)
        assert read_to_end(sock).endswith(b"event: error\n\n\r\n0\r\n\r\n")
    assert process.ends(3) == 0
    assert "hooks: shut down with 0 open" in process.log


def test_one_signal_sent_twice_is_one(server_name: str, launch: Launch) -> None:
    process = launch(server_name)
    with process.connect() as sock:
        sock.sendall(request("/stream?count=10&wait=0.05"))
        read_until(sock, b"data: 0")
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGINT)
        assert b"data: end" in read_until(sock, b"0\r\n\r\n")
    assert process.ends() == 0


def test_a_second_signal_ends_even_a_process_that_hangs(launch: Launch) -> None:
    process = launch("uvicorn", drain_delay_seconds=60)
    with process.connect() as sock:
        sock.sendall(request("/thread"))
        read_until(sock, b"started")
        process.signal(signal.SIGTERM)
        until(lambda: process.get("/ready").status == 503)
        time.sleep(SAME_SIGNAL_SECONDS * 1.5)
        process.signal(signal.SIGTERM)
        assert process.ends(12) == -signal.SIGALRM


def test_a_worker_takes_the_end_from_its_parent(server_name: str, launch: Launch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = launch(server_name, supervisor_fd=theirs.fileno())
        theirs.close()
        assert ours.recv(1) == b"R"
        with process.connect() as sock:
            sock.sendall(request("/polite"))
            read_until(sock, b"started")
            process.signal(signal.SIGHUP)  # means nothing to a worker
            process.signal(signal.SIGINT)
            process.signal(signal.SIGTERM)  # the parent has had one, too, and passes it on
            until(lambda: is_refused(process))
            sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                sock.recv(1)
            ours.send(b"X")
            sock.settimeout(5)
            assert b"event: error" in read_to_end(sock)
        assert process.ends(3) == 0


def test_a_worker_drains_when_its_parent_is_gone(server_name: str, launch: Launch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = launch(server_name, supervisor_fd=theirs.fileno())
        theirs.close()
        with process.connect() as sock:
            sock.sendall(request("/stream?count=5&wait=0.05"))
            read_until(sock, b"data: 0")
            ours.close()
            assert read_to_end(sock).endswith(b"0\r\n\r\n")
        assert process.ends() == 0


@pytest.mark.parametrize(
    ("how", "text"), [("fail", "no such database"), ("crash", "LookupError: no such table")]
)
def test_no_start_says_why(server_name: str, tmp_path: Path, how: str, text: str) -> None:
    process = ServerProcess(server_name, tmp_path, {"TEST_START": how})
    assert process.ends() == 2
    assert f"the application did not start: {text}" in process.log


def test_a_signal_while_starting(server_name: str, tmp_path: Path) -> None:
    process = ServerProcess(server_name, tmp_path, {"TEST_START": "hang"})
    until(lambda: "hanging" in process.log, 10)
    process.signal(signal.SIGTERM)
    assert process.ends(3) == 0


# Time limits of connections.


def test_connections_that_say_nothing_are_closed(server_name: str, launch: Launch) -> None:
    process = launch(server_name, idle_seconds=0.5)
    with process.connect() as fresh, process.connect() as half, process.connect() as kept:
        half.sendall(b"GET /hel")
        kept.sendall(request("/stream?count=5&wait=0.2"))  # longer than that, and yet
        assert b"data: end" in read_until(kept, b"0\r\n\r\n")
        time.sleep(0.3)  # its idle time begins after the answer
        kept.sendall(request("/hello"))
        read_until(kept, b'"hello"')
        for sock in (fresh, kept):
            assert not read_to_end(sock)
        assert Answer(read_to_end(half)).status == 408  # it has begun a request: that is answered


def test_a_head_in_drops_does_not_extend_its_time(server_name: str, launch: Launch) -> None:
    process = launch(server_name, idle_seconds=0.6)
    began = time.monotonic()
    with process.connect() as sock, pytest.raises(OSError):
        sock.sendall(b"GET /hello HTTP/1.1\r\n")
        while time.monotonic() - began < 4:
            sock.sendall(b"x: y\r\n")
            time.sleep(0.05)
    assert time.monotonic() - began < 3


def test_a_stalled_body_is_given_up(server_name: str, launch: Launch) -> None:
    process = launch(server_name, idle_seconds=0.5)
    with process.connect() as sock:
        sock.sendall(request("/echo", method="POST", content_length="10") + b"12345")
        assert not read_to_end(sock).startswith(b"HTTP/1.1 200")


def test_a_slow_body_passes(server_name: str, launch: Launch) -> None:
    process = launch(server_name, idle_seconds=0.5)
    with process.connect() as sock:
        sock.sendall(request("/echo", method="POST", content_length="10"))
        for _ in range(10):
            time.sleep(0.1)
            sock.sendall(b"x")
        assert b'"bytes": 10' in read_until(sock, b"}")
