"""What arrives, in which order and when; and what happens when either side goes away."""

from __future__ import annotations

import json
import time

import pytest

from tests.e2e.calls import ASK, PING, STREAM, ask_body
from tests.fakes import vendor as v
from tests.fakes.server import CUT, RESET, Gate
from tests.rawhttp import RawClient, events

TEXT = 'Grüße 😀 日本語, and \\n "quotes"'
RECORDS = v.events(
    "claude-sonnet-5-5", v.thinking("hm…"), v.text(TEXT), v.tool_use("Bash", {"command": "ls é"})
)


def begin(gateway, body=STREAM, *headers):
    """A client whose request is out."""
    client = RawClient(gateway.port)
    return client.ask("POST", "/v1/messages?beta=true", [*gateway.call_headers(), *headers], body)


def test_every_event_leaves_as_it_arrives(door, vendor):
    gates = [Gate() for _ in RECORDS]
    vendor.say(v.stream_answer([part for pair in zip(gates, RECORDS, strict=True) for part in pair]))
    with begin(door) as client:
        got = b""
        for number, gate in enumerate(gates):
            assert gate.reached.wait(5)
            gate.open()
            opened_at = time.monotonic()
            if number == 0:
                assert client.head().status == 200
            while len(got) < sum(map(len, RECORDS[: number + 1])):
                got += client.chunk()
            assert got == b"".join(RECORDS[: number + 1])
            assert time.monotonic() - opened_at < 0.5
        assert client.rest() == (b"", False)


def test_the_head_of_a_stream(door, vendor):
    vendor.say(v.stream_answer(list(RECORDS)))
    with begin(door) as client:
        head = client.head()
    assert head.status == 200
    assert head.all("content-type") == ["text/event-stream; charset=utf-8"]
    assert head.all("x-accel-buffering") == ["no"]
    assert head.all("transfer-encoding") == ["chunked"]
    assert not head.all("content-length")
    assert not head.all("content-encoding")


def test_unicode_split_across_chunks(door, vendor):
    whole = b"".join(RECORDS)
    vendor.say(v.stream_answer([whole[at : at + 1] for at in range(len(whole))]))
    with begin(door) as client:
        assert client.response().body == whole


@pytest.mark.parametrize("newline", [b"\r\n", b"\r"])
def test_what_a_stream_may_hold_passes_untouched(gateway, vendor, newline):
    odd = b': a comment\n\nevent: next_years_event\ndata:{"type":"next_years_event"}\nid: 7\nretry: 1\n\n'
    whole = (odd + b"".join(RECORDS)).replace(b"\n", newline)
    vendor.say(v.stream_answer([whole[:50], whole[50:51], whole[51:]]))
    with begin(gateway) as client:
        assert client.response().body == whole


@pytest.mark.parametrize("how", ["leave", "reset"])
def test_a_client_that_leaves_mid_stream_closes_the_upstream(door, vendor, how):
    vendor.say(v.stream_answer([RECORDS[0], Gate()]))
    client = begin(door)
    client.head()
    client.until(b"message_start")
    left_at = getattr(client, how)()
    assert vendor.last.wait_gone() - left_at < 1


@pytest.mark.parametrize("body", [STREAM, ASK], ids=["stream", "whole"])
def test_a_client_that_leaves_before_the_head_closes_the_upstream(door, vendor, body):
    gate = Gate()
    answer = v.stream_answer(list(RECORDS))
    answer.before_head = gate
    vendor.say(answer)
    client = begin(door, body)
    assert gate.reached.wait(5)
    left_at = client.leave()
    assert vendor.last.wait_gone() - left_at < 1


@pytest.mark.parametrize("ending", [RESET, CUT], ids=["reset", "cut"])
@pytest.mark.parametrize(
    "begun", [b"", b'event: content_block_delta\ndata: {"type":"con'], ids=["between", "inside"]
)
def test_a_cut_upstream_becomes_an_error_event(door, vendor, ending, begun):
    vendor.say(v.stream_answer([RECORDS[0] + begun, 0.05, ending]))
    with begin(door) as client:
        answer = client.response()
    assert not answer.is_cut
    assert answer.body.startswith(RECORDS[0] + begun)
    last = answer.body.removesuffix(b"\n\n").rpartition(b"\n\n")[2]
    # A cut record is ended by one line feed: a blank line would have the client parse its half JSON.
    assert last == begun + b"\n" * bool(begun) + last[last.index(b"event: error\ndata: ") :]
    failure = json.loads(last.rpartition(b"data: ")[2])
    assert failure["type"] == "error"
    assert failure["error"]["type"] == "api_error"
    assert str(vendor.port) not in answer.body.decode()


def test_a_stream_that_ends_without_its_last_event_is_an_error(door, vendor):
    vendor.say(v.stream_answer(list(RECORDS[:-1])))
    with begin(door) as client:
        answer = client.response()
    assert not answer.is_cut
    assert answer.body.startswith(b"".join(RECORDS[:-1]))
    assert events(answer.body)[-1] == "error"


