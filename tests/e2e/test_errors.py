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
def test_every_error_status_passes_byte_for_byte(door, vendor, status, body):
    raw = v.error_body(status, "messages.1: `tool_use` ids were found without `tool_result` é “quoted”")
    more = (
        ("retry-after", "7"),
        ("x-should-retry", "false"),
        ("anthropic-ratelimit-requests-remaining", "0"),
    )
    vendor.say(v.json_answer(raw, status, *more))
    seen = door.messages(body)
    assert (seen.status, seen.body) == (status, raw)
    assert seen.get("content-type") == "application/json"
    assert seen.get("request-id") == v.REQUEST_ID
    assert seen.get("retry-after") == "7"
    assert seen.get("x-should-retry") == "false"
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("body", [b"<html>gateway timeout</html>", b"", b"\xff\xfe", b'{"a":1}'])
def test_an_error_that_is_no_json_passes_too(door, vendor, body):
    vendor.say(Answer(503, [("content-type", "text/html")], [body], reason="Nope"))
    seen = door.messages(ASK)
    assert (seen.status, seen.body, seen.get("content-type")) == (503, body, "text/html")


@pytest.mark.parametrize("ending", [RESET, CUT], ids=["reset", "closed"])
@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
def test_an_upstream_that_closes_without_an_answer(door, vendor, ending, body):
    vendor.say(*[Answer(raw_head=b"", parts=[ending], framing="none")] * 6)
    seen = door.messages(body)
    assert seen.error[:2] == (502, "api_error")
    assert str(vendor.port) not in seen.body.decode()
    assert "127.0.0.1" not in seen.body.decode()


def test_an_upstream_that_speaks_no_http(door, vendor):
    vendor.say(*[Answer(raw_head=b"SSH-2.0-OpenSSH_9.2\r\n", parts=[CUT], framing="none")] * 6)
    seen = door.messages(ASK)
    assert seen.error[:2] == (502, "api_error")
    assert "SSH" not in seen.body.decode()


def test_a_failed_call_leaves_a_line_in_the_log_with_its_id(gateway, vendor):
    vendor.say(*[Answer(raw_head=b"", parts=[CUT], framing="none")] * 6)
    seen = gateway.messages(ASK)
    assert seen.status == 502
    deadline = time.monotonic() + 2
    while seen.get("request-id") not in gateway.log():  # it is written when the exchange has ended
        assert time.monotonic() < deadline, gateway.log()
        time.sleep(0.02)


@pytest.mark.parametrize("door_name", ["daphne", "uvicorn"])
def test_an_upstream_that_is_not_there(start, door_name):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        own = start(door_name, upstream_url=f"http://127.0.0.1:{port}")
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


def test_a_redirect_is_passed_on_and_not_followed(door, vendor):
    vendor.say(Answer(302, [v.JSON, ("location", f"{vendor.url}/elsewhere")], [b"{}"], reason="Found"))
    seen = door.messages(ASK)
    assert seen.status == 302
    assert len(vendor.seen) == 1
