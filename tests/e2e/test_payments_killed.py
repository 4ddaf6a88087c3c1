"""`kill -9` at each step of a payment: the row says what happened, nobody pays twice, and money finds its way back."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from tests.e2e.paying import (
    CHAT,
    asked,
    challenge_for,
    chat_body,
    credential,
    payments,
    problem,
)
from tests.e2e.test_paying_clients import by_stripe
from tests.fakes.server import Answer, Gate, Seen
from tests.fakes.stripe import StripeApi
from tests.fakes.vendor import Vendor, events, stream_answer, text
from tests.harness import GatewayProcess

BODY = chat_body()
KEY = ("idempotency-key", "one call")


@pytest.fixture
def stripe_api() -> Iterator[StripeApi]:
    with StripeApi() as server:
        yield server


@pytest.fixture
def gateway(start, vendor: Vendor, stripe_api: StripeApi) -> GatewayProcess:
    return start("uvicorn", by_stripe(stripe_api))


def proof_for(gateway: GatewayProcess, token: str = "spt_ok") -> tuple[str, str]:
    return credential(challenge_for(gateway, BODY), {"spt": token})


def killed(gateway: GatewayProcess, reached: threading.Event, *headers: tuple[str, str]) -> None:
    """Kill the gateway when the paid call has come so far; start another on the same rows."""

    def call() -> None:
        with contextlib.suppress(Exception):
            asked(gateway, BODY, *headers)

    caller = threading.Thread(target=call)
    caller.start()
    assert reached.wait(10)
    gateway.process.kill()
    gateway.process.wait()
    caller.join()
    gateway.start()


def held(answer: Callable[[Seen], Answer], gate: Gate) -> Callable[[Seen], Answer]:
    """Do what is asked, and keep the answer back."""

    def answered(seen: Seen) -> Answer:
        made = answer(seen)
        gate.reached.set()
        return replace(made, before_head=gate)

    return answered


def _hold(gateway: GatewayProcess, until: str, age: int) -> None:
    with contextlib.closing(
        sqlite3.connect(gateway.data_dir / "data" / "router.sqlite3", timeout=20)
    ) as rows:
        rows.execute(
            "UPDATE gateway_payment SET held_until = datetime('now', ?), created_at = datetime(created_at, ?)",
            (until, f"-{age} seconds"),
        )
        rows.commit()


def still_held(gateway: GatewayProcess) -> None:
    """Let the payments be held by the killed process, however long it took to start another."""
    _hold(gateway, "+3600 seconds", 0)


def later(gateway: GatewayProcess, seconds: int = 120) -> None:
    """Let time go by for the payments: nobody holds them any more."""
    _hold(gateway, "-1 seconds", seconds)


def reconciled(gateway: GatewayProcess) -> str:
    gateway.manage("payments", "reconcile")
    return str(payments(gateway)[0]["status"])


def test_while_stripe_is_asked(gateway: GatewayProcess, vendor: Vendor, stripe_api: StripeApi) -> None:
    proof, gate = proof_for(gateway), Gate()
    stripe_api.say(held(stripe_api.answer, gate))
    killed(gateway, gate.reached, proof)
    gate.open()
    (row,) = payments(gateway)
    assert (row["status"], row["reference"]) == ("claimed", None)
    still_held(gateway)
    assert asked(gateway, BODY, proof).status == 409
    later(gateway)
    assert problem(asked(gateway, BODY, proof)) == (500, "internal-payment-error")
    assert (len(stripe_api.intents), vendor.seen) == (1, [])
    assert reconciled(gateway) == "refunded"
    assert stripe_api.charged == 0
    assert problem(asked(gateway, BODY, proof)) == (402, "invalid-challenge")


@pytest.mark.parametrize("has_key", [False, True])
def test_while_the_upstream_is_asked(
    gateway: GatewayProcess, vendor: Vendor, stripe_api: StripeApi, has_key: bool
) -> None:
    headers = (proof_for(gateway), *((KEY,) if has_key else ()))
    gate = Gate()
    vendor.say(held(vendor.answer, gate))
    killed(gateway, gate.reached, *headers)
    gate.open()
    (row,) = payments(gateway)
    assert (row["status"], row["reference"], row["served_at"]) == ("settled", "pi_1", None)
    still_held(gateway)
    assert asked(gateway, BODY, *headers).status == 409
    later(gateway)
    if has_key:  # the call may come again, and is not paid for twice
        assert "nothing is open" in gateway.manage("payments", "reconcile")
        assert asked(gateway, BODY, *headers).status == 200
        assert (len(stripe_api.intents), stripe_api.charged) == (1, 5)
        assert problem(asked(gateway, BODY, *headers)) == (402, "invalid-challenge")
    else:
        assert reconciled(gateway) == "refunded"
        assert stripe_api.charged == 0


def test_while_the_answer_leaves(gateway: GatewayProcess, vendor: Vendor, stripe_api: StripeApi) -> None:
    body, gate = chat_body(stream=True), Gate()
    proof = credential(challenge_for(gateway, body), {"spt": "spt_ok"})
    begun, *left = events("claude-sonnet-5-5", text("a long answer"))
    vendor.say(stream_answer([begun, *left[:3], gate, *left[3:]]))
    headers = {**dict(gateway.call_headers()), proof[0]: proof[1]}
    with (
        contextlib.suppress(httpx.HTTPError),
        httpx.stream("POST", gateway.url + CHAT, content=body, headers=headers) as answer,
    ):
        assert next(answer.iter_bytes())
        assert "payment-receipt" in answer.headers
        gateway.process.kill()
        gateway.process.wait()
    gate.open()
    gateway.start()
    later(gateway, 600)
    assert reconciled(gateway) == "settled"  # it was delivered, in part
    assert payments(gateway)[0]["served_at"] is not None
    assert stripe_api.charged == 5
    assert problem(asked(gateway, body, proof)) == (402, "invalid-challenge")


@pytest.mark.parametrize(
    ("token", "status", "charged"),
    [("spt_500", "refunded", 0), ("spt_lost", "failed", 0), ("spt_slow", "refunded", 0)],
)
def test_unknown_payments_are_reconciled(
    gateway: GatewayProcess, vendor: Vendor, stripe_api: StripeApi, token: str, status: str, charged: int
) -> None:
    for number in range(3):  # more than a page of Stripe's list
        assert asked(gateway, BODY, proof_for(gateway, f"spt_ok_{number}")).status == 200
    proof = proof_for(gateway, token)
    assert problem(asked(gateway, BODY, proof)) == (500, "internal-payment-error")
    assert payments(gateway)[0]["status"] == "unknown"
    later(gateway)
    assert reconciled(gateway) == status
    assert stripe_api.charged == 15 + charged
    assert [row["status"] for row in payments(gateway)[1:]] == ["settled"] * 3
