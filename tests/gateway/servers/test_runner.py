"""What an application may expect of either server: one exchange, one connection, one failure at a time."""

import http.client
import socket
import time

import pytest

from gateway.servers.errors import NotOfferedError
from gateway.servers.options import ServeOptions
from gateway.servers.runner import load, run
from tests.gateway.servers import apps
from tests.gateway.servers.harness import (
    ServerProcess,
    chunk,
    chunked,
    read_to_end,
    read_until,
    request,
)


def test_answers_without_headers_of_its_own(served: ServerProcess) -> None:
    answer = served.get("/hello")
    assert answer.status == 200
    assert answer.json == "hello"
    assert set(answer.headers) == {"content-length", "connection"}


def test_start_up_hooks_ran_and_their_state_is_in_the_scope(served: ServerProcess) -> None:
    scope = served.get("/scope").json
    assert scope["greeting"] == "hello from start-up"
    assert scope["has_drain"]


def test_forwarding_headers_change_nothing(served: ServerProcess) -> None:
    scope = served.get("/scope", x_forwarded_for="6.6.6.6", forwarded="for=6.6.6.6").json
    assert scope["client"] == "127.0.0.1"


def test_nobody_outside_sets_the_root_path(served: ServerProcess) -> None:
    scope = served.get("/scope", daphne_root_path="/evil").json
    assert scope["root_path"] == ""
    assert served.get("/scope", daphne_root_path="/\xe9vil").json["root_path"] == ""


def test_paths_arrive_as_sent(served: ServerProcess) -> None:
    for path in ("/scope/../%2e%2e/x", "//scope", "/a%2Fb", "/a\\b"):
        assert served.get(path).json["raw_path"] == path


def test_a_connection_is_kept_and_pipelined_answers_come_in_order(served: ServerProcess) -> None:
    with served.connect() as sock:
        for _ in range(3):
            sock.sendall(request("/hello"))
            assert read_until(sock, b'"hello"').startswith(b"HTTP/1.1 200")
        sock.sendall(request("/stream?count=2&wait=0.02") + request("/hello", connection="close"))
        both = read_to_end(sock)
    assert both.index(b"data: end") < both.index(b'"hello"')


