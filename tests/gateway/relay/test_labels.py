"""Answers whose label says something else than what they are: streams under other labels, and streams unasked."""

# ruff: noqa: E501 - a case is a line

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from providers.catalog.records import RouteRecord
from providers.translation.pairs.collecting import collected
from tests.gateway.relay.building import OPENAI, Bench, bench
from tests.gateway.relay.scripted import ASK, DELTA, FINISHED, STARTED, Body, Script, event

Json = dict[str, Any]

LABELS = [
    "text/plain",
    "application/octet-stream",
    "application/json",
    "text/event-stream; charset=utf-8",
    None,
]
CHUNKS = [
    {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "he"}}]},
    {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "y", "tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a"'}}]}}]},
    {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}}]},
    {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    {"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}},
]  # fmt: skip
CHAT = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in CHUNKS) + b"data: [DONE]\n\n"
MESSAGES = (
    STARTED
    + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + DELTA
    + event("content_block_stop", index=0)
    + FINISHED
)
OUTPUT = [
    {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "hey", "annotations": []}],
    }
]
RESPONSE = {
    "id": "r",
    "object": "response",
    "status": "completed",
    "model": "m",
    "output": OUTPUT,
    "usage": {"input_tokens": 7, "output_tokens": 2},
}
RESPONSES = b"".join(
    b"data: "
    + json.dumps(
        {"type": f"response.{name}", "response": {**RESPONSE, "output": output, "status": status}}
    ).encode()
    + b"\n\n"
    for name, status, output in (("created", "in_progress", []), ("completed", "completed", OUTPUT))
)
BODIES = {"anthropic": MESSAGES, "openai_chat": CHAT, "openai_responses": RESPONSES}
ASKS: dict[str, Json] = {
    "messages": ASK,
    "chat_completions": {"model": "claude-x", "messages": [{"role": "user", "content": "hi"}]},
    "responses": {"model": "claude-x", "input": "hi"},
}


def answered(data: bytes, label: str | None, size: int = 3) -> httpx.Response:
    headers = {} if label is None else {"content-type": label}
    return httpx.Response(
        200, headers=headers, stream=Body([data[at : at + size] for at in range(0, len(data), size)])
    )


def made(upstream: str, data: bytes, label: str | None) -> Bench:
    if upstream == "anthropic":
        return bench(Script(answered(data, label)))
    record = replace(OPENAI, responses="only" if upstream == "openai_responses" else "translate")
    return bench(
        Script(answered(data, label)), providers=[record], routes=[RouteRecord("claude-x", (("other", ""),))]
    )


ENDS = {
    "messages": b'"message_stop"',
    "chat_completions": b"data: [DONE]",
    "responses": b'"response.completed"',
}


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("upstream", BODIES)
@pytest.mark.parametrize("surface", ASKS)
async def test_a_stream_is_one_under_any_label(surface: str, upstream: str, label: str | None) -> None:
    relay = made(upstream, BODIES[upstream], label)
    exchange = await relay.call({**ASKS[surface], "stream": True}, surface=surface)
    kind = dict(relay.sent[0]["headers"])[b"content-type"]
    assert relay.status == 200 and kind.startswith(b"text/event-stream") and b"data:" in relay.body
    assert exchange.usage.output_tokens in (2, 5) and not exchange.usage.is_estimated
    assert exchange.failure_kind is None


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("upstream", BODIES)
@pytest.mark.parametrize("surface", ASKS)
async def test_a_stream_that_nobody_asked_for_is_put_together(
    surface: str, upstream: str, label: str | None
) -> None:
    relay = made(upstream, BODIES[upstream], label)
    exchange = await relay.call(ASKS[surface], surface=surface)
    told = json.loads(relay.body)
    assert relay.status == 200 and dict(relay.sent[0]["headers"])[b"content-type"].startswith(
        b"application/json"
    )
    text = json.dumps(told)
    assert ("hey" in text) or ('"hi"' in text)
    assert exchange.usage.output_tokens in (2, 5) and exchange.failure_kind is None
    if upstream == "openai_chat":
        assert '{\\"a\\":1}' in text or '{"a": 1}' in text


@pytest.mark.parametrize("is_asked", [True, False])
@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("upstream", BODIES)
@pytest.mark.parametrize("surface", ASKS)
async def test_a_whole_answer_is_one_under_any_label(
    surface: str, upstream: str, label: str | None, is_asked: bool
) -> None:
    """Told as a stream to who asks for one."""
    data = collected(upstream, BODIES[upstream])
    assert data is not None
    relay = made(upstream, data, label)
    exchange = await relay.call({**ASKS[surface], "stream": is_asked}, surface=surface)
    kind = dict(relay.sent[0]["headers"])[b"content-type"]
    assert relay.status == 200
    assert kind.startswith(b"text/event-stream" if is_asked else b"application/json")
    if is_asked:
        assert ENDS[surface] in relay.body and (b"hey" in relay.body or b'"hi"' in relay.body)
    else:
        text = json.dumps(json.loads(relay.body))
        assert "hey" in text or '"hi"' in text
    assert exchange.usage.output_tokens in (2, 5) and not exchange.usage.is_estimated
    assert exchange.failure_kind is None


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("body", [b"", b"x", b"{", b"[1]", b"data", b'{"a": 1}'])
@pytest.mark.parametrize("is_asked", [True, False])
async def test_what_is_neither_ends_the_call_all_the_same(
    body: bytes, label: str | None, is_asked: bool
) -> None:
    relay = made("openai_chat", body, label)
    await relay.call({**ASKS["chat_completions"], "stream": is_asked}, surface="chat_completions")
    assert relay.sent or relay.was_cut


@pytest.mark.parametrize("surface", ASKS)
async def test_an_answer_that_is_no_stream_stays_none(surface: str) -> None:
    body = json.dumps(
        {"choices": [{"index": 0, "message": {"content": "hey"}, "finish_reason": "stop"}]}
    ).encode()
    relay = made("openai_chat", body, "text/plain")
    await relay.call(ASKS[surface], surface=surface)
    assert relay.status == 200 and b"hey" in relay.body


async def test_forwarded_streams_are_not_put_together() -> None:
    relay = bench(Script(answered(b'data: {"type": "x"}\n\n', "text/event-stream")), providers=[OPENAI])
    await relay.call({"model": "gpt-image", "prompt": "x"}, surface="openai_forward")
    assert relay.body == b'data: {"type": "x"}\n\n'
