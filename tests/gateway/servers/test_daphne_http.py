"""daphne's requests: what they hold, and how they are refused."""

import subprocess

import pytest

from tests.gateway.servers.harness import Answer, ServerProcess, read_to_end, read_until, request


@pytest.fixture(scope="module")
def daphne(tmp_path_factory: pytest.TempPathFactory):
    with ServerProcess("daphne", tmp_path_factory.mktemp("daphne")) as process:
        yield process
        assert process.process.poll() is None


def test_the_whole_body_is_one_message(daphne: ServerProcess) -> None:
    answer = daphne.talk(request("/echo", b"x" * 7_000_000, connection="close"))
    assert answer.json == {"messages": 1, "bytes": 7_000_000}


def test_forms_are_not_parsed(daphne: ServerProcess) -> None:
    """Twisted would answer 400 to this multipart body, and copy a good one."""
    kind = "multipart/form-data; boundary=x"
    answer = daphne.talk(request("/echo", b"no parts", connection="close", content_type=kind))
    assert answer.json["bytes"] == 8


def test_names_that_twisted_dislikes_are_refused_in_our_shape(daphne: ServerProcess) -> None:
    for data in (b"GET /\xff HTTP/1.1\r\nHost: test\r\n\r\n", b"GET /hello HTTP/1.1\r\nb@d: 1\r\n\r\n"):
        answer = daphne.talk(data)
        assert (answer.status, answer.error) == (400, "invalid_request_error")


def test_an_answer_that_never_began_is_replaced_whole(daphne: ServerProcess) -> None:
    """daphne sends the head with the first piece of the body."""
    answer = daphne.get("/fail-started")
    assert (answer.status, answer.error) == (500, "api_error")
    assert "x-lost" not in answer.headers


def test_no_temporary_files(daphne: ServerProcess) -> None:
    with daphne.connect() as sock:
        sock.sendall(request("/echo", method="POST", content_length="300000") + b"x" * 200_000)
        links = subprocess.run(
            ["ls", "-l", f"/proc/{daphne.process.pid}/fd"], capture_output=True, text=True, check=True
        )
        assert "deleted" not in links.stdout
        sock.sendall(b"x" * 100_000)
        read_until(sock, b"}")


def test_pipelined_after_close_is_not_answered(daphne: ServerProcess) -> None:
    with daphne.connect() as sock:
        sock.sendall(request("/hello", connection="close") + request("/pid"))
        assert Answer(read_to_end(sock)).json == "hello"
