"""Bodies pass byte for byte, in both directions, whatever they are."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import threading

import brotli
import pytest
import zstandard

from tests.e2e.calls import ASK, STREAM, ask_body
from tests.fakes import vendor as v
from tests.fakes.server import Answer
from tests.rawhttp import RawClient

MIB = 1024 * 1024
CODINGS = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "identity": bytes,
}
EVENTS = b"".join(v.events("claude-sonnet-5-5", v.text("as it was: é")))
JSON = b'{"type":"message",  "id": "m", "b":1,"a":2, "n": 1.0, "u":"\\u00e9\xc3\xa9", "usage": {"output_tokens":3}}\n'

REQUEST_BODIES = {
    "odd spacing, odd order, escapes": ASK,
    "system array": ask_body(
        system=[{"type": "text", "text": "x-billing: 1"}, {"type": "text", "text": "é"}]
    ),
    "not JSON": b"this is {not json",
    "an array": b"[1, 2]",
    "a number": b"7",
    "empty": b"",
    "binary": bytes(range(256)),
    "a duplicate field": b'{"model":"a","model":"b","max_tokens":1}',
    "nulls": b'{"model":null,"max_tokens":null,"stream":null,"messages":[],"metadata":null}',
    "wrong types": b'{"model":1,"max_tokens":"x","stream":"yes","messages":{},"metadata":[]}',
    "big numbers": b'{"model":"m","max_tokens":1,"x":123456789012345678901234567890,"y":1e400,"z":0.1}',
    "invalid UTF-8": b'{"model":"m","x":"\xff\xfe"}',
    "lone surrogate": b'{"model":"m","x":"\\ud800"}',
    "deep": b'{"model":"m","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
}


@pytest.mark.parametrize("body", REQUEST_BODIES.values(), ids=REQUEST_BODIES)
def test_a_request_body_arrives_as_it_was_sent(entry_point, vendor, body):
    vendor.say(v.json_answer({}))
    assert entry_point.messages(body).status == 200
    assert vendor.last.body == body
    assert vendor.last.all("content-length") == [str(len(body)).encode()]
    assert not vendor.last.all("transfer-encoding")


def test_a_chunked_request_body_arrives_whole(entry_point, vendor):
    with RawClient(entry_point.port) as client:
        client.ask("POST", "/v1/messages", [*entry_point.call_headers(), ("transfer-encoding", "chunked")])
        for at in range(0, len(ASK), 10):
            piece = ASK[at : at + 10]
            client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        client.send(b"0\r\n\r\n")
        assert client.response().status == 200
    assert vendor.last.body == ASK


def test_expect_continue_is_answered_here(gateway, vendor):
    headers = [*gateway.call_headers(), ("expect", "100-continue"), ("content-length", str(len(ASK)))]
    with RawClient(gateway.port) as client:
        client.ask("POST", "/v1/messages", headers)
        assert client.line().startswith(b"HTTP/1.1 100")
        client.line()
        client.send(ASK)
        assert client.response().status == 200
    assert vendor.last.body == ASK
    assert not vendor.last.all("expect")


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("kind", ["json", "stream", "error"])
def test_a_coded_answer_passes_with_its_header(entry_point, vendor, coding, kind):
    plain, status, content_type = {
        "json": (JSON, 200, v.JSON),
        "stream": (EVENTS, 200, v.EVENT_STREAM),
        "error": (v.error_body(400, "thinking: é"), 400, v.JSON),
    }[kind]
    raw = CODINGS[coding](plain)
    headers = [content_type, ("content-encoding", coding)]
    vendor.say(Answer(status, headers, [raw[:7], 0.02, raw[7:]], "chunked"))
    seen = entry_point.messages(STREAM if kind == "stream" else ASK, ("accept-encoding", "gzip, br, zstd"))
    assert (seen.status, seen.body, seen.is_cut) == (status, raw, False)
    assert seen.all("content-encoding") == [coding]


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
def test_a_mislabelled_answer_passes_too(gateway, vendor, body):
    kind = v.EVENT_STREAM if body is STREAM else v.JSON
    raw = EVENTS if body is STREAM else JSON
    vendor.say(Answer(200, [kind, ("content-encoding", "gzip")], [raw], "chunked"))
    seen = gateway.messages(body)
    assert (seen.status, seen.body) == (200, raw)
    assert seen.all("content-encoding") == ["gzip"]


def test_a_stream_is_asked_for_without_coding(gateway, vendor):
    gateway.messages(STREAM, ("accept-encoding", "gzip, br"))
    assert vendor.last.all("accept-encoding") == [b"identity"]
    gateway.messages(ASK, ("accept-encoding", "gzip, br"))
    assert vendor.last.all("accept-encoding") == [b"gzip, br"]


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_every_framing_of_an_answer(entry_point, vendor, framing):
    vendor.say(Answer(200, [v.JSON], [JSON], framing))
    seen = entry_point.messages(ASK)
    assert (seen.status, seen.body, seen.is_cut) == (200, JSON, False)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body(gateway, vendor, status):
    vendor.say(Answer(status, [("request-id", "req_1")]))
    seen = gateway.messages(ASK)
    assert (seen.status, seen.body, seen.get("request-id")) == (status, b"", "req_1")


def test_an_empty_answer(gateway, vendor):
    vendor.say(Answer(200, [v.JSON], []))
    seen = gateway.messages(ASK)
    assert (seen.status, seen.body) == (200, b"")


class TestLimit:
    """`MAX_BODY_BYTES`, by default 32 MiB."""

    def test_a_length_above_it_is_refused_before_the_body(self, gateway, vendor):
        before = gateway.admin("GET", "/v1/usage").json()["status_counts"].get("413", 0)
        headers = [*gateway.call_headers(), ("content-length", str(32 * MIB + 1))]
        with RawClient(gateway.port, timeout=2) as client:
            answer = client.ask("POST", "/v1/messages", headers).send(b'{"model"').response()
            assert answer.error[:2] == (413, "request_too_large")
            assert client.is_closed()
        assert vendor.seen == []
        assert gateway.admin("GET", "/v1/usage").json()["status_counts"]["413"] == before + 1

    def test_a_chunked_body_is_refused_on_the_running_count(self, gateway, vendor):
        with RawClient(gateway.port) as client:
            client.ask("POST", "/v1/messages", [*gateway.call_headers(), ("transfer-encoding", "chunked")])
            piece = b"%x\r\n%b\r\n" % (MIB, b"a" * MIB)
            sent = 0
            try:
                for _ in range(60):
                    client.send(piece)
                    sent += 1
            except (ConnectionError, TimeoutError):
                pass
            assert sent < 60
            answer = client.response()
        assert answer.error[:2] == (413, "request_too_large")
        assert vendor.seen == []

    def test_exactly_the_limit_passes(self, gateway, vendor):
        body = b"a" * (32 * MIB)
        vendor.say(v.json_answer({}))
        assert gateway.messages(body).status == 200
        assert vendor.last.body == body

    def test_the_token_comes_first(self, gateway, vendor):
        headers = [("content-length", str(32 * MIB + 1))]
        with RawClient(gateway.port, timeout=2) as client:
            answer = client.ask("POST", "/v1/messages", headers).response()
        assert answer.status in (401, 413)
        assert vendor.seen == []

    def test_the_django_door_refuses_too(self, shared, vendor):
        entry_point = shared("django")
        headers = [*entry_point.call_headers(), ("content-length", str(32 * MIB + 1))]
        with RawClient(entry_point.port) as client:
            client.ask("POST", "/v1/messages", headers)
            with contextlib.suppress(ConnectionError):
                client.send(b"a" * (32 * MIB + 1))
            assert client.response().error[:2] == (413, "request_too_large")
        assert vendor.seen == []


def test_big_bodies_in_parallel(gateway, vendor):
    """20 × 10 MB at once, both ways: the bytes arrive, health stays quick, memory is given back and bounded."""
    body = (
        b'{"model":"claude-sonnet-5-5","max_tokens":1,"messages":[{"role":"user","content":"'
        + b"A" * 10_000_000
    )
    body += b'"}]}'
    vendor.handler, handler = (lambda seen: Answer(200, [v.JSON], [seen.body])), vendor.handler
    before, peak = gateway.resident_bytes(), 0
    results = []

    def one():
        answer = gateway.messages(body)
        results.append((answer.status, hashlib.sha256(answer.body).digest()))

    threads = [threading.Thread(target=one) for _ in range(20)]
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            peak = max(peak, gateway.resident_bytes())
            assert gateway.ask("GET", "/health").status == 200
    finally:
        for thread in threads:
            thread.join()
        vendor.handler = handler
    assert results == [(200, hashlib.sha256(body).digest())] * 20
    assert all(seen.body == body for seen in vendor.seen)
    grown = (peak - before) / 1e6
    assert grown < 700, f"{grown:.0f} MB for 200 MB of bodies"