def test_an_error_event_of_the_vendor_passes_and_nothing_follows(door, vendor):
    failure = v.event("error", error={"type": "overloaded_error", "message": "Overloaded, é"})
    whole = b"".join(RECORDS[:3]) + failure
    vendor.say(v.stream_answer([whole]))
    with begin(door) as client:
        assert client.response().body == whole


def test_a_cut_answer_that_is_no_stream_is_cut_for_the_client_too(gateway, vendor):
    answer = v.json_answer(b'{"id":"msg_1",')
    answer.length, answer.close = 500, True
    vendor.say(answer)
    with begin(gateway, ASK) as client:
        seen = client.response()
    assert seen.is_cut or seen.status == 502


def test_many_streams_at_once_do_not_mix(gateway, vendor):
    clients = [begin(gateway, ask_body(f"THINK number {n}", stream=True)) for n in range(30)]
    for number, client in enumerate(clients):
        with client:
            body = client.response().body
        expected = v.events(
            "claude-sonnet-5-5", v.thinking("Let me see…"), v.text(f"You said: number {number}")
        )
        assert body == b"".join(expected)


class TestSilence:
    """Pings and timeouts, on gateways where both are short."""

    def test_pings_before_the_first_byte(self, quick, vendor):
        answer = v.stream_answer(list(RECORDS))
        answer.delay = 1.0
        vendor.say(answer)
        with begin(quick) as client:
            started_at = time.monotonic()
            head = client.head()
            assert client.chunk() == PING
            assert time.monotonic() - started_at < 0.9
            body, is_cut = client.rest()
        assert (head.status, is_cut) == (200, False)
        assert head.get("content-type").startswith("text/event-stream")
        assert head.all("x-accel-buffering") == ["no"]
        pings = body[: -len(b"".join(RECORDS))]
        assert body.endswith(b"".join(RECORDS))
        assert pings == PING * (len(pings) // len(PING))

    def test_pings_between_events(self, quick, vendor):
        vendor.say(v.stream_answer([*RECORDS[:3], 1.0, *RECORDS[3:]]))
        with begin(quick) as client:
            body = client.response().body
        first, rest = b"".join(RECORDS[:3]), b"".join(RECORDS[3:])
        pings = body[len(first) : -len(rest)]
        assert body == first + pings + rest
        assert 1 <= len(pings) // len(PING) <= 3
        assert pings == PING * (len(pings) // len(PING))

    def test_no_ping_inside_an_event(self, quick, vendor):
        whole = b"".join(RECORDS)
        vendor.say(v.stream_answer([whole[:40], 0.8, whole[40:]]))
        with begin(quick) as client:
            assert client.response().body == whole

    def test_no_ping_for_an_answer_that_is_not_streamed(self, quick, vendor):
        answer = v.json_answer(v.message("claude-sonnet-5-5", v.text("slow")))
        answer.delay = 0.9
        vendor.say(answer)
        seen = quick.messages(ASK)
        assert seen.status == 200
        assert seen.body == answer.parts[0]

    def test_a_refusal_after_a_ping_is_an_error_event(self, quick, vendor):
        answer = v.error_answer(400, "prompt is too long: é")
        answer.delay = 0.8
        vendor.say(answer)
        with begin(quick) as client:
            seen = client.response()
        assert seen.status == 200
        *pings, last = events(seen.body)
        assert set(pings) == {"ping"}
        assert last == "error"
        failure = json.loads(seen.body.split(b"event: error\ndata: ")[1])
        assert failure["error"]["type"] == "invalid_request_error"
        assert failure["error"]["message"] == "prompt is too long: é"

    def test_an_upstream_silent_mid_stream_is_given_up(self, quick, vendor):
        vendor.say(v.stream_answer([RECORDS[0], Gate()]))
        with begin(quick) as client:
            started_at = time.monotonic()
            seen = client.response()
        assert 1.5 < time.monotonic() - started_at < 5
        names = events(seen.body)
        assert names[0] == "message_start"
        assert names[-1] == "error"
        vendor.last.wait_gone()

    def test_an_upstream_that_never_answers_is_504(self, quick, vendor):
        answer = v.json_answer({})
        answer.before_head = Gate()
        vendor.say(*[answer] * 4)
        started_at = time.monotonic()
        seen = quick.messages(ASK)
        assert 1.5 < time.monotonic() - started_at < 12
        assert seen.error[:2] == (504, "timeout_error")

    def test_a_client_that_leaves_among_pings_closes_the_upstream(self, quick, vendor):
        answer = v.stream_answer(list(RECORDS))
        answer.before_head = Gate()
        vendor.say(answer)
        client = begin(quick)
        client.head()
        assert client.chunk() == PING
        left_at = client.leave()
        assert vendor.last.wait_gone() - left_at < 1
