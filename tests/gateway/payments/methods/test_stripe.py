"""Stripe: what it is sent, and what each of its answers means."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs

import httpx
import pytest

from gateway.payments.methods.base import Finding, Refund, Taken
from gateway.payments.methods.stripe import Stripe, StripeOptions, details_of
from gateway.payments.problems import Code, OutcomeUnknown, PaymentProblem
from tests.gateway.payments.methods.building import OFFER, Vendor, presented

OPTIONS = StripeOptions("sk_test_CANARY", "profile_1", ("card", "link"), "https://stripe.example/")
PAYLOAD = {"spt": "spt_123", "externalId": "order-7"}
TAKEN = Taken("challenge-1", "pi_1", 1_700_000_000.0, {})


def stripe(status: int, body: object) -> tuple[Stripe, Vendor]:
    vendor = Vendor(lambda request: httpx.Response(status, json=body))
    return Stripe(OPTIONS, vendor), vendor


def form_of(request: httpx.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.content.decode()).items()}


async def test_a_payment_intent_is_made_and_confirmed() -> None:
    method, vendor = stripe(200, {"id": "pi_1", "status": "succeeded"})
    assert (await method.details(OFFER)) == {"networkId": "profile_1", "paymentMethodTypes": ["card", "link"]}
    assert method.fits(await method.details(OFFER)) and not method.fits({})
    method.check(presented(PAYLOAD))
    settled = await method.settle(presented(PAYLOAD))
    assert (settled.reference, settled.extras) == ("pi_1", {"externalId": "order-7"})
    (request,) = vendor.requests
    assert (request.method, str(request.url)) == ("POST", "https://stripe.example/v1/payment_intents")
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"sk_test_CANARY:").decode()
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["idempotency-key"] == "mpp_challenge-1_spt_123"
    assert form_of(request) == {
        "amount": "5",
        "currency": "usd",
        "confirm": "true",
        "shared_payment_granted_token": "spt_123",
        "payment_method_types[0]": "card",
        "payment_method_types[1]": "link",
        "metadata[mpp_challenge_id]": "challenge-1",
    }
    assert "CANARY" not in repr(OPTIONS)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"id": "pi_1", "status": "requires_action"}, Code.ACTION_REQUIRED),
        (200, {"id": "pi_1", "status": "requires_payment_method"}, Code.FAILED),
        (402, {"error": {"code": "card_declined", "message": "secret words"}}, Code.FAILED),
        (401, {"error": {"message": "Invalid API Key"}}, Code.FAILED),
        (429, "text", Code.FAILED),
    ],
)
async def test_refusals(status: int, body: object, code: Code) -> None:
    method, _ = stripe(status, body)
    with pytest.raises(PaymentProblem) as found:
        await method.settle(presented(PAYLOAD))
    assert found.value.code is code
    assert "secret words" not in found.value.detail


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {}),
        (503, "x"),
        (200, "x"),
        (200, {"id": 1}),
        (200, {"id": "pi_1", "status": "processing"}),
        (302, {"id": "pi_1", "status": "succeeded"}),
    ],
)
async def test_an_outcome_that_nobody_knows(status: int, body: object) -> None:
    method, _ = stripe(status, body)
    with pytest.raises(OutcomeUnknown):
        await method.settle(presented(PAYLOAD))


async def test_silence_is_an_unknown_outcome() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    method = Stripe(OPTIONS, Vendor(silent))
    with pytest.raises(OutcomeUnknown):
        await method.settle(presented(PAYLOAD))
    assert await method.refund(TAKEN) is Refund.DUE
    assert (await method.look_up(TAKEN)).finding is Finding.UNKNOWN
    await method.aclose()


@pytest.mark.parametrize(
    "payload", [{}, {"spt": 1}, {"spt": "tok_1"}, {"spt": "spt_"}, {"spt": "spt_1", "externalId": 1}]
)
def test_payloads_that_are_none(payload: dict[str, object]) -> None:
    with pytest.raises(PaymentProblem) as found:
        Stripe(OPTIONS).check(presented(payload))
    assert found.value.code is Code.INVALID_PAYLOAD


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"id": "re_1", "status": "succeeded"}, Refund.DONE),
        (200, {"id": "re_1", "status": "pending"}, Refund.DONE),
        (200, {"id": "re_1", "status": "failed"}, Refund.DUE),
        (400, {"error": {"code": "charge_already_refunded"}}, Refund.DONE),
        (400, {"error": "x"}, Refund.DUE),
        (500, "x", Refund.DUE),
    ],
)
async def test_refunds(status: int, body: object, outcome: Refund) -> None:
    method, vendor = stripe(status, body)
    assert await method.refund(TAKEN) is outcome
    (request,) = vendor.requests
    assert request.url.path == "/v1/refunds"
    assert form_of(request) == {"payment_intent": "pi_1"}
    assert request.headers["idempotency-key"] == "mpp_refund_pi_1"


@pytest.mark.parametrize(
    ("status", "finding"),
    [
        ("succeeded", Finding.PAID),
        ("processing", Finding.UNKNOWN),
        ("canceled", Finding.NOT_PAID),
        (None, Finding.NOT_PAID),
    ],
)
async def test_a_payment_is_looked_up_by_its_challenge(status: str | None, finding: Finding) -> None:
    others = [{"id": f"pi_o{n}", "status": "succeeded", "metadata": {}} for n in range(2)]
    mine = {"id": "pi_9", "status": status, "metadata": {"mpp_challenge_id": "challenge-1"}}

    def answer(request: httpx.Request) -> httpx.Response:
        if "starting_after" not in request.url.params:
            return httpx.Response(200, json={"data": others, "has_more": True})
        return httpx.Response(200, json={"data": [mine] if status else [], "has_more": False})

    vendor = Vendor(answer)
    found = await Stripe(OPTIONS, vendor).look_up(TAKEN)
    assert found.finding is finding
    assert found.reference == ("pi_9" if finding in (Finding.PAID,) else found.reference)
    assert vendor.requests[0].url.params["created[gte]"] == "1699999700"
    assert vendor.requests[1].url.params["starting_after"] == "pi_o1"


def test_without_a_network_nothing_is_told() -> None:
    assert details_of("", ("card",)) == {}


async def test_what_is_not_there_yet_may_still_come() -> None:
    vendor = Vendor(lambda request: httpx.Response(200, json={"data": [], "has_more": False}))
    soon = Stripe(OPTIONS, vendor, clock=lambda: TAKEN.claimed_at + 59)
    assert (await soon.look_up(TAKEN)).finding is Finding.UNKNOWN
    later = Stripe(OPTIONS, vendor, clock=lambda: TAKEN.claimed_at + 60)
    assert (await later.look_up(TAKEN)).finding is Finding.NOT_PAID
