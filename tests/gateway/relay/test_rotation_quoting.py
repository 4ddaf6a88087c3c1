"""The credential of a call, quoted by its upstream in a good answer, leaves in no form."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from providers.catalog.records import RouteRecord
from tests.gateway.relay.building import OPENAI, bench
from tests.gateway.relay.scripted import ASK, CHAT_ANSWER, STREAMED, Body, Script, answer

SECRET = "sk-other-key"
OTHER = replace(OPENAI, responses="translate")
QUOTED: dict[str, Any] = {
    **CHAT_ANSWER,
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": f"key {SECRET}"}, "finish_reason": "stop"}
    ],
}


def coded(data: bytes, kind: str) -> httpx.Response:
    headers = {"content-type": kind, "content-encoding": "gzip"}
    return httpx.Response(200, headers=headers, stream=Body([gzip.compress(data)]))


@pytest.mark.parametrize("surface", ["messages", "responses"])
@pytest.mark.parametrize("is_coded", [False, True])
async def test_a_whole_answer_that_is_translated(surface: str, is_coded: bool) -> None:
    data = json.dumps(QUOTED).encode()
    said = coded(data, "application/json") if is_coded else answer(200, data)
    made = bench(Script(said), providers=[OTHER], routes=[RouteRecord("claude-x", (("other", ""),))])
    await made.call({**ASK, "input": "hi"} if surface == "responses" else ASK, surface=surface)
    assert made.status == 200
    assert SECRET.encode() not in made.body and b"key ****" in made.body


async def test_a_compressed_stream_that_is_translated() -> None:
    chunk = {"id": "c", "model": "gpt-x", "choices": [{"index": 0, "delta": {"content": f"key {SECRET}"}}]}
    end = {"id": "c", "model": "gpt-x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    data = b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in (chunk, end)) + b"data: [DONE]\n\n"
    made = bench(
        Script(coded(data, "text/event-stream")),
        providers=[OTHER],
        routes=[RouteRecord("claude-x", (("other", ""),))],
    )
    await made.call(STREAMED)
    assert made.status == 200
    assert SECRET.encode() not in made.body and b"key ***" in made.body and b"message_stop" in made.body


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_a_compressed_answer_that_passes_as_it_came_ends_where_it_quotes(kind: str) -> None:
    """Nothing can be masked in it, and the caller could read it."""
    is_stream = kind == "text/event-stream"
    data = (
        b'data: {"error": {"message": "%b"}}\n\n' % SECRET.encode()
        if is_stream
        else json.dumps(QUOTED).encode()
    )
    made = bench(
        Script(coded(data, kind)), providers=[OTHER], routes=[RouteRecord("claude-x", (("other", ""),))]
    )
    await made.call(STREAMED if is_stream else ASK, surface="chat_completions")
    assert made.status == 502 and b"quotes the credential" in made.body
