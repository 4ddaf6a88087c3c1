"""An upstream that does not know the option by which a stream tells its usage: asked without, and remembered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.catalog.records import RouteRecord
from tests.gateway.relay.building import OPENAI, bench
from tests.gateway.relay.scripted import Script, answer, stream

CHUNK = {
    "id": "c",
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "hey"}, "finish_reason": "stop"}],
}
TOLD = b"data: " + json.dumps(CHUNK).encode() + b"\n\ndata: [DONE]\n\n"
ASKS: dict[str, dict[str, Any]] = {
    "messages": {"model": "x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "chat_completions": {"model": "x", "messages": [{"role": "user", "content": "hi"}]},
    "responses": {"model": "x", "input": "hi"},
}
ROUTES = [RouteRecord("x", (("other", ""),))]
WORDS = [
    (400, "Unrecognized request argument supplied: stream_options"),
    (422, "body.stream_options: Extra inputs are not permitted"),
    (400, "include_usage is not supported by this model"),
]


def sent(script: Script, number: int) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(b"".join(script.requests[number].stream))  # type: ignore[arg-type]
    return body


@pytest.mark.parametrize("surface", ["messages", "chat_completions"])
@pytest.mark.parametrize(("status", "words"), WORDS)
async def test_it_is_asked_once_more_without(surface: str, status: int, words: str) -> None:
    refused = answer(status, {"error": {"message": words}})
    made = bench(Script(refused, stream(TOLD), stream(TOLD)), providers=[OPENAI], routes=ROUTES)
    exchange = await made.call({**ASKS[surface], "stream": True}, surface=surface)
    assert made.status == 200 and b"hey" in made.body and exchange.attempts == 2
    assert "stream_options" in sent(made.script, 0) and "stream_options" not in sent(made.script, 1)
    await made.call({**ASKS[surface], "stream": True}, surface=surface)
    assert "stream_options" not in sent(made.script, 2) and made.sink.seen[-1].attempts == 1


async def test_the_caller_s_own_option_is_its_own_to_mend() -> None:
    refused = answer(400, {"error": {"message": "unknown field stream_options"}})
    made = bench(Script(refused), providers=[OPENAI], routes=ROUTES)
    asked = {**ASKS["chat_completions"], "stream": True, "stream_options": {"include_usage": True}}
    await made.call(asked, surface="chat_completions")
    assert made.status == 400 and len(made.script.requests) == 1


async def test_other_refusals_are_told() -> None:
    made = bench(
        Script(answer(400, {"error": {"message": "no such field"}})), providers=[OPENAI], routes=ROUTES
    )
    await made.call({**ASKS["messages"], "stream": True})
    assert made.status == 400
