"""The envelope around each translator that speaks to Gonka: streamed or not, cut anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from providers.dialects.types import Call, CallFields, Failure, FailureKind, Target, Translator, WireAnswer
from providers.gonka import envelope
from providers.gonka.envelope import GonkaEnvelope
from providers.translation.pairs.table import PAIRS
from tests.fakes.sealer import PlainSealer
from tests.wire.feeding import LINE_ENDS, splits, sse_bytes

STREAM = WireAnswer(200, ((b"content-type", b"text/event-stream"),))
JSON = (b"content-type", b"application/json")
ASKED = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": "hi"},
    "anthropic": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
}
PATHS = {
    "openai_chat": b"/v1/chat/completions",
    "openai_responses": b"/v1/responses",
    "anthropic": b"/v1/messages",
}


def translator(surface: str, **fields: Any) -> Translator:
    ids = iter(range(1000))
    inner = PAIRS[surface, "openai_chat"](lambda prefix: f"{prefix}{next(ids)}", 1, PlainSealer())
    made = GonkaEnvelope().wrap(inner)
    body = {**ASKED[surface], **fields}
    call = Call(
        surface, "POST", PATHS[surface], b"", (), json.dumps(body).encode(),
        CallFields(model="m", stream=bool(fields.get("stream"))),
    )  # fmt: skip
    made.request(call, Target("m"))
    return made


def delta(**values: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": values, "finish_reason": None}]
    return {
        "data": {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    }


def begun(id: str, index: int) -> dict[str, Any]:
    return {"index": index, "id": id, "type": "function", "function": {"name": "f", "arguments": ""}}


EVENTS = [
    delta(role="assistant", content=""),
    delta(content=[{"type": "text", "text": "é"}]),
    delta(tool_calls=[begun("call_1", 0)]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a":1}'}}]),
    delta(tool_calls=[begun("call_1", 1)]),
    delta(tool_calls=[{"index": 1, "function": {"arguments": "{}"}}]),
    {
        "data": {
            "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
        }
    },
    {"data": "[DONE]"},
]  # fmt: skip
WHOLE = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{
        "index": 0, "finish_reason": "tool_calls",
        "message": {
            "role": "assistant", "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ],
        },
    }],
    "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
}  # fmt: skip


@pytest.mark.parametrize("line_end", LINE_ENDS)
@pytest.mark.parametrize("surface", ASKED)
def test_repeated_ids_in_a_stream_however_it_is_cut(surface: str, line_end: bytes) -> None:
    outs = set()
    for chunks in splits(sse_bytes(EVENTS, line_end)):
        made = translator(surface, stream=True)
        made.response(STREAM)
        outs.add(b"".join(made.feed(piece) for piece in chunks) + made.finish())
    [out] = outs
    assert (
        out.count(b'"call_1"') >= 1
        and b'"call_1_2"' in out
        and "é".encode() in out.replace(b"\\u00e9", "é".encode())
    )


@pytest.mark.parametrize("surface", ASKED)
def test_repeated_ids_in_a_whole_answer(surface: str) -> None:
    made = translator(surface)
    body = json.dumps(WHOLE).encode()
    head = WireAnswer(200, (JSON, (b"content-length", b"%d" % len(body))))
    if made.is_transparent:
        told = made.response(head)
        pieces = [made.feed(body[at : at + 50]) for at in range(0, len(body), 50)]
        told = replace(told, body=b"".join(pieces) + made.finish())
    else:
        told = made.response(replace(head, body=body))
    assert made.is_transparent is (surface == "openai_chat")
    assert b'"call_1"' in told.body and b'"call_1_2"' in told.body
    assert not any(name == b"content-length" for name, _ in told.headers)
    assert (made.usage.input_tokens, made.usage.output_tokens) == (5, 3)


def test_a_whole_answer_that_is_very_long_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "MAX_HELD_BYTES", 100)
    made, body = translator("openai_chat"), json.dumps(WHOLE).encode()
    made.response(WireAnswer(200, (JSON,)))
    assert b"".join(made.feed(body[at : at + 30]) for at in range(0, len(body), 30)) + made.finish() == body


def test_a_chat_stream_without_calls_keeps_every_byte() -> None:
    data = sse_bytes([delta(role="assistant", content="hi"), *EVENTS[-2:]])
    made = translator("openai_chat", stream=True)
    made.response(STREAM)
    assert made.feed(data) + made.finish() == data


def test_errors_and_compressed_streams_pass() -> None:
    made = translator("openai_chat", stream=True)
    refused = WireAnswer(400, (JSON,), b'{"error":{"message":"no","tool_calls":[]}}')
    assert made.response(refused) == refused
    made.response(WireAnswer(200, (*STREAM.headers, (b"content-encoding", b"gzip"))))
    assert made.feed(b'data: {"tool_calls"') == b'data: {"tool_calls"'
    assert made.fail(Failure(FailureKind.UPSTREAM, "cut")) == b""


def test_references_are_written_out_unless_every_byte_is_the_caller_s() -> None:
    parameters = {"properties": {"p": {"$ref": "#/$defs/P"}}, "$defs": {"P": {"type": "string"}}}
    body = {
        **ASKED["openai_chat"],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}],
    }
    call = Call(
        "openai_chat", "POST", b"/v1/chat/completions", b"", (), json.dumps(body).encode(), CallFields("m")
    )
    made = translator("openai_chat")
    sent = json.loads(made.request(call, Target("m")).body)
    assert sent["tools"][0]["function"]["parameters"] == {"properties": {"p": {"type": "string"}}}
    assert made.request(call, Target("m", is_verbatim=True)).body == call.body
