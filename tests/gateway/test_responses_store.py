"""What the Responses surface remembers for a token, and for nobody else."""

import json
from typing import Any

import pytest

from gateway.responses_store import Keeping, MemoryShelf, ResponsesStore, wants_keeping
from gateway.sealing import BoxSealer
from providers.dialects import openai_responses
from providers.dialects.types import Call, FailureKind, Refused, Target, WireAnswer
from providers.secrets import SecretBox
from providers.translation import pairs

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


def store(clock: Clock | None = None, max_bytes: int = 1 << 20) -> tuple[ResponsesStore, MemoryShelf]:
    shelf = MemoryShelf(60.0, clock or Clock(), max_bytes)
    return ResponsesStore(shelf, BoxSealer(SecretBox([b"k" * 32]))), shelf


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
    kept, shelf = store(clock)
    await kept.keep("token-a", call(input="a secret question"), json.dumps(RESPONSE).encode())
    assert "secret question" not in repr(list(shelf._texts.items()))
    clock.now += 61
    with pytest.raises(Refused):
        await kept.expanded(call(input="x", previous_response_id="resp_1"), "token-a")


async def test_the_shelf_is_bounded_in_bytes_and_the_oldest_go() -> None:
    shelf = MemoryShelf(60.0, Clock(), max_bytes=100)
    for number in range(10):
        await shelf.put(str(number), "x" * 30)
    assert len(shelf) == 3
    assert await shelf.get("6") is None
    assert await shelf.get("9") == "x" * 30
    await shelf.put("9", "y")
    assert len(shelf) == 3


async def test_a_call_that_refers_to_nothing_is_left_alone() -> None:
    kept, _ = store()
    plain = call(input=[{"type": "message", "id": "msg_9", "role": "user", "content": "hi"}])
    assert await kept.expanded(plain, "t") is plain


async def test_a_whole_answer_is_kept_once_it_is_ready() -> None:
    kept, _ = store()
    sealer = BoxSealer(SecretBox([b"k" * 32]))
    asked = call(input="hello")
    keeping = Keeping(
        pairs.translator("openai_responses", "openai_chat", lambda p: p + "1", 0, sealer), kept, "t", asked
    )
    assert not keeping.is_ready
    answer = {
        "id": "c",
        "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    }
    keeping.request(asked, Target(model="m"))
    told = keeping.response(
        WireAnswer(200, ((b"content-type", b"application/json"),), json.dumps(answer).encode())
    )
    assert keeping.is_ready
    await keeping.keep()
    assert not keeping.is_ready
    name = json.loads(told.body)["id"]
    whole = await kept.expanded(call(input="more", previous_response_id=name), "t")
    assert len(json.loads(whole.body)["input"]) == 3


def test_store_false_keeps_nothing() -> None:
    assert wants_keeping(b'{"input":"x"}')
    assert not wants_keeping(b'{"input":"x","store":false}')
