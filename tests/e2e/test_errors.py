"""The vendor's refusals pass word for word; ours have its shape and say nothing of what lies behind us."""

from __future__ import annotations

import socket
import time

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.fakes import vendor as v
from tests.fakes.server import CUT, RESET, Answer

STATUSES = [400, 401, 402, 403, 404, 405, 409, 413, 422, 429, 451, 500, 501, 503, 504, 520, 529]


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("status", STATUSES)
def test_every_error_status_passes_byte_for_byte(entry_point, vendor, status, body):
    raw = v.error_body(status, "messages.1: `tool_use` ids were found without `tool_result` é “quoted”")
    more = (
        ("retry-after", "7"),
        ("x-should-retry", "false"),
        ("anthropic-ratelimit-requests-remaining", "0"),
    )
    vendor.say(v.json_answer(raw, status, *more))
    seen = entry_point.messages(body)
    assert (seen.status, seen.body) == (status, raw)
    assert seen.get("content-type") == "application/json"
    assert seen.get("request-id") == v.REQUEST_ID
    assert seen.get("retry-after") == "7"
    assert seen.get("x-should-retry") == "false"
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("body", [b"<html>gateway timeout</html>", b"", b"\xff\xfe", b'{"a":1}'])
def test_an_error_that_is_no_json_passes_too(entry_point, vendor, body):
    vendor.say(Answer(503, [("content-type", "text/html")], [body], reason="Nope"))
    seen = entry_point.messages(ASK)
    assert (seen.status, seen.body, seen.get("content-type")) == (503, body, "text/html")


@pytest.mark.parametrize("ending", [RESET, CUT], ids=["reset", "closed"])
@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
def test_an_upstream_that_closes_without_an_answer(entry_point, vendor, ending, body):
    vendor.say(*[Answer(raw_head=b"", parts=[ending], framing="none")] * 6)
    seen = entry_point.messages(body)
    assert seen.error[:2] == (502, "api_error")
    assert str(vendor.port) not in seen.body.decode()
    assert "127.0.0.1" not in seen.body.decode()


def test_an_upstream_that_speaks_no_http(entry_point, vendor):
    vendor.say(*[Answer(raw_head=b"SSH-2.0-OpenSSH_9.2\r\n", parts=[CUT], framing="none")] * 6)
    seen = entry_point.messages(ASK)
    assert seen.error[:2] == (502, "api_error")
    assert "SSH" not in seen.body.decode()


NO_ANSWERS = [
    b"HTTP/1.1 000 X\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 600 X\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 999 X\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 X\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("raw", NO_ANSWERS, ids=lambda raw: raw[9:12].decode())
def test_what_is_no_answer_is_a_502_and_the_next_call_is_served(gateway, vendor, raw):
    for body in (ASK, STREAM):
        vendor.say(Answer(raw_head=raw, framing="none"))
        assert gateway.messages(body).error[:2] == (502, "api_error")
        assert gateway.messages(ASK).status == 200


def test_an_answer_without_a_body_passes_without_a_length(gateway, vendor):
    for raw in (b"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 304 X\r\n\r\n"):
        vendor.say(Answer(raw_head=raw, framing="none"))
        seen = gateway.messages(ASK)
        assert (seen.status, seen.get("content-length"), seen.body) == (int(raw[9:12]), None, b"")
        assert gateway.messages(ASK).status == 200


@pytest.mark.parametrize("coding", ["chunked ", "chunked\t", "CHUNKED", "chunked,"])
def test_chunks_that_break_off_are_told(gateway, vendor, coding):
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: {coding}\r\n\r\n".encode()
    )
    vendor.say(Answer(raw_head=head, parts=[b'9\r\n{"half": ', CUT], framing="none"))
    assert gateway.messages(ASK).is_cut
    vendor.say(Answer(raw_head=head, parts=[b"2\r\n{}\r\n0\r\n\r\n"], framing="none", close=True))
    seen = gateway.messages(ASK)
    assert (seen.body, seen.is_cut) == (b"{}", False)


def wait_closed(vendor, number: int) -> None:
    """Wait until the gateway has closed the connection. A call before that may take the bytes for its answer."""
    deadline = time.monotonic() + 5
    while number in {connection.number for connection in list(vendor.open)}:
        assert time.monotonic() < deadline, "bytes that nobody asked for did not close the connection"
        time.sleep(0.005)


@pytest.mark.parametrize("pause", [0, 0.001, 0.02])
def test_bytes_behind_an_answer_are_nobody_elses(gateway, vendor, pause):
    evil = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nevil"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    for _ in range(5):
        vendor.say(Answer(raw_head=head, parts=[pause, evil], framing="none"))
        assert gateway.messages(ASK).body == b"{}"
        wait_closed(vendor, vendor.last.connection)
        assert b"evil" not in gateway.messages(ASK).body


def test_a_failed_call_leaves_a_line_in_the_log_with_its_id(gateway, vendor):
    vendor.say(*[Answer(raw_head=b"", parts=[CUT], framing="none")] * 6)
    seen = gateway.messages(ASK)
    assert seen.status == 502
    deadline = time.monotonic() + 2
    while seen.get("request-id") not in gateway.log():  # it is written when the exchange has ended
        assert time.monotonic() < deadline, gateway.log()
        time.sleep(0.02)


@pytest.mark.parametrize("entry_point_name", ["daphne", "uvicorn"])
def test_an_upstream_that_is_not_there(start, entry_point_name):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        own = start(entry_point_name, upstream_url=f"http://127.0.0.1:{port}")
        seen = own.messages(ASK)
    assert seen.error[:2] == (502, "api_error")
    assert str(port) not in seen.body.decode()
    streamed = own.messages(STREAM)
    assert streamed.status in (502, 503)


def test_without_any_credential(start, vendor):
    own = start("uvicorn", {"ANTHROPIC_API_KEY": ""})
    seen = own.messages(ASK)
    assert seen.error == (502, "api_error", "Upstream authentication unavailable")
    assert vendor.seen == []


def test_a_redirect_is_passed_on_and_not_followed(entry_point, vendor):
    vendor.say(Answer(302, [v.JSON, ("location", f"{vendor.url}/elsewhere")], [b"{}"], reason="Found"))
    seen = entry_point.messages(ASK)
    assert seen.status == 302
    assert len(vendor.seen) == 1
