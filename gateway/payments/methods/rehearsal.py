"""The method `test`: payments in which no money moves, for trying clients (`MPP_ALLOW_TEST`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.payments.methods.base import Answer, Finding, Offer, Presented, Refund, Settled, Taken
from gateway.payments.problems import Code, OutcomeUnknown, PaymentProblem

PAID, DECLINED, SHORT, UNKNOWN = "paid", "declined", "short", "unknown"
TOKENS = (PAID, DECLINED, SHORT, UNKNOWN)


class TestMethod:
    """Does what the payload's `token` says."""

    name = "test"
    __test__ = False  # pytest would take it for a test

    async def details(self, offer: Offer) -> dict[str, Any]:
        return {}

    def fits(self, details: Mapping[str, Any]) -> bool:
        return not details

    def check(self, presented: Presented) -> None:
        if presented.payload.get("token") not in TOKENS:
            raise PaymentProblem(Code.INVALID_PAYLOAD, f"payload.token must be one of: {', '.join(TOKENS)}")

    def notes(self, presented: Presented) -> dict[str, str]:
        return {}

    async def settle(self, presented: Presented) -> Settled:
        token = presented.payload["token"]
        if token == DECLINED:
            raise PaymentProblem(Code.FAILED, "the payment was declined")
        if token == SHORT:
            raise PaymentProblem(Code.INSUFFICIENT, "less was paid than was asked for")
        if token == UNKNOWN:
            raise OutcomeUnknown("the test method was told to say so")
        return Settled(f"test_{presented.challenge_id}")

    async def refund(self, taken: Taken) -> Refund:
        return Refund.NOTHING

    async def look_up(self, taken: Taken) -> Answer:
        """Say that nothing was paid: no money moves here."""
        return Answer(Finding.NOT_PAID)

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""
