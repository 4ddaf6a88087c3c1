"""The payment of one call on its way through the relay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from gateway.models import Payment
from gateway.payments import encoding
from gateway.payments.claims import in_thread
from gateway.payments.gate import Gate
from gateway.payments.toll import Payments
from gateway.relay.relay import Relay
from gateway.relay.watchdog import WatchdogOptions
from tests.gateway.payments.building import Counted, Scripted, gate
from tests.gateway.payments.calling import STREAMED_ASK, Caller
from tests.gateway.relay.building import TOKEN, bench
from tests.gateway.relay.scripted import FINISHED, STARTED, Script, answer, refusal, stream
from tokens.records import TokenRecord

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def caller() -> AsyncIterator[Any]:
    made: list[Gate] = []

    def make(*steps: Any, method: Scripted | None = None, watchdog: Any = None, **changes: Any) -> Caller:
        one, count = bench(Script(*steps), watchdog=watchdog), Counted()
        made.append(gate(method or Scripted(), count, **changes))
        one.relay = Relay(replace(one.deps, payments=Payments(made[-1])))
        return Caller(one, made[-1], count)

    yield make
    for each in made:
        await each.aclose()


async def test_a_402_is_a_refusal_of_ours(caller: Any) -> None:
    one = caller()
    assert await one.status() == 402
    assert (one.header(b"content-type"), one.header(b"cache-control")) == (
        "application/problem+json",
        "no-store",
    )
    told = json.loads(one.bench.body)
    assert told["error"]["message"] == "Payment required for this endpoint"
    assert told["challengeId"] in one.challenges[0]
    exchange = one.bench.sink.seen[-1]
    assert (exchange.status, exchange.is_refusal, exchange.attempts) == (402, True, 0)
    assert one.header(b"request-id") == exchange.id


async def test_refusals_say_why(caller: Any) -> None:
    one = caller()
    assert await one.status("Payment x") == 402
    assert json.loads(one.bench.body)["error"]["message"] == json.loads(one.bench.body)["detail"]
    assert one.count.events[-1] == ("", "malformed-credential")


async def test_no_method_at_hand_is_a_503(caller: Any) -> None:
    method = Scripted()
    method.can_offer = False
    one = caller(method=method)
    assert await one.status() == 503
    assert one.challenges == []
    assert json.loads(one.bench.body)["type"].endswith("/internal-payment-error")


async def test_the_body_is_hashed_as_it_came(caller: Any) -> None:
    one = caller(answer())
    one.bench.pieces = 3
    assert await one.status(await one.credential()) == 200


async def test_a_receipt_leaves_with_a_stream_s_head_and_no_ping_before_it(caller: Any) -> None:
    async def slow() -> httpx.Response:
        await asyncio.sleep(0.1)  # five pings long
        return stream(STARTED, FINISHED)

    one = caller(slow, watchdog=WatchdogOptions(ping_seconds=0.02))
    proof = await one.credential(body=STREAMED_ASK)
    assert await one.status(proof, STREAMED_ASK) == 200
    assert one.header(b"payment-receipt") is not None
    assert one.header(b"cache-control") == "private, no-cache, no-transform"
    assert one.bench.body.startswith(STARTED)


@pytest.mark.parametrize("chunks", [(httpx.ReadError("gone"),), (b"", httpx.ReadError("gone"))])
async def test_an_upstream_that_breaks_before_its_first_byte(caller: Any, chunks: Any) -> None:
    one = caller(lambda: _later(chunks))
    assert await one.status(await one.credential()) == 502
    assert one.header(b"payment-receipt") is None
    assert (await in_thread(Payment.objects.get)()).status == "failed"


async def _later(chunks: Any) -> httpx.Response:
    made = answer()
    made.stream.chunks = list(chunks)  # type: ignore[attr-defined]
    return made


async def test_an_answer_without_a_body_is_an_answer(caller: Any) -> None:
    one = caller(answer(200, b""))
    assert await one.status(await one.credential()) == 200
    assert one.header(b"payment-receipt") is not None


async def test_errors_for_a_credential_are_kept_from_caches(caller: Any) -> None:
    one = caller(refusal(400, **{"cache-control": "public"}))
    assert await one.status(await one.credential()) == 400
    assert one.header(b"cache-control") == "no-store"
    await one.bench.call(b"{", token="x", payment_authorization="Payment x")
    assert (one.bench.status, one.header(b"cache-control")) == (401, "no-store")


async def test_whoever_is_exempt_pays_nothing(caller: Any) -> None:
    one = caller(answer(), answer())
    registry = one.bench.deps.registry
    authenticate = registry.authenticate

    def exempt(secret: str, now: float) -> TokenRecord:
        return replace(authenticate(secret, now), payment="exempt")

    registry.authenticate = exempt  # type: ignore[method-assign]
    assert await one.status() == 200
    assert await one.status("Payment x") == 200
    assert one.header(b"cache-control") == "private"
    assert one.header(b"payment-receipt") is None


async def test_counting_tokens_is_free_everywhere(caller: Any) -> None:
    one = caller(answer(200, {"input_tokens": 3}))
    await one.bench.call(surface="count_tokens")
    assert one.bench.status == 200


async def test_an_anonymous_caller_pays_for_itself_alone(caller: Any) -> None:
    one = caller(answer(), allows_anonymous=True)
    bench = one.bench
    await _anonymous(bench)
    assert bench.status == 402
    assert bench.strangers.seen and not bench.sink.seen  # no row for whoever has not paid
    challenge = dict(pair.split("=", 1) for pair in one.challenges[0].removeprefix("Payment ").split(", "))
    echo = {name: value.strip('"') for name, value in challenge.items() if name != "protocol"}
    value = encoding.encode(json.dumps({"challenge": echo, "payload": {"token": "paid"}}).encode())
    await _anonymous(bench, payment_authorization=f"Payment {value}")
    assert bench.status == 200
    assert bench.sink.seen[-1].token_id == "anonymous"
    assert (await in_thread(Payment.objects.get)()).token_id == ""
    assert bench.watching.contexts[0].token.id.startswith("anonymous:")


async def test_without_the_setting_a_caller_needs_a_token(caller: Any) -> None:
    one = caller()
    await _anonymous(one.bench)
    assert one.bench.status == 401


async def test_a_wrong_token_is_wrong_for_anonymous_callers_too(caller: Any) -> None:
    one = caller(allows_anonymous=True)
    await one.bench.call(token=TOKEN + "x")
    assert one.bench.status == 401


async def _anonymous(bench: Any, **headers: str) -> None:
    """Call without a token: what stands in `Authorization` is none."""
    await bench.call(token="", **headers)
