from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.exchange.stored_responses import MemoryBackend, ResponsesStore
from gateway.relay.background import Backgrounds
from gateway.relay.failover import Failover
from gateway.relay.stored import StoredAnswers, warmed_up
from providers.dialects.types import Call, FailureKind, Refused
from tests.fakes.sealer import PlainSealer
from tests.gateway.relay.building import bench
from tests.gateway.relay.scripted import Script
from tests.gateway.usage.contexts import context
from tests.wire.feeding import parsed


async def test_a_warm_up_is_a_response_without_output() -> None:
    body = {"model": "m", "input": "hi", "temperature": 0.5, "previous_response_id": "resp_0"}
    reply = await warmed_up(context("responses", json.dumps(body).encode()))
    events = parsed(reply.head.body)
    assert [name for name, _ in events] == ["response.created", "response.in_progress", "response.completed"]
    done = events[-1][1]["response"]
    assert (done["output"], done["temperature"], done["previous_response_id"]) == ([], 0.5, "resp_0")
    assert done["usage"]["total_tokens"] == 0 and done["completed_at"] >= done["created_at"]
    assert done["id"] == events[0][1]["response"]["id"]


async def test_a_warm_up_that_can_t_be_read_is_refused() -> None:
    with pytest.raises(Refused):
        await warmed_up(context("responses", b"no"))


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "output": [{"type": "message", "id": "msg_1", "content": []}],
}


async def stored(token: str = "t") -> tuple[StoredAnswers, MemoryBackend]:
    backend = MemoryBackend(60.0, time.time)
    responses = ResponsesStore(backend, PlainSealer())
    body = json.dumps({"model": "m", "input": "hi"}).encode()
    asked = Call("responses", "POST", b"/v1/responses", b"", (), body)
    await responses.keep(token, asked, json.dumps(RESPONSE).encode())
    made = bench(Script())
    deps = replace(made.deps, responses=responses)
    return StoredAnswers(deps, Failover(deps), Backgrounds(deps, made.relay.carry)), backend


async def ask(answers: StoredAnswers, method: str, path: str, query: bytes = b"") -> Any:
    asked = context("responses", b"")
    call = Call("responses", method, path.encode(), query, (), b"")
    reply = await answers.answer(msgspec.structs.replace(asked, path=path.encode(), call=call))
    assert reply.head.status == 200
    return json.loads(reply.head.body)


async def test_a_stored_response_is_read_as_it_was_given() -> None:
    answers, _ = await stored()
    assert await ask(answers, "GET", "/v1/responses/resp_1", b"include[]=x") == RESPONSE
    assert await ask(answers, "GET", "/v1/responses/resp%5F1") == RESPONSE


async def test_what_it_answers_is_listed() -> None:
    answers, _ = await stored()
    (item,) = (await ask(answers, "GET", "/v1/responses/resp_1/input_items"))["data"]
    assert item["content"] == [{"type": "input_text", "text": "hi"}]


async def test_a_deleted_one_is_gone_with_its_items() -> None:
    answers, backend = await stored()
    assert await ask(answers, "DELETE", "/v1/responses/resp_1") == {
        "id": "resp_1", "object": "response", "deleted": True,
    }  # fmt: skip
    assert len(backend) == 0


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(("token", "name"), [("other", "resp_1"), ("t", "resp_2"), ("t", "msg_1")])
async def test_another_s_and_none_are_not_found(method: str, token: str, name: str) -> None:
    answers, backend = await stored(token)
    with pytest.raises(Refused) as refused:
        await ask(answers, method, f"/v1/responses/{name}")
    assert refused.value.failure.kind is FailureKind.NOT_FOUND and name in refused.value.failure.message
    assert len(backend) == 2


async def test_what_did_not_run_in_the_background_can_t_be_cancelled() -> None:
    answers, _ = await stored()
    with pytest.raises(Refused) as refused:
        await ask(answers, "POST", "/v1/responses/resp_1/cancel")
    assert refused.value.failure.kind is FailureKind.INVALID_REQUEST


@pytest.mark.parametrize(("query", "first"), [(b"stream=true", 0), (b"stream=TRUE&starting_after=2", 3)])
async def test_a_stored_response_is_told_again_as_a_stream(query: bytes, first: int) -> None:
    answers, _ = await stored()
    call = Call("responses", "GET", b"/v1/responses/resp_1", query, (), b"")
    reply = await answers.answer(
        msgspec.structs.replace(context("responses", b""), path=b"/v1/responses/resp_1", call=call)
    )
    assert reply.is_stream and reply.body is not None
    events = parsed(b"".join([chunk async for chunk in reply.body]))
    assert [event["sequence_number"] for _, event in events] == list(range(first, 5))
    assert events[-1] == (
        "response.completed",
        {"type": "response.completed", "sequence_number": 4, "response": RESPONSE},
    )
