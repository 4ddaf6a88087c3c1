"""Bodies that come too slowly are given up, and the memory that strangers may hold is small: over real sockets."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import pytest

from gateway.servers.pace import LEAST_BYTES_PER_SECOND, STRETCH_SECONDS, SWEEP_SECONDS, Pace
from tests.gateway.servers.conftest import Launch
from tests.gateway.servers.harness import Answer, ServerProcess, read_to_end, read_until, request, until

BODY = 600_000
"""More than any server reads at once: somebody has to answer for it."""
OWNERS = {"TEST_OWNERS": "1"}


class Sender:
    def __init__(self, received: int = 0) -> None:
        self.received = received
        self.reads = True
        self.is_refused = self.is_answered_for = False

    def answer_for(self) -> None:
        self.is_answered_for = True

    def body_received(self) -> int:
        return self.received

    def is_read(self) -> bool:
        return self.reads

    def refuse_slow_body(self) -> None:
        self.is_refused = True


def seconds_until_refused(pace: Pace, sender: Sender, bytes_per_second: int, most: int = 30) -> int | None:
    for second in range(1, most):
        sender.received += bytes_per_second
        pace.sweep(second * SWEEP_SECONDS)
        if sender.is_refused:
            return second
    return None


def begun(received: int = 0) -> tuple[Pace, Sender]:
    pace, sender = Pace(), Sender(received)
    pace.begin(sender)
    assert not sender.is_answered_for
    pace.sweep(0)
    assert sender.is_answered_for
    pace.begin(sender)
    return pace, sender


def test_a_body_without_bytes_is_refused_after_a_stretch() -> None:
    assert seconds_until_refused(*begun(), 0) == STRETCH_SECONDS


def test_the_least_speed_is_enough_and_less_is_not() -> None:
    assert seconds_until_refused(*begun(), LEAST_BYTES_PER_SECOND) is None
    assert seconds_until_refused(*begun(), LEAST_BYTES_PER_SECOND - 1) == STRETCH_SECONDS


def test_what_came_fast_does_not_pay_for_what_is_held_back() -> None:
    pace, sender = begun()
    sender.received = 32_000_000
    assert seconds_until_refused(pace, sender, 0) == 2 * STRETCH_SECONDS


def test_time_in_which_we_do_not_read_does_not_count() -> None:
    pace, sender = begun()
    sender.reads = False
    assert seconds_until_refused(pace, sender, 0) is None


def test_a_sweep_that_comes_late_blames_nobody() -> None:
    pace, sender = begun()
    pace.sweep(100)
    assert not sender.is_refused
    for second in range(101, 106):
        pace.sweep(second)
    assert sender.is_refused


def test_a_body_that_is_whole_is_forgotten() -> None:
    pace, sender = begun()
    pace.end(sender)
    pace.end(sender)
    assert seconds_until_refused(pace, sender, 0) is None


# Over sockets.


def hold(process: ServerProcess, target: str = "/echo", **headers: str) -> socket.socket:
    """A body of which the last byte does not come."""
    sock = process.connect(timeout=20)
    sock.sendall(request(target, method="POST", content_length=str(BODY), **headers) + b"x" * (BODY - 1))
    return sock


@pytest.fixture
def owned(server_name: str, launch: Launch) -> ServerProcess:
    return launch(server_name, OWNERS, max_body_bytes=BODY, max_buffered_bytes=16 * BODY)


def test_bodies_that_are_held_back_are_answered_408(owned: ServerProcess) -> None:
    began = time.monotonic()
    with hold(owned, owner="a") as known, hold(owned) as stranger, owned.connect(timeout=20) as drops:
        drops.sendall(request("/echo", method="POST", transfer_encoding="chunked", owner="a") + b"1\r\nx\r\n")
        for sock in (known, stranger, drops):
            answer = Answer(read_to_end(sock))
            assert (answer.status, answer.error) == (408, "timeout_error")
            assert answer.headers["connection"] == "close"
    assert STRETCH_SECONDS - 1 < time.monotonic() - began < 4 * STRETCH_SECONDS
    assert owned.talk(whole(owner="a")).status == 200


def test_strangers_hold_an_eighth_and_no_owner_more_than_half(owned: ServerProcess) -> None:
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(hold(owned))
        until(lambda: has_no_room_after_one_more(stack, owned))
        refused = owned.talk(whole())
        assert (refused.status, refused.error) == (503, "overloaded_error")
        for name in ("a", "b"):
            assert owned.talk(whole(owner=name)).json["bytes"] == BODY
        small = request("/echo", b"{}", connection="close")
        assert owned.talk(small).status == 200  # whole at once: held back by nobody


def has_no_room_after_one_more(stack: ExitStack, process: ServerProcess) -> bool:
    stack.enter_context(hold(process, owner="greedy"))
    return process.talk(whole(owner="greedy")).status == 503


def whole(**headers: str) -> bytes:
    """Larger than what comes with a head, so that somebody has to answer for it."""
    return (
        request("/echo", method="POST", content_length=str(BODY), connection="close", **headers) + b"x" * BODY
    )


def test_a_stranger_is_answered_without_the_body(owned: ServerProcess) -> None:
    with owned.connect() as sock:
        sock.sendall(request("/early", method="POST", content_length=str(BODY)) + b"x")
        answer = Answer(read_to_end(sock) if owned.name == "daphne" else read_until(sock, b"early"))
    assert answer.status == 401
    assert b"early" in answer.body


@pytest.mark.parametrize("owner", ["", "a"])
def test_a_body_is_asked_for_only_by_who_wants_it(owned: ServerProcess, owner: str) -> None:
    head = {"content_length": "5", "expect": "100-continue", **({"owner": owner} if owner else {})}
    with owned.connect() as sock:
        sock.sendall(request("/early", method="POST", **head))
        answer = Answer(read_to_end(sock))
    assert (answer.status, answer.headers["connection"]) == (401, "close")
    with owned.connect() as sock:
        sock.sendall(request("/echo", method="POST", **head))
        assert read_until(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"12345")
        assert b'"bytes": 5' in read_until(sock, b"}")
        sock.sendall(request("/hello"))  # the connection is still good
        assert b"hello" in read_until(sock, b"hello")


def test_an_old_client_is_not_asked(owned: ServerProcess) -> None:
    data = request("/echo", method="POST", content_length="2", expect="100-continue").replace(b"1.1", b"1.0")
    assert owned.talk(data + b"{}").status == 200


def test_a_stranger_whose_body_comes_in_pieces_is_served(owned: ServerProcess) -> None:
    with owned.connect() as sock:
        for _ in range(2):
            sock.sendall(request("/digest", method="POST", content_length="6"))
            for piece in (b"ab", b"cd", b"ef"):
                sock.sendall(piece)
                owned.get("/hello")  # so that it arrives alone
            assert b"bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721" in read_until(
                sock, b"}"
            )


def test_every_worker_knows_whom_to_ask(server_name: str, launch: Launch) -> None:
    process = launch(server_name, OWNERS, workers=2)
    served = set()
    while len(served) < 2:
        served.add(process.get("/pid").json)
        with process.connect() as sock:
            sock.sendall(request("/early", method="POST", content_length=str(BODY)) + b"x")
            assert read_until(sock, b"early").startswith(b"HTTP/1.1 401")
