"""The test method does what its token says."""

from __future__ import annotations

import pytest

from gateway.payments.methods.base import Finding, Refund, Taken
from gateway.payments.methods.rehearsal import TestMethod
from gateway.payments.problems import Code, OutcomeUnknown, PaymentProblem
from tests.gateway.payments.methods.building import OFFER, presented


async def test_paid() -> None:
    method, one = TestMethod(), presented({"token": "paid"})
    method.check(one)
    settled = await method.settle(one)
    assert settled.reference == "test_challenge-1"
    assert await method.details(OFFER) == {}
    assert method.fits({}) and not method.fits({"x": "y"})
    taken = Taken("challenge-1", settled.reference, 0.0, {})
    assert await method.refund(taken) is Refund.NOTHING
    assert (await method.look_up(taken)).finding is Finding.NOT_PAID


@pytest.mark.parametrize(("token", "code"), [("declined", Code.FAILED), ("short", Code.INSUFFICIENT)])
async def test_refused(token: str, code: Code) -> None:
    method, one = TestMethod(), presented({"token": token})
    method.check(one)
    with pytest.raises(PaymentProblem) as found:
        await method.settle(one)
    assert found.value.code is code


async def test_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        await TestMethod().settle(presented({"token": "unknown"}))


@pytest.mark.parametrize(
    "payload", [{}, {"token": "PAID"}, {"token": 1}, {"token": ["paid"]}, {"spt": "paid"}]
)
def test_other_payloads_are_refused_before_anything_is_claimed(payload: dict[str, object]) -> None:
    with pytest.raises(PaymentProblem) as found:
        TestMethod().check(presented(payload))
    assert found.value.code is Code.INVALID_PAYLOAD
