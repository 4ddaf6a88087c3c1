"""What both servers refuse by themselves, over real sockets, in one shape."""

import hashlib
import http.client
import socket
import time

import pytest

from gateway.servers import limits
from tests.gateway.servers.conftest import MAX_BODY_BYTES, Launch
from tests.gateway.servers.harness import (
    Answer,
    ServerProcess,
    chunk,
    chunked,
    read_to_end,
    read_until,
    request,
    until,
)

HUGE = 200_000_000


def post_head(length: object, **headers: str) -> bytes:
    return request("/echo", method="POST", content_length=str(length), **headers)


def send_until_refused(sock: socket.socket, piece: bytes, most: int) -> int:
    """Send until the server takes no more; the bytes sent."""
    sent = 0
    try:
        while sent < most:
            sock.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


# Bodies.


def test_too_large_by_its_length_is_refused_before_the_body(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(post_head(HUGE))
        began = time.monotonic()
        answer = Answer(read_to_end(sock))  # we have sent no byte of the body
    assert time.monotonic() - began < 4  # a body that does not come is given up after five
    assert answer.status == 413
    assert answer.error == "request_too_large"
    assert str(MAX_BODY_BYTES) in answer.json["error"]["message"]
    assert answer.headers["connection"] == "close"


def test_the_exact_bytes_of_a_413() -> None:
    raw = limits.error_answer(413, limits.too_large(5))
    answer = Answer(raw)
    assert raw.startswith(b"HTTP/1.1 413 Content Too Large\r\n")
    assert answer.body == (
        b'{"error":{"message":"Request exceeds the maximum size of 5 bytes","type":"request_too_large"},'
        b'"type":"error"}'
    )
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert Answer(limits.error_answer(413, "x")).headers["request-id"] != answer.headers["request-id"]


def test_the_rest_of_a_refused_body_is_not_read(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(post_head(HUGE))
        sent = send_until_refused(sock, b"x" * 65536, HUGE)
    assert sent < limits.LINGER_BYTES + 16_000_000  # what it drops, and the kernel's buffers
    assert served.get("/hello").status == 200


def test_a_chunked_body_is_refused_on_the_running_count(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(chunked("/echo"))
        for _ in range(MAX_BODY_BYTES // 65536):
            sock.sendall(chunk(b"x" * 65536))  # to the last byte that is allowed
        sock.sendall(chunk(b"y"))
        answer = Answer(read_to_end(sock))
    assert (answer.status, answer.error) == (413, "request_too_large")
    with served.connect() as sock:
        sock.sendall(chunked("/echo"))
        assert send_until_refused(sock, chunk(b"x" * 65536), HUGE) < 20_000_000


def test_the_largest_allowed_body_passes(served: ServerProcess) -> None:
    body = b"x" * MAX_BODY_BYTES
    assert served.talk(request("/echo", body, connection="close")).json["bytes"] == MAX_BODY_BYTES
    with served.connect() as sock:
        sock.sendall(chunked("/echo", body) + b"0\r\n\r\n")
        assert b'"bytes": %d' % MAX_BODY_BYTES in read_until(sock, b"}")


def test_a_body_in_pieces_of_every_size_arrives_as_it_was_sent(served: ServerProcess) -> None:
    """Twice on one connection, after a body that nobody waited for."""
    pieces = [bytes([number % 251]) for number in range(3000)]
    pieces += [b"a" * 2047, b"b" * 2048, b"c" * 70_000, b"d", b"e" * 5000, b"f" * 10]
    whole = b"".join(pieces)
    digest = hashlib.sha256(whole).hexdigest().encode()
    with served.connect() as sock:
        sock.sendall(request("/hello", b"x" * 100_000))
        read_until(sock, b"hello")
        for _ in range(2):
            sock.sendall(chunked("/digest", *pieces) + b"0\r\n\r\n")
            assert digest in read_until(sock, b"}")
            sock.sendall(request("/digest", method="POST", content_length=str(len(whole))))
            for start in range(0, len(whole), 1500):
                sock.sendall(whole[start : start + 1500])
            assert digest in read_until(sock, b"}")


def test_a_client_that_sends_before_it_reads_sees_the_413(served: ServerProcess) -> None:
    assert served.address is not None
    client = http.client.HTTPConnection(*served.address, timeout=5)
    client.request("POST", "/echo", b"x" * (MAX_BODY_BYTES + 2_000_000))
    assert client.getresponse().status == 413
    client.close()


def test_expect_100_continue_is_refused_without_a_100(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(post_head(HUGE, expect="100-continue"))
        raw = read_to_end(sock)
    assert raw.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in raw


def test_expect_100_continue_is_continued(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(post_head(5, expect="100-continue"))
        assert read_until(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"12345")
        assert b'"bytes": 5' in read_until(sock, b"}")


def test_memory_of_refused_bodies(served: ServerProcess) -> None:
    before = served.get("/memory").json["rss"]
    for _ in range(5):
        with served.connect() as sock:
            sock.sendall(post_head(HUGE))
            send_until_refused(sock, b"x" * 65536, HUGE)
    assert served.get("/memory").json["rss"] - before < 3_000_000


def test_a_process_holds_so_many_bytes_and_no_more(server_name: str, launch: Launch) -> None:
    process = launch(server_name, max_body_bytes=300_000, max_buffered_bytes=500_000)
    with process.connect() as first, process.connect() as second:
        first.sendall(post_head(300_000) + b"x" * 299_999)
        refused = until(lambda: try_post(process, 250_000))
        assert (refused.status, refused.error) == (503, "overloaded_error")
        assert refused.headers["retry-after"] == "1"
        second.sendall(chunked("/echo", b"x" * 190_000))
        second.sendall(chunk(b"x" * 60_000))  # over, while it is received
        assert Answer(read_to_end(second)).status == 503
        first.sendall(b"x")
        assert b'"bytes": 300000' in read_until(first, b"}")
    assert process.talk(request("/echo", b"x" * 250_000, connection="close")).status == 200  # all given back


def try_post(process: ServerProcess, length: int) -> Answer | None:
    """The refusal of a body of that length, None while there is none."""
    with process.connect() as sock:
        sock.sendall(post_head(length, connection="close") + b"x" * length)
        answer = Answer(read_to_end(sock))
    return None if answer.status == 200 else answer


def test_what_follows_an_early_answer_is_dropped_and_not_held(launch: Launch) -> None:
    """uvicorn calls the application before the body is in: it may refuse from the headers alone."""
    process = launch("uvicorn", max_body_bytes=300_000, max_buffered_bytes=400_000)
    with process.connect() as sock:
        sock.sendall(request("/early", method="POST", content_length="300000"))
        read_until(sock, b"early")
        sock.sendall(b"x" * 299_999)
        process.eventually("/seen", lambda seen: seen)
        assert process.talk(request("/echo", b"x" * 300_000, connection="close")).status == 200
        sock.sendall(b"x" + request("/hello"))
        assert read_until(sock, b"hello").startswith(b"HTTP/1.1 200")  # the connection is still good
    with process.connect() as sock:
        sock.sendall(chunked("/early"))
        read_until(sock, b"early")
        send_until_refused(sock, chunk(b"x" * 65536), HUGE)
        assert b"HTTP/1.1" not in read_to_end(sock)  # no second answer to one request


# Heads.


def test_a_long_token_passes(served: ServerProcess) -> None:
    assert served.get("/hello", authorization="x" * 60_000).status == 200


@pytest.mark.parametrize(
    "head",
    [
        request("/hello", cookie="x" * 70_000),
        request("/hello?" + "x" * 70_000),
        request("/hello", **{f"x_{number}": "y" * 1000 for number in range(70)}),
        request("/hello", **{f"x_{number}": "y" for number in range(600)}),
        request("/hello", cookie="x" * 5_000_000),
    ],
    ids=["header", "target", "sum", "count", "huge"],
)
def test_heads_have_a_limit(served: ServerProcess, head: bytes) -> None:
    with served.connect() as sock:
        send_until_refused(sock, head, len(head))
        answer = Answer(read_to_end(sock))
    assert answer.status in (400, 0)  # a reset may overtake the answer
    assert served.get("/hello").status == 200


def test_a_head_that_never_ends_is_refused(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(b"GET /hello HTTP/1.1\r\nHost: test\r\n")
        sent = send_until_refused(sock, b"x-more: " + b"y" * 1000 + b"\r\n", 20_000_000)
    assert sent < 10_000_000


def test_a_refusal_has_our_shape(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(b"GET /hello HTTP/1.1\r\nno colon\r\n\r\n")
        answer = Answer(read_to_end(sock))
    assert (answer.status, answer.error) == (400, "invalid_request_error")
    assert "Invalid HTTP request" not in served.log  # anybody could fill it


# Requests that two parsers might read in two ways.

SMUGGLED = {
    "CL and TE": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE and CL": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two different CL": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "the same CL twice": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "CL list": b"Content-Length: 3, 3\r\n\r\nabc",
    "CL +3": b"Content-Length: +3\r\n\r\nabc",
    "CL -1": b"Content-Length: -1\r\n\r\nabc",
    "CL empty": b"Content-Length: \r\n\r\n",
    "TE twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE xchunked": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE gzip, chunked": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "TE with a control byte": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunk size not hex": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "chunk size 0x": b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size negative": b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
    "chunk longer than said": b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n",
    "space before the colon": b"Content-Length : 3\r\n\r\nabc",
    "NUL in a value": b"X: a\x00b\r\n\r\n",
    "two hosts": b"Host: other\r\n\r\n",
}


@pytest.mark.parametrize("rest", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_ambiguous_requests_end_the_connection(served: ServerProcess, rest: bytes) -> None:
    with served.connect(timeout=3) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: test\r\n" + rest + request("/hello"))
        raw = read_to_end(sock)
    assert raw.startswith(b"HTTP/1.1 400")
    assert b"hello" not in raw


def test_transfer_encoding_needs_http_1_1(served: ServerProcess) -> None:
    data = b"POST /echo HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    assert served.talk(data).status == 400


def test_garbage_never_gets_into_an_answer(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(request("/stream?count=5&wait=0.05"))
        read_until(sock, b"data: 0")
        sock.sendall(b"\x00garbage\r\n\r\n")
        answer, _, rest = read_to_end(sock).partition(b"0\r\n\r\n")
    assert answer.endswith(b"data: end\n\n\r\n")  # whole, and then at most a refusal
    assert rest == b"" or Answer(rest).status == 400


def test_a_refusal_waits_for_the_answers_before_it(served: ServerProcess) -> None:
    with served.connect() as sock:
        sock.sendall(request("/stream?count=3&wait=0.05") + post_head(HUGE) + request("/hello"))
        raw = read_to_end(sock)
    assert raw.startswith(b"HTTP/1.1 200")
    answer, _, rest = raw.partition(b"0\r\n\r\n")
    assert answer.endswith(b"data: end\n\n\r\n")
    assert rest == b"" or Answer(rest).status == 413
    assert b"hello" not in raw
