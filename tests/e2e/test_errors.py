"""The vendor's refusals pass word for word; ours have its shape and say nothing of what lies behind us."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.fakes import vendor as v
from tests.fakes.server import CUT, RESET, Answer
from tests.harness import GatewayProcess

STATUSES = [400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 501, 503, 504, 520, 529]


@pytest.fixture(params=["daphne", "uvicorn", "django"])
def own(request, start) -> GatewayProcess:
    """A gateway whose only account may end up resting or its provider's breaker open."""
    return start(request.param)


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
def test_refusals_of_a_request_pass_byte_for_byte(door, vendor, body):
    """Those that say nothing about the account: as often as one likes, on the shared gateway."""
    for status in (400, 404, 409, 413, 422):
        raw = v.error_body(status, "messages.1: `tool_use` ids were found without `tool_result` é “quoted”")
        more = (("retry-after", "7"), ("x-should-retry", "false"))
        vendor.say(v.json_answer(raw, status, *more))
        seen = door.messages(body)
        assert (seen.status, seen.body) == (status, raw)
        assert seen.get("content-type") == "application/json"
        assert seen.get("request-id") == v.REQUEST_ID
        assert seen.get("retry-after") == "7"
        assert seen.get("x-should-retry") == "false"


@pytest.mark.parametrize("status", STATUSES)
def test_every_error_status_passes_byte_for_byte(start, vendor, status):
    own = start("uvicorn")
    raw = v.error_body(status, "as the vendor words it: é")
    vendor.say(*[v.json_answer(raw, status, ("retry-after", "7"))] * 6)
    seen = own.messages(ASK)
    assert (seen.status, seen.body) == (status, raw)
    assert seen.get("request-id") == v.REQUEST_ID
    assert seen.get("retry-after") == "7"


@pytest.mark.parametrize("body", [b"<html>gateway timeout</html>", b"", b"\xff\xfe", b'{"a":1}'])
def test_an_error_that_is_no_json_passes_too(own, vendor, body):
    vendor.say(*[Answer(503, [("content-type", "text/html")], [body], reason="Nope")] * 6)
    seen = own.messages(ASK)
    assert (seen.status, seen.body, seen.get("content-type")) == (503, body, "text/html")


@pytest.mark.parametrize("ending", [RESET, CUT], ids=["reset", "closed"])
def test_an_upstream_that_closes_without_an_answer(own, vendor, ending):
    vendor.say(*[Answer(raw_head=b"", parts=[ending], framing="none")] * 6)
    seen = own.messages(ASK)
    assert seen.error[:2] == (502, "api_error")
    assert str(vendor.port) not in seen.body.decode()
    assert "127.0.0.1" not in seen.body.decode()


def test_an_upstream_that_speaks_no_http(own, vendor):
    vendor.say(*[Answer(raw_head=b"SSH-2.0-OpenSSH_9.2\r\n", parts=[CUT], framing="none")] * 6)
    seen = own.messages(ASK)
    assert seen.error[:2] == (502, "api_error")
    assert "SSH" not in seen.body.decode()


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
