"""What strangers send, over real sockets: an answer in due form each time, and never a traceback."""

from __future__ import annotations

import base64
import contextlib
import json

import pytest

from tests.e2e import malformed
from tests.e2e.calls import ASK, STREAM
from tests.rawhttp import RawClient, Response

TABLES = {
    "request lines": malformed.REQUEST_LINES,
    "paths": malformed.PATHS,
    "headers": malformed.HEADERS,
    "lengths": malformed.LENGTHS,
    "handshakes": malformed.HANDSHAKES,
}


OF_DJANGO = {"Host that Django dislikes", "form", "multipart"}
"""Understood by the server, refused by a page: the connection may stay."""


def answer_to(port: int, data: bytes, *, must_close: bool) -> tuple[Response | None, bool]:
    """The answer, and whether the connection was closed after a refusal."""
    with RawClient(port, timeout=3) as client:
        with contextlib.suppress(OSError):
            client.send(data)
        try:
            answer = client.response()
        except (EOFError, TimeoutError):
            return None, True
        return answer, answer.status != 400 or not must_close or client.is_closed()


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_every_malformed_request_gets_its_answer(gateway, table: malformed.Table) -> None:
    before = len(gateway.log())
    wrong = []
    for name, (data, statuses) in table.items():
        answer, is_closed = answer_to(gateway.port, data, must_close=name not in OF_DJANGO)
        if answer is None or answer.status not in statuses or not is_closed:
            wrong.append(f"{name}: {answer and answer.status}, closed: {is_closed}")
        elif answer.status == 400 and name not in OF_DJANGO:
            assert answer.json()["error"]["type"] == "invalid_request_error", name
    said = gateway.log()[before:]
    assert not wrong
    assert "Traceback" not in said
    assert gateway.ask("GET", "/health").status == 200


# Bodies that are held back.

MIB = 1024 * 1024
LONG = 32 * MIB


def hold(stack: contextlib.ExitStack, port: int, target: str, *headers: tuple[str, str]) -> RawClient:
    """A body of 32 MiB of which two arrive, and then nothing."""
    client = stack.enter_context(RawClient(port, timeout=5))
    client.ask("POST", target, [("content-length", str(LONG)), *headers])
    client.sock.setblocking(False)
    with contextlib.suppress(BlockingIOError, ConnectionError):
        for _ in range(32):
            client.sock.send(b" " * 65536)
    client.sock.settimeout(5)
    return client


def test_64_bodies_of_strangers_leave_room_for_tokens(gateway) -> None:
    with contextlib.ExitStack() as stack:
        before = gateway.resident_bytes()
        for number in range(64):
            hold(stack, gateway.port, "/v1/messages" if number % 4 == 0 else "/api/tokens")
        for _ in range(3):
            assert gateway.messages(large_call()).status == 200
            assert gateway.admin("GET", "/api/tokens/list").status == 200
        assert gateway.resident_bytes() - before < 96 * MIB


def test_a_stranger_is_refused_before_the_body_and_in_the_dialect(gateway) -> None:
    with contextlib.ExitStack() as stack:
        for target in ("/v1/messages", "/v1/chat/completions", "/v1/responses"):
            client = hold(stack, gateway.port, target)
            assert client.head().status == 401
            asks = stack.enter_context(RawClient(gateway.port))
            asks.ask("POST", target, [("content-length", "5"), ("expect", "100-continue")])
            head = asks.sock.recv(65536)
            assert head.startswith(b"HTTP/1.1 401"), head


def test_a_token_is_asked_for_its_body(gateway) -> None:
    body = large_call()
    with RawClient(gateway.port) as client:
        headers = [
            *gateway.call_headers(),
            ("content-length", str(len(body))),
            ("expect", "100-continue"),
        ]
        client.ask("POST", "/v1/messages", headers)
        assert client.line() == b"HTTP/1.1 100 Continue"
        assert client.line() == b""
        client.send(body)
        assert client.response().status == 200


def large_call() -> bytes:
    """A call whose body no server reads at once."""
    return json.dumps({**json.loads(ASK), "metadata": {"user_id": "x" * MIB}}).encode()


# Standards.


def test_http_as_the_rfc_has_it(gateway) -> None:
    port = gateway.port
    assert (
        ask_raw(port, malformed.get(b"http://other.test/health", host=b"Host: gateway.test\r\n")).status
        == 200
    )
    assert ask_raw(port, malformed.get(b"HTTPS://other.test:443/health?a=b")).status == 200
    assert (
        ask_raw(port, malformed.get(b"http://other.test/health", host=b"")).status == 400
    )  # still needs one
    assert ask_raw(port, malformed.get(b"http://other.test")).status in (301, 302, 401, 404, 405)
    for target in (b"*", b"http://other.test"):
        answer = ask_raw(port, malformed.get(target).replace(b"GET", b"OPTIONS"))
        assert (answer.status, answer.body) == (200, b"")
        assert "POST" in (answer.get("allow") or "")


@pytest.mark.parametrize(
    "lines", [(b"Connection: keep-alive", b"Connection: close"), (b"Connection:\tx,\tClose",)]
)
def test_every_connection_header_is_read(gateway, lines: tuple[bytes, ...]) -> None:
    with RawClient(gateway.port, timeout=3) as client:
        answer = client.send(malformed.get(b"/health", *lines)).response()
        assert (answer.status, answer.get("connection")) == (200, "close")
        assert client.is_closed()


def test_an_old_client_gets_no_chunks(gateway, vendor) -> None:
    lines = [f"{name}: {value}".encode() for name, value in gateway.call_headers()]
    data = malformed.post(*lines, b"Content-Length: %d" % len(STREAM), body=STREAM).replace(
        b"HTTP/1.1", b"HTTP/1.0"
    )
    with RawClient(gateway.port, timeout=5) as client:
        answer = client.send(data).response()
    assert (answer.status, answer.get("transfer-encoding")) == (200, None)
    assert answer.body.endswith(b'{"type":"message_stop"}\n\n')


def ask_raw(port: int, data: bytes) -> Response:
    with RawClient(port, timeout=3) as client:
        return client.send(data).response()


def test_a_token_of_a_stranger_is_refused_without_a_traceback(gateway) -> None:
    before = len(gateway.log())
    for header in (b'{"alg":"\\ud800"}', b'{"alg":"none"}', b"[]", b"\xff", b'{"alg":' + b"9" * 5000 + b"}"):
        encoded = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
        for place in ("authorization", "x-api-key"):
            secret = f"la_sk_{encoded}.e30.AAAA"
            value = f"Bearer {secret}" if place == "authorization" else secret
            answer = gateway.ask("POST", "/v1/messages", [(place, value)], ASK)
            assert answer.status == 401, header
    assert "Traceback" not in gateway.log()[before:]