def test_events_arrive_one_by_one(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(request("/stream?count=5&wait=0.1"))
        began = time.monotonic()
        assert b"data: 4" not in read_until(sock, b"data: 0")
        read_until(sock, b"data: end")
        assert time.monotonic() - began > 0.45


def test_a_body_arrives_whole(served: ServerProcess) -> None:
    assert served.talk(request("/echo", b"x" * 300_000, connection="close")).json["bytes"] == 300_000
    data = chunked("/echo", b"a" * 100, b"b" * 200_000) + b"0\r\n\r\n"
    with served.connect() as sock:
        sock.sendall(data)
        assert b'"bytes": 200100' in read_until(sock, b"}")


def test_trailers_are_no_headers(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(chunked("/scope", b"abc"))
        sock.sendall(b"0\r\nX-Trailer: evil\r\n\r\n")
        assert b"x-trailer" not in read_until(sock, b"}").lower()


def test_exception_before_the_answer_is_a_500_in_our_shape(served: ServerProcess) -> None:
    answer = served.get("/fail-before")
    assert answer.status == 500
    assert answer.error == "api_error"
    assert "RuntimeError: before the answer" in served.log
    assert "before the answer" not in answer.raw.decode()


def test_return_without_an_answer_is_a_500(served: ServerProcess) -> None:
    answer = served.get("/silent")
    assert (answer.status, answer.error) == (500, "api_error")


@pytest.mark.parametrize("path", ["/fail-after", "/unfinished"])
def test_failure_inside_an_answer_cuts_that_connection_only(served: ServerProcess, path: str) -> None:
    with served.connect() as other, served.connect(timeout=2) as sock:
        other.sendall(request("/stream?count=4&wait=0.1"))
        read_until(other, b"data: 0")
        sock.sendall(request(path))
        assert read_to_end(sock).endswith(b"a\r\nsome bytes\r\n")  # closed, and no last chunk
        read_until(other, b"data: end")
    assert served.get("/hello").status == 200


def test_not_even_a_system_exit_stops_the_server(served: ServerProcess) -> None:
    served.get("/fail-started")
    assert served.get("/hello").status == 200


def test_an_answer_shorter_than_it_said_ends_the_connection(served: ServerProcess) -> None:
    with served.connect(timeout=2) as sock:
        sock.sendall(request("/short"))
        assert read_to_end(sock).endswith(b"12345")


def test_an_answer_that_says_close_is_the_last(served: ServerProcess) -> None:
    with served.connect(timeout=2) as sock:
        sock.sendall(request("/closing") + request("/hello"))
        raw = read_to_end(sock)
    assert raw.lower().count(b"connection: close") == 1
    assert b"hello" not in raw


def test_a_client_that_leaves_is_noticed_at_once(served: ServerProcess) -> None:
    before = served.get("/seen").json.get("left", 0)
    with served.connect() as sock:
        sock.sendall(request("/watch"))
        read_until(sock, b"waiting")
        left_at = time.monotonic()
    served.eventually("/seen", lambda seen: seen.get("left", 0) > before, 1)
    assert time.monotonic() - left_at < 1


def test_abort_resets_the_connection(served: ServerProcess) -> None:
    with served.connect(timeout=2) as sock:
        sock.sendall(request("/abort"))
        raw = read_to_end(sock)
    assert b"some bytes" in raw
    assert raw.endswith(b"<reset>")
    assert b"more bytes" not in raw


def test_a_reader_that_stops_stops_the_sender(served: ServerProcess) -> None:
    """20 MB are asked for each; what is taken from the application stays in the kernel's small buffers."""
    before = served.get("/memory").json["rss"]
    socks = [served.connect(receive_buffer=32768) for _ in range(5)]
    try:
        for sock in socks:
            sock.sendall(request("/flood?size=20000000"))
            read_until(sock, b"xxx")
        taken = -1
        while (now := served.get("/seen").json["flood"]) != taken:  # until it stands still
            taken = now
            time.sleep(0.1)
        assert taken < 2_000_000
        assert (served.get("/memory").json["rss"] - before) / len(socks) < 2_000_000
    finally:
        for sock in socks:
            sock.close()
    with served.connect(receive_buffer=32768) as sock:  # and one that reads gets everything
        sock.sendall(request("/flood?size=20000000", connection="close"))
        assert len(read_to_end(sock)) > 19_000_000


def test_connections_leave_nothing_behind(served: ServerProcess) -> None:
    for _ in range(10):
        with served.connect() as sock:
            sock.sendall(request("/watch"))
            read_until(sock, b"waiting")
    served.eventually("/memory", lambda memory: memory["tasks"] <= 6)


def test_http_1_0_gets_an_answer_that_ends_with_the_connection(served: ServerProcess) -> None:
    answer = served.talk(b"GET /hello HTTP/1.0\r\nHost: test\r\n\r\n")
    assert answer.status == 200
    assert answer.json == "hello"


def test_a_standard_client_keeps_its_connection(served: ServerProcess) -> None:
    assert served.address is not None
    client = http.client.HTTPConnection(*served.address, timeout=5)
    client.request("GET", "/hello")
    client.getresponse().read()
    first = client.sock
    client.request("POST", "/echo", b"x" * 1000)
    assert client.getresponse().read() == b'{"messages": 1, "bytes": 1000}'
    assert client.sock is first
    client.close()


def test_half_of_a_chunk_later_the_rest(served: ServerProcess) -> None:
    with served.connect() as sock:
        whole = chunk(b"y" * 5000)
        sock.sendall(chunked("/echo") + whole[:2000])
        sock.sendall(whole[2000:] + b"0\r\n\r\n")
        assert b'"bytes": 5000' in read_until(sock, b"}")


# The entry itself.


def test_unknown_server_and_bad_options_say_what_is_wrong() -> None:
    with pytest.raises(NotOfferedError, match=r"'apache'.*daphne, uvicorn"):
        run("apache", "x:y", ServeOptions(port=0))
    with pytest.raises(NotOfferedError, match="workers must be 1 or more, not 0"):
        run("uvicorn", "x:y", ServeOptions(port=0, workers=0))
    with pytest.raises(NotOfferedError, match="module:attribute"):
        run("uvicorn", apps.application, ServeOptions(port=0, workers=2))
    with pytest.raises(NotOfferedError, match="'nonsense'"):
        load("nonsense")


def test_load_imports_by_name() -> None:
    assert load("tests.gateway.servers.apps:application").__name__ == "application"
    assert load(apps.application) is apps.application


def test_a_taken_port_is_an_error_with_its_address(tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = ServerProcess("uvicorn", tmp_path, port=port)
        assert process.ends() == 2
        assert f"cannot listen on 127.0.0.1:{port}: " in process.log
        assert "Address already in use" in process.log
