from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from anthropic.lib.bedrock._stream_decoder import AWSEventStreamDecoder

from providers.dialects import bedrock
from providers.dialects.eventstream import FrameReader
from providers.dialects.types import (
    Failure,
    FailureKind,
    Headers,
    Refused,
    Target,
    Translator,
    Truncated,
    WireAnswer,
)
from tests.fakes.sealer import CountedIds, PlainSealer
from tests.providers.translation.exchange import EVENTS, JSON, call
from tests.providers.translation.making import translator
from tests.wire import feeding

BODY = {
    "anthropic_version": "bedrock-2023-05-31",
    "anthropic_beta": ["b1", "b2"],
    "max_tokens": 5,
    "messages": [],
}
MODEL = b"/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/"
CASES = feeding.cases("anthropic")


def opened(verb: bytes, body: Any = BODY) -> tuple[Any, Translator]:
    envelope = bedrock.BedrockEnvelope()
    told = envelope.unwrap(call(body, ((b"accept", b"*/*"),), path=MODEL + verb))
    inner = translator("anthropic", "anthropic", CountedIds(), 0, PlainSealer())
    return told, envelope.wrap(inner)


def streaming(headers: Headers = EVENTS) -> Translator:
    told, made = opened(b"invoke-with-response-stream")
    made.request(told, Target(None))
    head = made.response(WireAnswer(200, headers))
    assert dict(head.headers)[b"content-type"] == b"application/vnd.amazon.eventstream"
    assert dict(head.headers)[b"x-amzn-bedrock-content-type"] == b"application/json"
    return made


def test_a_call_is_unwrapped() -> None:
    told, made = opened(b"invoke-with-response-stream")
    assert told.path == b"/v1/messages"
    assert told.headers == ((b"anthropic-version", b"2023-06-01"), (b"anthropic-beta", b"b1,b2"))
    assert json.loads(told.body) == {
        "model": "claude-sonnet-4-5-20250929",
        "max_tokens": 5,
        "messages": [],
        "stream": True,
    }
    assert told.fields.stream
    assert dict(made.request(told, Target(None)).headers)[b"accept-encoding"] == b"identity"


def test_a_bare_path_takes_the_model_from_the_body() -> None:
    told = bedrock.BedrockEnvelope().unwrap(
        call({**BODY, "model": "claude-x", "stream": True}, path=b"/invoke")
    )
    assert json.loads(told.body) == {"model": "claude-x", "max_tokens": 5, "messages": []}
    for path, body in ((b"/invoke", BODY), (b"/model/x/other", BODY), (b"/invoke", b"[]")):
        with pytest.raises(Refused):
            bedrock.BedrockEnvelope().unwrap(call(body, path=path))


def inner_events(out: bytes) -> list[Any]:
    frames = FrameReader().feed(out)
    assert all(frame.headers[b":message-type"] == b"event" for frame in frames)
    return [json.loads(base64.b64decode(json.loads(frame.payload)["bytes"])) for frame in frames]


def test_a_stream_comes_in_frames_however_it_is_cut() -> None:
    out = feeding.assert_same_however_cut(streaming, CASES["text"])
    events = inner_events(out)
    expected = [event["data"] for event in CASES["text"] if event["event"] != "ping"]
    metrics = events[-1].pop("amazon-bedrock-invocationMetrics")
    assert events == expected
    assert metrics == {"inputTokenCount": 12, "outputTokenCount": 20}


def test_the_vendors_own_decoder_reads_it() -> None:
    out = feeding.fed(streaming(), [feeding.sse_bytes(CASES["tool"])])
    told = [event.event for event in AWSEventStreamDecoder().iter_bytes(iter([out]))]
    assert told == [event["event"] for event in CASES["tool"]]


