"""One provider's accounts in turn, over a scripted upstream."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import httpx
import pytest

from gateway.relay.deps import RelayOptions
from gateway.usage.prices.table import Price, PriceTable
from providers.catalog.records import RouteRecord
from providers.dialects.types import FailureKind
from tests.gateway.relay.building import OPENAI, bench
from tests.gateway.relay.scripted import (
    ASK,
    DELTA,
    FINISHED,
    STARTED,
    STREAMED,
    Body,
    Script,
    answer,
    event,
    refusal,
    stream,
)

BUSY = "rate_limit_error", "This request would exceed the rate limit"
SESSION = {"x_claude_code_session_id": "s-1"}


async def test_another_account_serves_what_one_refuses() -> None:
    made = bench(Script(refusal(429, *BUSY, **{"retry-after": "60"}), answer()), accounts=2)
    exchange = await made.call()
    assert made.status == 200 and made.script.credentials() == ["key-0", "key-1"]
    assert (exchange.account, exchange.attempts, exchange.upstream_status) == ("a1", 2, 200)


async def test_when_all_refuse_the_last_refusal_says_when_the_soonest_is_back() -> None:
    soon, late = {"retry-after": "30"}, {"retry-after": "900"}
    made = bench(Script(refusal(429, *BUSY, **soon), refusal(429, *BUSY, **late)), accounts=2)
    await made.call()
    told = dict(made.sent[0]["headers"])
    assert made.status == 429 and 28 <= int(told[b"retry-after"]) <= 30
    assert json.loads(made.body)["error"]["message"] == BUSY[1]
    await made.call()  # nobody is asked while both are on cooldown
    assert made.status == 429 and 27 <= int(dict(made.sent[0]["headers"])[b"retry-after"]) <= 30


async def test_a_refused_credential_is_renewed_once_and_the_account_stays() -> None:
    made = bench(Script(refusal(401), answer()), accounts=2)
    made.renewed[0] = "key-new"
    exchange = await made.call()
    assert made.status == 200 and made.script.credentials() == ["key-0", "key-new"]
    assert exchange.account == "a0"


async def test_one_renewal_per_call_whoever_refuses() -> None:
    made = bench(Script(refusal(401), refusal(401), refusal(401), answer()), accounts=3)
    made.renewed.update({0: "new-0", 1: "new-1", 2: "new-2"})
    await made.call()
    asked = made.script.credentials()
    assert asked[:2] == ["key-0", "new-0"] and set(asked[2:]) == {"key-1", "key-2"}
    assert made.status == 200


async def test_a_credential_that_cannot_be_renewed_gives_way_to_the_next() -> None:
    made = bench(Script(refusal(401), answer()), accounts=2)
    await made.call()
    assert made.status == 200 and made.script.credentials() == ["key-0", "key-1"]


async def test_no_connection_is_the_next_ones_chance() -> None:
    made = bench(Script(httpx.ConnectError("x"), answer()), accounts=2)
    exchange = await made.call()
    assert (made.status, exchange.account, exchange.is_sent) == (200, "a1", True)


async def test_what_reached_nobody_was_not_sent() -> None:
    made = bench(Script(httpx.ConnectError("x"), httpx.ConnectTimeout("x")), accounts=2)
    exchange = await made.call()
    assert (made.status, exchange.is_sent, exchange.attempts) == (504, False, 2)
    assert exchange.failure_kind is FailureKind.TIMEOUT and exchange.is_refusal


async def test_what_an_upstream_may_have_taken_is_asked_of_nobody_else() -> None:
    made = bench(Script(httpx.ReadError("x")), accounts=3)
    exchange = await made.call()
    assert (made.status, exchange.is_sent, exchange.attempts) == (502, True, 1)


async def test_an_error_that_is_cut_has_not_taken_it() -> None:
    cut = httpx.Response(529, headers={}, stream=Body([b'{"type"', httpx.ReadError("x")]))
    made = bench(Script(cut, answer()), accounts=2)
    assert (await made.call()).account == "a1" and made.status == 200


async def test_a_stream_that_begins_with_an_error_has_not_begun() -> None:
    overloaded = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    made = bench(Script(stream(overloaded), stream(STARTED + DELTA + FINISHED)), accounts=2)
    exchange = await made.call(STREAMED)
    assert made.body == STARTED + DELTA + FINISHED and exchange.account == "a1"


async def test_the_budget_of_attempts_ends_it() -> None:
    options = RelayOptions(retry_attempts=2)
    made = bench(Script(refusal(529), refusal(529)), accounts=4, options=options)
    exchange = await made.call()
    assert (made.status, exchange.attempts) == (529, 2)


async def test_an_answer_that_is_none_is_a_fault_of_the_upstream() -> None:
    made = bench(Script(answer(200, b"<html>")), providers=[OPENAI], routes=[to_other()])
    exchange = await made.call()
    assert (made.status, exchange.failure_kind) == (502, FailureKind.UPSTREAM)


def to_other() -> RouteRecord:
    return RouteRecord("claude-x", (("other", "gpt-x"),))


async def test_a_wrong_body_is_told_even_when_every_account_is_on_cooldown() -> None:
    made = bench(Script(refusal(429, *BUSY, **{"retry-after": "60"})))
    await made.call()
    chat = {"model": "claude-x", "messages": [{"role": "user", "content": "hi"}]}
    await made.call(chat, "chat_completions")
    assert made.status == 429
    await made.call({**chat, "messages": "none"}, "chat_completions")
    assert made.status == 400 and made.watching.contexts[1:] == []
    assert [state.used for state in made.pool.states()] == [1]


async def test_thoughts_that_another_account_signed_stay_behind() -> None:
    thought = {"type": "thinking", "thinking": "so", "signature": "sig"}
    later = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]},
        {"role": "user", "content": "more"},
    ]
    script = Script(answer(), refusal(429, *BUSY, **{"retry-after": "60"}), answer(), answer())
    made = bench(script, accounts=2)
    await made.call(**SESSION)
    await made.call({**ASK, "messages": later}, **SESSION)
    mixed = [*later, {"role": "assistant", "content": [thought]}, {"role": "user", "content": "on"}]
    await made.call({**ASK, "messages": mixed}, **SESSION)
    assert script.credentials() == ["key-0", "key-0", "key-1", "key-1"]
    thoughts = [request.content.count(b'"signature"') for request in await read(script)]
    assert thoughts == [0, 1, 0, 1]  # what the second account signed itself stays


async def read(script: Script) -> list[httpx.Request]:
    for request in script.requests:
        await request.aread()
    return script.requests


@pytest.mark.parametrize("status", [400, 403, 500, 529])
async def test_the_upstreams_refusal_is_kept_until_there_is_another_account(status: int) -> None:
    made = bench(Script(refusal(status, message="told")))
    exchange = await made.call()
    assert (made.status, exchange.upstream_status, exchange.is_refusal) == (status, status, False)
    assert json.loads(made.body)["error"]["message"] == "told"


async def test_an_expired_pair_that_has_no_alternative_is_tried_as_it_is() -> None:
    made = bench(Script(answer()))
    state = made.pool.states()[0]
    expired = state.loaded.credential
    assert expired is not None
    object.__setattr__(expired, "expires_at", time.time() - 5)
    await made.call()
    assert made.status == 200 and made.script.credentials() == ["key-0"]


@pytest.mark.parametrize(
    ("asked", "sent"), [({}, 64000), ({"max_tokens": 9}, 9), ({"max_tokens": 99999}, 64000)]
)
async def test_the_models_ceiling_reaches_a_call_that_names_no_limit(
    asked: dict[str, int], sent: int
) -> None:
    made = bench(Script(answer()))
    made.deps.meter.prices.table = PriceTable([Price("claude-x", Decimal(2), Decimal(10), max_output=64000)])
    await made.call(
        {"model": "claude-x", "messages": [{"role": "user", "content": "hi"}], **asked}, "chat_completions"
    )
    assert json.loads(made.script.requests[0].read())["max_tokens"] == sent
