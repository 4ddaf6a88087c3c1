"""daphne's connections: heads that do not end, lines that are none, and answers before the request is in."""

from __future__ import annotations

import pytest

from tests.gateway.servers.harness import Answer, ServerProcess, read_to_end, request


@pytest.fixture(scope="module")
def daphne(tmp_path_factory: pytest.TempPathFactory):
    env = {"TEST_OWNERS": "1"}
    with ServerProcess("daphne", tmp_path_factory.mktemp("daphne"), env, max_body_bytes=1_000_000) as process:
        yield process
        assert process.process.poll() is None
        assert "Traceback" not in process.log


def test_a_line_that_ends_with_a_newline_alone_is_refused_at_once(daphne: ServerProcess) -> None:
    for data in (b"GET /hello HTTP/1.1\nHost: test\n\n", b"GET /hello HTTP/1.1\r\nHost: test\n\n"):
        answer = daphne.talk(data)
        assert (answer.status, answer.error) == (400, "invalid_request_error")


def test_a_head_in_pieces_is_read(daphne: ServerProcess) -> None:
    whole = request("/hello", connection="close")
    for cut in range(1, len(whole)):
        with daphne.connect() as sock:
            sock.sendall(whole[:cut])
            sock.sendall(whole[cut:])
            assert Answer(read_to_end(sock)).json == "hello"


def test_one_refusal_and_no_more(daphne: ServerProcess) -> None:
    raw = daphne.talk(b"GET /hello HTTP/1.1\r\nb@d: 1\r\nx: y\r\nno colon\r\n\r\n" + request("/hello")).raw
    assert raw.count(b"HTTP/1.1") == 1


def test_an_early_answer_is_read_by_who_sends_on(daphne: ServerProcess) -> None:
    """Not lost with a reset, and nothing after it is taken for a request."""
    with daphne.connect() as sock:
        sock.sendall(request("/early", method="POST", content_length="900000") + b"x" * 300_000)
        sock.sendall(b"x" * 600_000 + request("/hello"))
        raw = read_to_end(sock)
    assert raw.startswith(b"HTTP/1.1 401")
    assert raw.count(b"HTTP/1.1") == 1
