"""What stands between uvicorn's cycle and the application, over real sockets."""

from __future__ import annotations

import pytest

from gateway.servers.uvicorn_exchange import NO_TRAILERS
from tests.gateway.servers.harness import ServerProcess, chunk, chunked, read_to_end, read_until, request


@pytest.fixture(scope="module")
def uvicorn(tmp_path_factory: pytest.TempPathFactory):
    with ServerProcess("uvicorn", tmp_path_factory.mktemp("uvicorn")) as process:
        yield process
        assert process.process.poll() is None
        assert "Traceback" not in process.log


@pytest.mark.parametrize("target", ["/stream?count=3&wait=0.01", "/hello"])
def test_an_old_client_gets_plain_bytes_until_the_end(uvicorn: ServerProcess, target: str) -> None:
    answer = uvicorn.talk(request(target).replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert answer.status == 200
    assert "transfer-encoding" not in answer.headers
    assert answer.headers["connection"] == "close"
    assert answer.body == (
        b'"hello"' if target == "/hello" else b"data: 0\n\ndata: 1\n\ndata: 2\n\ndata: end\n\n"
    )


def test_an_old_client_s_head_has_no_body(uvicorn: ServerProcess) -> None:
    answer = uvicorn.talk(request("/stream", method="HEAD").replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert (answer.status, answer.body) == (200, b"")


def test_trailers_are_read_and_dropped(uvicorn: ServerProcess) -> None:
    with uvicorn.connect() as sock:
        sock.sendall(chunked("/scope", b"x") + b"0\r\nauthorization: Bearer late\r\n\r\n")
        assert b"late" not in read_until(sock, b"}")
    assert not NO_TRAILERS


@pytest.mark.parametrize("endless", [b"x: " + b"y" * 1000 + b"\r\n", b"x" * 1000])
def test_trailers_without_an_end_are_refused(uvicorn: ServerProcess, endless: bytes) -> None:
    with uvicorn.connect() as sock:
        sock.sendall(chunked("/hang", b"x") + b"0\r\nx: ")
        try:
            for _ in range(20_000):
                sock.sendall(endless)
        except OSError:
            pass
        else:
            raise AssertionError("20 MB of trailers were read")


def test_an_extension_without_an_end_is_refused(uvicorn: ServerProcess) -> None:
    with uvicorn.connect() as sock:
        sock.sendall(chunked("/hang") + b"1;")
        sent = 0
        try:
            while sent < 20_000_000:
                sent += sock.send(b"x" * 65536)
        except OSError:
            pass
        assert sent < 20_000_000


def test_a_long_body_in_small_chunks_is_no_such_thing(uvicorn: ServerProcess) -> None:
    with uvicorn.connect() as sock:
        sock.sendall(chunked("/echo") + chunk(b"x") * 50_000 + b"0\r\n\r\n")
        assert b'"bytes": 50000' in read_until(sock, b"}")
        sock.sendall(request("/hello", connection="close"))
        assert b"hello" in read_to_end(sock)
