"""A method without the secret that verifying needs: it makes challenges and refuses every credential."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.payments.methods.base import Answer, Finding, Offer, Presented, Refund, Settled, Taken
from gateway.payments.problems import Code, PaymentProblem

NONE = "none"


class Unverified:
    """Named `none`, or as the method whose secret is missing."""

    def __init__(self, name: str = NONE, details: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self._details = dict(details or {})

    async def details(self, offer: Offer) -> dict[str, Any]:
        return self._details

    def fits(self, details: Mapping[str, Any]) -> bool:
        return details == self._details

    def check(self, presented: Presented) -> None:
        raise PaymentProblem(Code.FAILED, "this gateway is not set up to verify payments")

    def notes(self, presented: Presented) -> dict[str, str]:
        return {}

    async def settle(self, presented: Presented) -> Settled:
        raise PaymentProblem(Code.FAILED, "this gateway is not set up to verify payments")

    async def refund(self, taken: Taken) -> Refund:
        return Refund.DUE  # taken while the secret was still there

    async def look_up(self, taken: Taken) -> Answer:
        return Answer(Finding.UNKNOWN)

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""