@pytest.mark.parametrize(
    ("case", "name", "message"),
    [
        ("error_first", b"serviceUnavailableException", "Overloaded"),
        ("error_second", b"throttlingException", "Slow down"),
        ("error_later", b"modelStreamErrorException", "Internal"),
    ],
)
def test_an_error_event_becomes_an_exception_frame(case: str, name: bytes, message: str) -> None:
    made = streaming()
    last = FrameReader().feed(made.feed(feeding.sse_bytes(CASES[case])))[-1]
    assert last.headers[b":exception-type"] == name
    assert last.headers[b":message-type"] == b"exception"
    assert json.loads(last.payload) == {"message": message}
    assert made.failure is not None
    assert made.fail(made.failure) == b""


def test_a_cut_stream() -> None:
    made = streaming()
    made.feed(feeding.sse_bytes(CASES["cut"]))
    with pytest.raises(Truncated):
        made.finish()
    (frame,) = FrameReader().feed(made.fail(Failure(FailureKind.TIMEOUT, "late")))
    assert frame.headers[b":exception-type"] == b"modelTimeoutException"
    assert made.keepalive() == b""


def test_a_compressed_stream_is_read() -> None:
    made = streaming((*EVENTS, (b"content-encoding", b"gzip")))
    out = made.feed(gzip.compress(feeding.sse_bytes(CASES["text"])))
    assert inner_events(out)[-1]["type"] == "message_stop"


def test_a_whole_answer_is_the_vendors() -> None:
    told, made = opened(b"invoke")
    assert "stream" not in json.loads(told.body)
    made.request(told, Target(None))
    answer = WireAnswer(200, JSON)
    assert made.is_transparent
    assert made.response(answer) == answer
    assert made.feed(b'{"usage":{"input_tokens":4}}') == b'{"usage":{"input_tokens":4}}'
    assert made.finish() == b""
    assert made.usage.input_tokens == 4


def test_counting() -> None:
    inner = base64.b64encode(json.dumps(BODY).encode()).decode()
    told, made = opened(b"count-tokens", {"input": {"invokeModel": {"body": inner}}})
    assert told.path == b"/v1/messages/count_tokens"
    assert json.loads(told.body) == {"model": "claude-sonnet-4-5-20250929", "messages": []}
    made.request(told, Target(None))
    assert not made.is_transparent
    assert json.loads(made.response(WireAnswer(200, JSON, b'{"input_tokens":7}')).body) == {"inputTokens": 7}
    with pytest.raises(Refused):
        made.response(WireAnswer(200, JSON, b"{}"))
    for body in ({}, {"input": {"invokeModel": {"body": "?"}}}, {"input": []}):
        with pytest.raises(Refused):
            opened(b"count-tokens", body)


@pytest.mark.parametrize(
    ("status", "kind", "told", "name"),
    [
        (400, "invalid_request_error", 400, b"ValidationException"),
        (403, "permission_error", 403, b"AccessDeniedException"),
        (404, "not_found_error", 404, b"ResourceNotFoundException"),
        (429, "rate_limit_error", 429, b"ThrottlingException"),
        (504, "timeout_error", 408, b"ModelTimeoutException"),
        (529, "overloaded_error", 503, b"ServiceUnavailableException"),
    ],
)
def test_errors(status: int, kind: str, told: int, name: bytes) -> None:
    call_, made = opened(b"invoke")
    made.request(call_, Target(None))
    body = json.dumps({"type": "error", "error": {"type": kind, "message": "m"}}).encode()
    answer = made.response(WireAnswer(status, (*JSON, (b"retry-after", b"3")), body))
    assert (answer.status, json.loads(answer.body)) == (told, {"message": "m"})
    assert dict(answer.headers)[b"x-amzn-errortype"] == name
    assert dict(answer.headers)[b"retry-after"] == b"3"


def test_every_kind_has_a_name() -> None:
    for kind in FailureKind:
        assert dict(bedrock.error_headers(Failure(kind, "m")))[b"x-amzn-errortype"]
        assert json.loads(bedrock.error_body(Failure(kind, "m"), "req_1")) == {"message": "m"}
