"""From provider to provider, over a scripted upstream."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from gateway.exchange.surfaces import SURFACES
from gateway.relay.deps import RelayOptions
from providers.catalog.records import RouteRecord
from tests.gateway.relay.building import OPENAI, bench
from tests.gateway.relay.scripted import (
    ASK,
    CHAT_ANSWER,
    Script,
    answer,
    refusal,
)

CHAIN = RouteRecord("claude-x", (("anthropic", ""), ("other", "gpt-x")))
OTHER = RouteRecord("claude-x", (("other", "gpt-x"),))
NAMING = replace(OPENAI, models=("gpt-x",))
CHAT_ASK = {"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}]}
RESPONSES_ASK = {"model": "gpt-x", "input": "hi"}


def targets(script: Script) -> list[tuple[str, bytes]]:
    return [(request.url.host, request.extensions["target"]) for request in script.requests]


async def test_a_fallback_serves_what_the_first_provider_cannot() -> None:
    made = bench(Script(refusal(529), answer(200, CHAT_ANSWER)), providers=[OPENAI], routes=[CHAIN])
    exchange = await made.call()
    told = json.loads(made.body)
    assert (made.status, told["type"], told["content"][0]["text"]) == (200, "message", "hey")
    assert (exchange.provider, exchange.attempts, exchange.usage.input_tokens) == ("other", 2, 7)
    assert targets(made.script) == [
        ("vendor.test", b"/v1/messages"),
        ("other.test", b"/v1/chat/completions"),
    ]


async def test_the_callers_own_fault_is_told_at_once() -> None:
    made = bench(Script(refusal(400, "invalid_request_error", "bad")), providers=[OPENAI], routes=[CHAIN])
    await made.call()
    assert made.status == 400


async def test_a_prompt_that_is_too_long_may_fit_the_fallback() -> None:
    long = refusal(400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum")
    made = bench(Script(long, answer(200, CHAT_ANSWER)), providers=[OPENAI], routes=[CHAIN])
    assert (await made.call()).provider == "other" and made.status == 200


async def test_an_attempt_is_left_for_the_fallback() -> None:
    script = Script(refusal(529), refusal(529), answer(200, CHAT_ANSWER))
    options = RelayOptions(retry_attempts=3)
    made = bench(script, accounts=4, providers=[OPENAI], routes=[CHAIN], options=options)
    exchange = await made.call()
    assert (made.status, exchange.provider, exchange.attempts) == (200, "other", 3)


async def test_a_fallback_that_cannot_carry_the_call_leaves_the_answer_before_it() -> None:
    body = {**ASK, "messages": [*ASK["messages"], {"role": "assistant", "content": "so"}]}
    made = bench(Script(refusal(529, message="busy")), providers=[OPENAI], routes=[CHAIN])
    await made.call(body)
    assert made.status == 529 and json.loads(made.body)["error"]["message"] == "busy"


async def test_a_missing_api_is_remembered_and_an_unknown_model_is_not() -> None:
    missing = answer(404, {"error": {"message": "no route", "type": "not_found"}})
    unknown = {"error": {"message": "no such model", "code": "model_not_found"}}
    script = Script(
        answer(404, unknown),
        answer(404, unknown),
        missing,
        answer(200, CHAT_ANSWER),
        answer(200, CHAT_ANSWER),
    )
    made = bench(script, providers=[NAMING])
    await made.call(RESPONSES_ASK, "responses")
    assert made.status == 404
    for _ in range(2):
        await made.call(RESPONSES_ASK, "responses")
        assert made.status == 200 and json.loads(made.body)["object"] == "response"
    paths = [target for _, target in targets(script)]
    native, chat = b"/v1/responses", b"/v1/chat/completions"
    assert paths == [native, chat, native, chat, chat]


async def test_a_provider_that_cannot_count_is_not_asked() -> None:
    made = bench(Script(), providers=[OPENAI], routes=[OTHER])
    exchange = await made.call(surface="count_tokens")
    assert made.status == 200 and json.loads(made.body)["input_tokens"] > 0
    assert (exchange.attempts, exchange.is_sent) == (0, False)


async def test_one_that_can_count_is_asked() -> None:
    made = bench(Script(answer(200, {"input_tokens": 8})))
    await made.call(surface="count_tokens")
    assert json.loads(made.body) == {"input_tokens": 8}


async def test_when_nobody_can_be_called_the_soonest_end_is_told() -> None:
    limited = {"error": {"message": "slow down", "type": "rate_limit_error"}}
    script = Script(
        refusal(429, "rate_limit_error", "slow", **{"retry-after": "900"}),
        answer(429, limited, **{"retry-after": "40"}),
    )
    made = bench(script, providers=[OPENAI], routes=[CHAIN])
    await made.call()
    assert made.status == 429
    await made.call()
    assert made.status == 429 and 38 <= int(dict(made.sent[0]["headers"])[b"retry-after"]) <= 40


async def test_no_connection_to_any_is_a_fault_of_the_upstream() -> None:
    script = Script(httpx.ConnectError("x"), httpx.ConnectError("x"))
    made = bench(script, providers=[OPENAI], routes=[CHAIN])
    exchange = await made.call()
    assert (made.status, exchange.is_sent) == (502, False)


async def test_a_name_that_leads_nowhere_asks_nobody() -> None:
    made = bench(Script())
    await made.call(CHAT_ASK, "chat_completions")
    assert made.status == 404


async def test_a_stored_response_is_put_into_the_call_that_names_it() -> None:
    made = bench(
        Script(answer(200, CHAT_ANSWER), answer(200, CHAT_ANSWER)),
        providers=[replace(NAMING, responses="translate")],
    )
    await made.call(RESPONSES_ASK, "responses")
    name = json.loads(made.body)["id"]
    await made.call({**RESPONSES_ASK, "previous_response_id": name}, "responses")
    sent = json.loads(await made.script.requests[1].aread())
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    await made.call({**RESPONSES_ASK, "previous_response_id": "resp_unknown"}, "responses")
    assert made.status == 404 and len(made.script.requests) == 2


@pytest.mark.parametrize("responses", ["auto", "native", "only"])
@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_that_speaks_responses_and_does_not_count_is_asked_no_less_afterwards(
    responses: str, status: int
) -> None:
    provider = replace(NAMING, responses=responses)
    whole = {
        "id": "r",
        "object": "response",
        "status": "completed",
        "output": [],
        "usage": {"output_tokens": 1},
    }
    made = bench(Script(refusal(status), answer(200, whole)), providers=[provider])
    row = next(one for one in SURFACES if one.path == "/v1/responses/input_tokens")
    await made.call(RESPONSES_ASK, row=row)
    told = json.loads(made.body)
    assert (made.status, told["object"]) == (200, "response.input_tokens") and told["input_tokens"] > 0
    await made.call(RESPONSES_ASK, surface="responses")
    assert made.status == 200 and targets(made.script)[-1][1] == b"/v1/responses"
