"""A method without its secret: challenges, and no credential is good."""

from __future__ import annotations

import pytest

from gateway.payments.methods.base import Finding, Refund, Taken
from gateway.payments.methods.unverified import Unverified
from gateway.payments.problems import Code, PaymentProblem
from tests.gateway.payments.methods.building import OFFER, presented


async def test_it_refuses_everything() -> None:
    method = Unverified("stripe", {"networkId": "n"})
    assert method.name == "stripe" and Unverified().name == "none"
    assert await method.details(OFFER) == {"networkId": "n"}
    assert method.fits({"networkId": "n"}) and not method.fits({})
    with pytest.raises(PaymentProblem) as found:
        method.check(presented({"spt": "spt_x"}))
    assert found.value.code is Code.FAILED
    with pytest.raises(PaymentProblem):
        await method.settle(presented({}))
    taken = Taken("c", "r", 0.0, {})
    assert await method.refund(taken) is Refund.DUE
    assert (await method.look_up(taken)).finding is Finding.UNKNOWN
