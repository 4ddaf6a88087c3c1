"""Options, claims and methods as tests need them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.payments import claims
from gateway.payments.claims import Claim
from gateway.payments.credential import Credential
from gateway.payments.desk import Asked, Desk
from gateway.payments.gate import Gate
from gateway.payments.methods.base import (
    Answer,
    ChallengeUnavailable,
    Finding,
    Method,
    Offer,
    Presented,
    Refund,
    Settled,
    Taken,
)
from gateway.payments.methods.lightning import LightningOptions
from gateway.payments.methods.rehearsal import TestMethod
from gateway.payments.methods.stripe import StripeOptions
from gateway.payments.options import PaymentOptions
from gateway.payments.problems import Terms

OFFER = Offer("5", "usd", "acct_demo")
BODY = b'{"model":"m"}'
ASKED = Asked("/v1/messages", hashlib.sha256(BODY).digest())
OPTIONS = PaymentOptions(
    offer=OFFER,
    terms=Terms("0.05", "USD", "acct_demo", "test"),
    methods=("test",),
    realm="router.example",
    expires_seconds=300.0,
    surfaces="anthropic",
    allows_anonymous=False,
    stripe=StripeOptions("", "", (), "https://stripe.example"),
    lightning=LightningOptions("", "", 300.0),
    secrets=(b"0123456789abcdef0123456789abcdef",),
)


class Scripted(TestMethod):
    """A method that does as it is told, and counts."""

    def __init__(self, name: str = "test", refund: Refund = Refund.NOTHING, found: Answer | None = None):
        self.name = name
        self.can_offer = True
        self.outcome = refund
        self.found = found or Answer(Finding.UNKNOWN)
        self.settled: list[str] = []
        self.refunded: list[str] = []
        self.closed = False

    async def details(self, offer: Offer) -> dict[str, Any]:
        if not self.can_offer:
            raise ChallengeUnavailable
        return {}

    async def settle(self, presented: Presented) -> Settled:
        self.settled.append(presented.challenge_id)
        return await super().settle(presented)

    async def refund(self, taken: Taken) -> Refund:
        self.refunded.append(taken.reference)
        return self.outcome

    async def look_up(self, taken: Taken) -> Answer:
        return self.found

    async def aclose(self) -> None:
        self.closed = True


class Counted:
    """What a gate has counted."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def __call__(self, method: str, event: str) -> None:
        self.events.append((method, event))


def desk(*methods: Method, clock: float | None = None, **changes: Any) -> Desk:
    made: Mapping[str, Method] = {method.name: method for method in methods or (TestMethod(),)}
    moment = time.time if clock is None else (lambda: clock)
    return Desk(replace(OPTIONS, **changes), made, moment)


def gate(method: Method, count: Counted | None = None, **changes: Any) -> Gate:
    return Gate(replace(OPTIONS, **changes), {method.name: method}, count or Counted())


async def credential(one: Desk, payload: dict[str, Any] | None = None, asked: Asked = ASKED) -> Credential:
    """Return a credential for a fresh challenge."""
    (challenge, *_) = await one.challenges(asked, ())
    return Credential(challenge, payload or {"token": "paid"}, "fingerprint")


def wanted(challenge_id: str = "c-1", **changes: Any) -> Claim:
    claim = Claim(
        challenge_id=challenge_id,
        method="test",
        offer=OFFER,
        notes={},
        token_id="t-1",
        surface="messages",
        exchange_id="e-1",
        fingerprint="f",
        idempotency="",
        expires_at=time.time() + 300,
    )
    return replace(claim, **changes)


def lapse(pk: object) -> None:
    """Let the process that worked on a payment be dead."""
    claims.Payment.objects.filter(pk=pk).update(held_until=claims.now())
