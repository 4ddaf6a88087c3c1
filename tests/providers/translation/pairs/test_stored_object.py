"""Answers about stored objects: held until they are whole, one address changed."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable

import msgspec
import pytest

from providers.dialects.types import Call, CallFields, Target, WireAnswer
from providers.translation.pairs import stored_object
from providers.translation.pairs.stored_object import StoredObjectPassthrough, with_results_url

PREFIX = "sealed:"
JSON = ((b"content-type", b"application/json"), (b"content-length", b"99"))
BATCH = b'{"id":"b1", "results_url" : "https://api.vendor.test/v1/messages/batches/b1/results","n":1.0}'
OURS = b'{"id":"b1", "results_url" : "https://gw.test/v1/messages/batches/b1/results","n":1.0}'


def test_only_the_address_of_the_results_is_changed() -> None:
    assert with_results_url(BATCH, "https://gw.test") == OURS
    assert with_results_url(OURS, "https://gw.test") == OURS
    prefixed = with_results_url(BATCH, "https://gw.test/api/latest/anthropic")
    assert with_results_url(prefixed, "https://gw.test") == OURS


@pytest.mark.parametrize(
    "body",
    [
        b'{"results_url": null}',
        b'{"results_url": "https://elsewhere.test/other"}',
        b'{"results_url": 5}',
        b'{"data": [{"results_url": "https://x.test/v1/messages/batches/b1/results"}]}',
        b"results_url",
        b"{}",
    ],
)
def test_what_is_no_batch_stays(body: bytes) -> None:
    assert with_results_url(body, "https://gw.test") == body


def test_an_answer_is_held_until_it_is_whole() -> None:
    passing = StoredObjectPassthrough("https://gw.test")
    head = passing.response(WireAnswer(200, JSON))
    assert head.headers == JSON[:1]
    assert passing.feed(BATCH[:30]) + passing.feed(BATCH[30:-2]) == b""
    assert passing.feed(BATCH[-2:]) == OURS  # whatever becomes of the connection now
    assert passing.finish() + passing.cut_off() == b""


def test_what_had_come_of_an_answer_that_is_cut_is_there() -> None:
    passing = StoredObjectPassthrough("https://gw.test")
    passing.response(WireAnswer(200, JSON))
    assert passing.feed(BATCH[:30]) == b"" and passing.cut_off() == BATCH[:30]


@pytest.mark.parametrize(
    "kind", [b"application/json; charset=utf-8", b"application/vnd.api+json", b"Application/JSON", b"", None]
)
def test_an_object_is_read_by_whatever_name_of_json(kind: bytes | None) -> None:
    passing = StoredObjectPassthrough("https://gw.test")
    passing.response(WireAnswer(200, () if kind is None else ((b"content-type", kind),)))
    assert passing.feed(BATCH) == OURS


@pytest.mark.parametrize(("coding", "compress"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_an_object_that_is_compressed_all_the_same_is_read(
    coding: bytes, compress: Callable[[bytes], bytes]
) -> None:
    passing = StoredObjectPassthrough("https://gw.test")
    coded = compress(BATCH)
    head = passing.response(WireAnswer(200, (*JSON, (b"content-encoding", coding))))
    assert head.headers == JSON[:1]
    assert passing.feed(coded[:20]) + passing.feed(coded[20:]) + passing.finish() == OURS


def test_a_coding_that_nobody_knows_passes() -> None:
    passing = StoredObjectPassthrough("https://gw.test")
    answer = WireAnswer(200, (*JSON, (b"content-encoding", b"odd")))
    assert passing.response(answer) == answer and passing.feed(BATCH) == BATCH


@pytest.mark.parametrize("path", [b"/v1/files/file_1/content", b"/v1/messages/batches/b1/results"])
def test_what_a_caller_has_stored_is_not_changed(path: bytes) -> None:
    passing = StoredObjectPassthrough("https://gw.test")
    passing.request(Call("extra", "GET", path, b"", (), b"", CallFields()), Target(None))
    assert passing.response(WireAnswer(200, JSON)) == WireAnswer(200, JSON)
    assert passing.feed(BATCH) + passing.finish() == BATCH


@pytest.mark.parametrize(
    "answer", [WireAnswer(200, ((b"content-type", b"application/x-jsonl"),)), WireAnswer(404, JSON)]
)
def test_other_answers_pass_as_they_come(answer: WireAnswer) -> None:
    passing = StoredObjectPassthrough("https://gw.test")
    assert passing.response(answer) == answer
    assert passing.feed(BATCH) == BATCH and passing.finish() == b""


def test_an_answer_too_large_to_hold_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_object, "MAX_HELD_BYTES", 40)
    passing = StoredObjectPassthrough("https://gw.test")
    passing.response(WireAnswer(200, JSON))
    assert passing.feed(BATCH[:30]) == b""
    assert passing.feed(BATCH[30:]) == BATCH
    assert passing.feed(b" ") == b" " and passing.finish() == b""


def test_no_compression_is_asked_for() -> None:
    call = Call("extra", "GET", b"/v1/files", b"", ((b"accept-encoding", b"br"),), b"", CallFields())
    made = StoredObjectPassthrough("x").request(call, Target(None))
    assert made.headers == ((b"accept-encoding", b"identity"),)


def test_a_stream_of_events_of_another_kind_passes_and_ends_as_it_does() -> None:
    passing = StoredObjectPassthrough("https://gw.test")
    passing.response(WireAnswer(200, ((b"content-type", b"text/event-stream"),)))
    events = b'event: session.updated\ndata: {"type":"session.updated"}\n\n'
    assert passing.feed(events) + passing.finish() == events


@pytest.mark.parametrize("kind", ["thinking", "redacted_thinking"])
def test_the_calls_of_a_batch_hold_nothing_of_ours(kind: str) -> None:
    field = {"thinking": "signature", "redacted_thinking": "data"}[kind]
    ours = {"type": kind, "thinking": "x", field: f"{PREFIX}zz"}
    theirs = {"type": kind, "thinking": "x", field: "theirs"}
    text = {"type": "text", "text": "y"}
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [ours, theirs, text]}]
    batch = {
        "requests": [{"custom_id": "b"}, {"custom_id": "a", "params": {"model": "m", "messages": turns}}]
    }
    passing = StoredObjectPassthrough(None)
    passing.seal_prefix = PREFIX
    call = Call("extra", "POST", b"/v1/messages/batches", b"", (), json.dumps(batch).encode())
    sent = json.loads(passing.request(call, Target(None)).body)
    assert sent["requests"][1]["params"]["messages"][1]["content"] == [theirs, text]
    for body in (b'{"requests": {"a": "sealed:"}}', b"[1, 2, sealed:", b'{"a": "sealed:"}'):
        assert passing.request(msgspec.structs.replace(call, body=body), Target(None)).body == body
