"""What arrives, in which order and when; and what happens when either side goes away."""

from __future__ import annotations

import json
import time

import pytest

from tests.e2e.calls import ASK, PING, STREAM, ask_body
from tests.e2e.conftest import QUICK
from tests.fakes import vendor as v
from tests.fakes.server import CUT, RESET, Gate
from tests.rawhttp import RawClient, events

TEXT = 'Grüße 😀 日本語, and \\n "quotes"'
RECORDS = v.events(
    "claude-sonnet-5-5", v.thinking("hm…"), v.text(TEXT), v.tool_use("Bash", {"command": "ls é"})
)


def begin(gateway, body=STREAM, *headers):
    """Return a client whose request is out."""
    client = RawClient(gateway.port)
    return client.ask("POST", "/v1/messages?beta=true", [*gateway.call_headers(), *headers], body)


def test_every_event_leaves_as_it_arrives(entry_point, vendor):
    gates = [Gate() for _ in RECORDS]
    vendor.say(v.stream_answer([part for pair in zip(gates, RECORDS, strict=True) for part in pair]))
    waited = []
    with begin(entry_point) as client:
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
            waited.append(time.monotonic() - opened_at)
        assert client.rest() == (b"", False)
    assert min(waited) < 0.5  # what holds a record back by rule holds each; a busy machine only some


def test_the_head_of_a_stream(entry_point, vendor):
    vendor.say(v.stream_answer(list(RECORDS)))
    with begin(entry_point) as client:
        head = client.head()
    assert head.status == 200
    assert head.all("content-type") == ["text/event-stream; charset=utf-8"]
    assert head.all("x-accel-buffering") == ["no"]
    assert head.all("transfer-encoding") == ["chunked"]
    assert not head.all("content-length")
    assert not head.all("content-encoding")


def test_unicode_split_across_chunks(entry_point, vendor):
    whole = b"".join(RECORDS)
    vendor.say(v.stream_answer([whole[at : at + 1] for at in range(len(whole))]))
    with begin(entry_point) as client:
        assert client.response().body == whole


@pytest.mark.parametrize("newline", [b"\r\n", b"\r"])
def test_what_a_stream_may_hold_passes_untouched(gateway, vendor, newline):
    odd = b': a comment\n\nevent: next_years_event\ndata:{"type":"next_years_event"}\nid: 7\nretry: 1\n\n'
    whole = (odd + b"".join(RECORDS)).replace(b"\n", newline)
    vendor.say(v.stream_answer([whole[:50], whole[50:51], whole[51:]]))
    with begin(gateway) as client:
        assert client.response().body == whole


@pytest.mark.parametrize("how", ["leave", "reset"])
def test_a_client_that_leaves_mid_stream_closes_the_upstream(entry_point, vendor, how):
    vendor.say(v.stream_answer([RECORDS[0], Gate()]))
    client = begin(entry_point)
    client.head()
    client.until(b"message_start")
    left_at = getattr(client, how)()
    assert vendor.last.wait_gone() - left_at < 1


@pytest.mark.parametrize("body", [STREAM, ASK], ids=["stream", "whole"])
def test_a_client_that_leaves_before_the_head_closes_the_upstream(entry_point, vendor, body):
    gate = Gate()
    answer = v.stream_answer(list(RECORDS))
    answer.before_head = gate
    vendor.say(answer)
    client = begin(entry_point, body)
    assert gate.reached.wait(5)
    left_at = client.leave()
    assert vendor.last.wait_gone() - left_at < 1


@pytest.mark.parametrize("ending", [RESET, CUT], ids=["reset", "cut"])
@pytest.mark.parametrize(
    "begun", [b"", b'event: content_block_delta\ndata: {"type":"con'], ids=["between", "inside"]
)
def test_a_cut_upstream_becomes_an_error_event(entry_point, vendor, ending, begun):
    vendor.say(v.stream_answer([RECORDS[0] + begun, 0.05, ending]))
    with begin(entry_point) as client:
        answer = client.response()
    assert not answer.is_cut
    # Of a record that was torn nothing is passed on: a client would fail on it, or lose the error in it.
    last = answer.body.removeprefix(RECORDS[0])
    assert last.startswith(b"event: error\ndata: ") and last.count(b"\n\n") == 1
    failure = json.loads(last.rpartition(b"data: ")[2])
    assert failure["type"] == "error"
    assert failure["error"]["type"] == "api_error"
    assert str(vendor.port) not in answer.body.decode()


def test_a_stream_that_ends_without_its_last_event_is_an_error(entry_point, vendor):
    vendor.say(v.stream_answer(list(RECORDS[:-1])))
    with begin(entry_point) as client:
        answer = client.response()
    assert not answer.is_cut
    assert answer.body.startswith(b"".join(RECORDS[:-1]))
    assert events(answer.body)[-1] == "error"


def test_an_error_event_of_the_vendor_passes_and_nothing_follows(entry_point, vendor):
    failure = v.event("error", error={"type": "overloaded_error", "message": "Overloaded, é"})
    whole = b"".join(RECORDS[:3]) + failure
    vendor.say(v.stream_answer([whole]))
    with begin(entry_point) as client:
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
        answer.before_head = gate = Gate()
        vendor.say(answer)
        with begin(quick) as client:
            head = client.head()
            assert client.chunk() == PING
            gate.open()
            body, is_cut = client.rest()
        assert (head.status, is_cut) == (200, False)
        assert head.get("content-type").startswith("text/event-stream")
        assert head.all("x-accel-buffering") == ["no"]
        pings = body[: -len(b"".join(RECORDS))]
        assert body.endswith(b"".join(RECORDS))
        assert pings == PING * (len(pings) // len(PING))

    def test_pings_between_events(self, quick, vendor):
        gate = Gate()
        vendor.say(v.stream_answer([*RECORDS[:3], gate, *RECORDS[3:]]))
        with begin(quick) as client:
            client.head()
            began = time.monotonic()
            body = client.until(PING)
            gate.open()
            body += client.rest()[0]
            most = 1 + (time.monotonic() - began) / float(QUICK["PING_SECONDS"])
        first, rest = b"".join(RECORDS[:3]), b"".join(RECORDS[3:])
        pings = body[len(first) : -len(rest)]
        assert body == first + pings + rest
        assert 1 <= len(pings) // len(PING) <= most
        assert pings == PING * (len(pings) // len(PING))

    def test_no_ping_inside_an_event(self, quick, vendor):
        whole = b"".join(RECORDS)
        vendor.say(v.stream_answer([whole[:40], 0.8, whole[40:]]))
        with begin(quick) as client:
            body = client.response().body
        assert body.endswith(whole) and set(events(body.removesuffix(whole))) <= {"ping"}

    def test_no_ping_for_an_answer_that_is_not_streamed(self, quick, vendor):
        answer = v.json_answer(v.message("claude-sonnet-5-5", v.text("slow")))
        answer.delay = 0.9
        vendor.say(answer)
        seen = quick.messages(ASK)
        assert seen.status == 200
        assert seen.body == answer.parts[0]

    def test_a_refusal_after_a_ping_is_an_error_event(self, quick, vendor):
        answer = v.error_answer(400, "prompt is too long: é")
        answer.before_head = gate = Gate()
        vendor.say(answer)
        with begin(quick) as client:
            seen = client.head()
            assert client.chunk() == PING
            gate.open()
            seen.body = client.rest()[0]
        assert seen.status == 200
        *pings, last = events(seen.body)
        assert set(pings) <= {"ping"}
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
