"""Responses stored for a token, and for no other."""

import json
from typing import Any

import pytest
from redis.exceptions import RedisError

from gateway.exchange.stored_responses import MemoryBackend, ResponsesStore
from gateway.exchange.taps import Tap
from gateway.kernel.sealing import BoxSealer
from gateway.kernel.secrets import SecretBox
from providers.catalog.records import ProviderRecord, Route
from providers.dialects import openai_responses
from providers.dialects.types import Call, FailureKind, Refused, Target, WireAnswer
from tests.gateway.usage.contexts import context

RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "output": [{"type": "message", "id": "msg_1", "role": "assistant", "content": []}],
}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def call(**body: Any) -> Call:
    data = json.dumps({"model": "m", **body}).encode()
    return Call("responses", "POST", b"/v1/responses", b"", (), data, openai_responses.read_call(data))


def store(clock: Clock | None = None, max_bytes: int = 1 << 20) -> tuple[ResponsesStore, MemoryBackend]:
    backend = MemoryBackend(60.0, clock or Clock(), max_bytes)
    return ResponsesStore(backend, BoxSealer(SecretBox([b"k" * 32]))), backend


async def test_a_later_call_is_made_whole_from_what_was_kept() -> None:
    kept, _ = store()
    await kept.keep("token-a", call(input="hello"), json.dumps(RESPONSE).encode())
    later = call(input=[{"role": "user", "content": "more"}], previous_response_id="resp_1")
    made = await kept.expanded(later, "token-a")
    whole = json.loads(made.body)
    assert "previous_response_id" not in whole
    assert made.continues == "resp_1"
    assert [item.get("role") for item in whole["input"]] == ["user", "assistant", "user"]


async def test_an_item_may_be_referred_to_alone() -> None:
    kept, _ = store()
    await kept.keep("token-a", call(input="hello"), json.dumps(RESPONSE).encode())
    later = call(input=[{"type": "item_reference", "id": "msg_1"}])
    assert json.loads((await kept.expanded(later, "token-a")).body)["input"] == RESPONSE["output"]


@pytest.mark.parametrize(
    "body",
    [
        {"input": "x", "previous_response_id": "resp_1"},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
    ],
)
async def test_another_tokens_conversation_is_not_found_by_name(body: dict[str, Any]) -> None:
    kept, _ = store()
    await kept.keep("token-a", call(input="hello"), json.dumps(RESPONSE).encode())
    with pytest.raises(Refused) as refused:
        await kept.expanded(call(**body), "token-b")
    assert refused.value.failure.kind is FailureKind.NOT_FOUND
    assert ("resp_1" in refused.value.failure.message) or ("msg_1" in refused.value.failure.message)


async def test_what_is_kept_is_sealed_and_forgotten_in_time() -> None:
    clock = Clock()
    kept, backend = store(clock)
    await kept.keep("token-a", call(input="a secret question"), json.dumps(RESPONSE).encode())
    assert "secret question" not in repr(list(backend.texts.items()))
    clock.now += 61
    with pytest.raises(Refused):
        await kept.expanded(call(input="x", previous_response_id="resp_1"), "token-a")


async def test_the_shelf_is_bounded_in_bytes_and_the_oldest_go() -> None:
    backend = MemoryBackend(60.0, Clock(), max_bytes=100)
    for number in range(10):
        await backend.put(str(number), "x" * 30)
    assert len(backend) == 3
    assert await backend.get("6") is None
    assert await backend.get("9") == "x" * 30
    await backend.put("9", "y")
    assert len(backend) == 3


async def test_a_call_that_refers_to_nothing_is_left_alone() -> None:
    kept, _ = store()
    plain = call(input=[{"type": "message", "id": "msg_9", "role": "user", "content": "hi"}])
    assert await kept.expanded(plain, "t") is plain


def tap(kept: ResponsesStore, asked: Call, dialect: str = "openai_chat") -> Tap | None:
    found = context("responses", asked.body)
    route = Route(ProviderRecord("p", "openai-compatible", "https://p.test"), dialect, Target(model=None))
    return kept.tap(found, route, asked)


async def test_a_whole_answer_is_kept_before_it_leaves_and_once() -> None:
    kept, backend = store()
    made = tap(kept, call(input="hello"))
    assert made is not None and len(backend) == 0
    await made.answered(WireAnswer(200, (), json.dumps(RESPONSE).encode()))
    await made.answered(WireAnswer(200, (), json.dumps({**RESPONSE, "id": "resp_2"}).encode()))
    whole = await kept.expanded(call(input="more", previous_response_id="resp_1"), "t")
    assert len(json.loads(whole.body)["input"]) == 3
    with pytest.raises(Refused):
        await kept.expanded(call(input="more", previous_response_id="resp_2"), "t")


async def test_the_response_that_ends_a_stream_is_kept() -> None:
    kept, backend = store()
    made = tap(kept, call(input="hello"))
    assert made is not None
    event = (
        b"event: response.completed\ndata: %b\n\n"
        % json.dumps({"type": "response.completed", "response": RESPONSE}).encode()
    )
    await made.fed(b"event: response.created\ndata: {}\n\n")
    assert len(backend) == 0
    await made.fed(event)
    whole = await kept.expanded(call(input="more", previous_response_id="resp_1"), "t")
    assert len(json.loads(whole.body)["input"]) == 3


async def test_a_stream_that_is_written_at_once_is_kept_too() -> None:
    """Of an upstream that answered whole although a stream was asked for."""
    kept, _ = store()
    made = tap(kept, call(input="hello"))
    assert made is not None
    event = json.dumps({"type": "response.completed", "response": RESPONSE}).encode()
    stream = ((b"content-type", b"text/event-stream; charset=utf-8"),)
    await made.answered(WireAnswer(200, stream, b"event: response.completed\ndata: %b\n\n" % event))
    whole = await kept.expanded(call(input="more", previous_response_id="resp_1"), "t")
    assert len(json.loads(whole.body)["input"]) == 3


async def test_an_error_is_not_kept() -> None:
    kept, backend = store()
    made = tap(kept, call(input="hello"))
    assert made is not None
    await made.answered(WireAnswer(400, (), json.dumps(RESPONSE).encode()))
    assert len(backend) == 0


async def test_a_store_that_is_away_costs_only_the_keeping(caplog: pytest.LogCaptureFixture) -> None:
    class Away(MemoryBackend):
        async def put(self, key: str, sealed: str) -> None:
            raise RedisError

    made = tap(ResponsesStore(Away(60.0, Clock()), BoxSealer(SecretBox([b"k" * 32]))), call(input="hello"))
    assert made is not None
    await made.answered(WireAnswer(200, (), json.dumps(RESPONSE).encode()))
    assert "could not be stored" in caplog.text


async def test_nobody_taps_where_the_upstream_keeps_it_or_the_caller_says_no() -> None:
    kept, _ = store()
    assert tap(kept, call(input="hello"), "openai_responses") is None
    assert tap(kept, call(input="hello", store=False)) is None
