"""Lightning: the invoice that LND is asked for, and the preimage that pays it."""

from __future__ import annotations

import base64
import hashlib
import json

import httpx
import pytest

from gateway.payments.methods.base import ChallengeUnavailable, Finding, Offer, Refund, Taken
from gateway.payments.methods.lightning import Lightning, LightningOptions
from gateway.payments.problems import Code, PaymentProblem
from tests.gateway.payments.methods.building import Vendor, presented

PREIMAGE = "ab" * 32
HASH = hashlib.sha256(bytes.fromhex(PREIMAGE)).hexdigest()
OPTIONS = LightningOptions("https://node.example:8080", "0201CANARY", 300.0)
OFFER = Offer("21", "sat", "node")
DETAILS = {"invoice": "lnbc210n1", "paymentHash": HASH}
INVOICE = {"r_hash": base64.b64encode(bytes.fromhex(HASH)).decode(), "payment_request": "lnbc210n1"}
TAKEN = Taken("challenge-1", HASH, 0.0, {"paymentHash": HASH})


def lightning(status: int, body: object) -> tuple[Lightning, Vendor]:
    vendor = Vendor(lambda request: httpx.Response(status, json=body))
    return Lightning(OPTIONS, vendor), vendor


async def test_an_invoice_is_made_for_each_challenge() -> None:
    method, vendor = lightning(200, INVOICE)
    assert await method.details(OFFER) == DETAILS
    (request,) = vendor.requests
    assert (request.method, str(request.url)) == ("POST", "https://node.example:8080/v1/invoices")
    assert request.headers["grpc-metadata-macaroon"] == "0201CANARY"
    assert json.loads(request.content) == {"value": 21, "expiry": 360, "memo": "One call"}
    assert "CANARY" not in repr(OPTIONS)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {}),
        (404, INVOICE),
        (200, {}),
        (200, []),
        (200, {**INVOICE, "r_hash": "!"}),
        (200, {**INVOICE, "r_hash": "YQ=="}),
        (200, {**INVOICE, "payment_request": ""}),
    ],
)
async def test_without_an_invoice_there_is_no_challenge(status: int, body: object) -> None:
    method, _ = lightning(status, body)
    with pytest.raises(ChallengeUnavailable):
        await method.details(OFFER)


async def test_the_preimage_pays() -> None:
    method, vendor = lightning(200, INVOICE)
    one = presented({"preimage": PREIMAGE}, DETAILS)
    assert method.fits(DETAILS) and not method.fits({}) and not method.fits({"invoice": "x"})
    method.check(one)
    settled = await method.settle(one)
    assert (settled.reference, settled.extras) == (HASH, {"challengeId": "challenge-1"})
    assert method.notes(one) == {"paymentHash": HASH}
    assert await method.refund(TAKEN) is Refund.DUE
    assert vendor.requests == []
    await method.aclose()


@pytest.mark.parametrize(
    ("preimage", "code"),
    [
        (None, Code.INVALID_PAYLOAD),
        (1, Code.INVALID_PAYLOAD),
        (PREIMAGE.upper(), Code.INVALID_PAYLOAD),
        (PREIMAGE[:-2], Code.INVALID_PAYLOAD),
        (HASH, Code.FAILED),
    ],
)
def test_other_preimages_do_not(preimage: object, code: Code) -> None:
    with pytest.raises(PaymentProblem) as found:
        Lightning(OPTIONS).check(presented({"preimage": preimage}, DETAILS))
    assert found.value.code is code


@pytest.mark.parametrize(
    ("status", "body", "finding"),
    [
        (200, {"state": "SETTLED"}, Finding.PAID),
        (200, {"state": "OPEN"}, Finding.UNKNOWN),
        (200, {"state": "CANCELED"}, Finding.NOT_PAID),
        (404, {}, Finding.UNKNOWN),
        (200, [], Finding.UNKNOWN),
    ],
)
async def test_an_invoice_is_looked_up(status: int, body: object, finding: Finding) -> None:
    method, vendor = lightning(status, body)
    assert (await method.look_up(TAKEN)).finding is finding
    assert vendor.requests[0].url.path == f"/v1/invoice/{HASH}"
    assert (await method.look_up(Taken("c", "", 0.0, {}))).finding is Finding.UNKNOWN
