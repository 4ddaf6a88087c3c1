"""Taking a payment once, whoever asks, leaves or dies; through the relay, over a scripted upstream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError

from gateway.exchange.surfaces import SURFACES
from gateway.models import Payment, PaymentStatus
from gateway.payments import claims
from gateway.payments import gate as gates
from gateway.payments.claims import in_thread
from gateway.payments.gate import Gate, is_charged
from gateway.payments.methods.base import Presented, Refund, Settled
from gateway.payments.toll import Payments
from gateway.relay.relay import Relay
from tests.gateway.payments.building import Counted, Scripted, gate, lapse
from tests.gateway.payments.calling import Caller
from tests.gateway.relay.building import bench
from tests.gateway.relay.scripted import Script, answer, refusal

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Caller]


@pytest.fixture
async def caller() -> AsyncIterator[Make]:
    """`caller(method, step, step)`: a relay whose messages are paid for by that method."""
    gates_made: list[Gate] = []

    def make(method: Scripted, *steps: Any, **changes: Any) -> Caller:
        made, count = bench(Script(*steps)), Counted()
        one = gate(method, count, **changes)
        gates_made.append(one)
        made.relay = Relay(replace(made.deps, payments=Payments(one)))
        return Caller(made, one, count)

    yield make
    for one in gates_made:
        await one.aclose()


def rows() -> list[Payment]:
    return list(Payment.objects.order_by("id"))


def test_what_is_charged() -> None:
    def named(surfaces: str, method: str = "POST") -> set[str]:
        return {row.name for row in SURFACES if is_charged(surfaces, row, method)}

    assert named("openai") >= {"chat_completions", "responses", "openai_forward"}
    assert not named("openai") & {"messages", "bedrock", "vertex", "models", "count_tokens"}
    assert "responses" in named("openai") and named("openai", "DELETE") == set()
    assert named("anthropic") >= {"messages", "bedrock", "vertex"}
    assert not named("anthropic") & {"chat_completions", "count_tokens", "models", "hello", "health"}
    counting = {row.path for row in SURFACES if is_charged("all", row, "POST") and "tokens" in row.path}
    assert counting == set()
    assert named("all") == named("openai") | named("anthropic")
    assert named("all", "GET") == set()


async def test_a_payment_is_taken_and_served(caller: Make) -> None:
    method = Scripted()
    one = caller(method, answer())
    assert await one.status() == 402
    assert await one.status(await one.credential()) == 200
    (row,) = await in_thread(rows)()
    assert (row.status, row.surface, row.token_id) == (PaymentStatus.SETTLED, "messages", "caller")
    assert row.served_at is not None and not claims.is_held(row)
    assert [event for _, event in one.count.events] == ["challenged", "challenged", "settled", "served"]


async def test_what_delivered_nothing_goes_back(caller: Make) -> None:
    method = Scripted(refund=Refund.DONE)
    one = caller(method, refusal(400))
    assert await one.status(await one.credential()) == 400
    (row,) = await in_thread(rows)()
    assert (row.status, row.detail) == (PaymentStatus.REFUNDED, "the upstream answered 400")
    assert method.refunded == [row.reference]
    assert one.header(b"payment-receipt") is None


async def test_a_call_that_may_come_again_is_not_refunded(caller: Make) -> None:
    method = Scripted(refund=Refund.DONE)
    one = caller(method, refusal(400), answer())
    proof = await one.credential()
    assert await one.status(proof, idempotency_key="k") == 400
    assert method.refunded == []
    assert await one.status(proof, idempotency_key="other") == 402
    assert await one.status(proof, idempotency_key="k") == 200
    assert len(method.settled) == 1
    assert await one.status(proof, idempotency_key="k") == 402


async def test_a_caller_that_leaves_while_it_pays_gets_its_money_back(caller: Make) -> None:
    paying, going = asyncio.Event(), asyncio.Event()

    class Slow(Scripted):
        async def settle(self, presented: Presented) -> Settled:
            paying.set()
            await going.wait()
            return await super().settle(presented)

    method = Slow(refund=Refund.DONE)
    one = caller(method)
    proof = await one.credential()
    call = asyncio.create_task(one.bench.call(payment_authorization=proof))
    await paying.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    going.set()
    await one.gate.aclose()
    (row,) = await in_thread(rows)()
    assert (row.status, row.detail) == (PaymentStatus.REFUNDED, "the caller left")
    assert one.bench.script.requests == [] and len(method.settled) == 1


async def test_a_fault_of_the_method_is_an_unknown_outcome(caller: Make) -> None:
    class Broken(Scripted):
        async def settle(self, presented: Presented) -> Settled:
            raise RuntimeError("CANARY")

    one = caller(Broken())
    proof = await one.credential()
    for _ in range(2):
        assert await one.status(proof) == 500
        assert b"CANARY" not in one.bench.body
    assert [row.status for row in await in_thread(rows)()] == [PaymentStatus.UNKNOWN]


async def test_money_that_can_not_be_written_down_is_unknown(
    caller: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise OperationalError("away")

    one = caller(Scripted())
    proof = await one.credential()
    monkeypatch.setattr(claims, "settle", away)
    assert await one.status(proof) == 500
    assert one.bench.script.requests == []
    assert [row.status for row in await in_thread(rows)()] == [PaymentStatus.CLAIMED]


async def test_without_the_database_nothing_is_claimed_or_taken(
    caller: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise OperationalError("away")

    method = Scripted()
    one = caller(method)
    proof = await one.credential()
    monkeypatch.setattr(claims, "claim", away)
    assert await one.status(proof) == 503
    assert method.settled == []


async def test_a_use_that_can_not_be_noted_is_noted_later(
    caller: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "RENEW_SECONDS", 0.01)
    serve, is_away = claims.serve, True

    def sometimes(pk: Any) -> None:
        if is_away:
            raise OperationalError("away")
        serve(pk)

    monkeypatch.setattr(claims, "serve", sometimes)
    one = caller(Scripted(), answer())
    await one.gate.start()
    assert await one.status(await one.credential()) == 200
    assert (await in_thread(rows)())[0].served_at is None
    is_away = False
    while (await in_thread(rows)())[0].served_at is None:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("died", "status", "key", "expected"),
    [
        ("before the method answered", PaymentStatus.CLAIMED, "k", 500),
        ("before the upstream was called", PaymentStatus.SETTLED, "k", 200),
        ("before the upstream was called", PaymentStatus.SETTLED, "", 402),
    ],
)
async def test_what_a_dead_process_left(
    caller: Make, died: str, status: PaymentStatus, key: str, expected: int
) -> None:
    class Dying(Scripted):
        """Its process dies while it settles, or just behind that."""

        async def settle(self, presented: Presented) -> Settled:
            settled = await super().settle(presented)
            row = await in_thread(Payment.objects.get)(challenge_id=presented.challenge_id)
            if status is PaymentStatus.SETTLED:
                await in_thread(claims.settle)(row.pk, settled)
            raise asyncio.CancelledError

    method = Dying()
    one = caller(method, answer())
    proof, headers = await one.credential(), ({"idempotency_key": key} if key else {})
    with pytest.raises(asyncio.CancelledError):
        await one.bench.call(payment_authorization=proof, **headers)
    (row,) = await in_thread(rows)()
    assert row.status == status
    assert await one.status(proof, **headers) == 409  # for all we know it is at work
    assert one.challenges == []  # a client would pay again
    await in_thread(lapse)(row.pk)
    assert await one.status(proof, **headers) == expected
    assert len(method.settled) == 1
