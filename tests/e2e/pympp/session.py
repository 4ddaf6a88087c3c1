"""A paying client built on pympp. Run with pympp on PYTHONPATH.

    python session.py URL TOKEN METHOD PROOF BODY

`PROOF`: what the method presents: a word for test, a shared payment token for stripe, the address that pays invoices
for lightning. Prints one JSON object.
"""

import asyncio
import base64
import json
import sys

import httpx
from mpp import Credential, Receipt
from mpp.client import ClientMethod, Mpp
from mpp.methods import Method
from mpp.methods.stripe import client as stripe
from pydantic import BaseModel, ConfigDict

url, token, name, proof, body = sys.argv[1:]


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


async def payload_for(challenge):
    if name == "test":
        return {"token": proof}
    async with httpx.AsyncClient() as wallet:
        invoice = challenge.request["methodDetails"]["invoice"]
        return (await wallet.get(proof, params={"invoice": invoice})).json()


async def create_credential(params):
    payload = await payload_for(params.challenge)
    return Credential(challenge=params.challenge.to_echo(), payload=payload).to_authorization()


async def create_token(parameters):
    assert (parameters.amount, parameters.currency) == ("5", "usd"), parameters
    return proof


def method():
    if name == "stripe":
        return stripe.charge(create_token=create_token, payment_method="pm_card_visa")
    definition = Method(name=name, intent="charge", request_model=Anything, payload_model=Anything)
    return ClientMethod(method=definition, create_credential=create_credential)


async def main():
    asked, failed = [], []
    async with Mpp([method()], max_payment_retries=1) as payer:
        payer.on_challenge_received(lambda event: asked.append(event["challenge"].id) and None)
        payer.on_payment_failed(lambda event: failed.append(type(event["error"]).__name__))
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        answer = await payer.fetch(url, method="POST", content=body.encode(), headers=headers)
    told = answer.headers.get("payment-receipt")
    receipt = None if told is None else Receipt.from_payment_receipt(told)
    kind = answer.headers["content-type"]
    print(
        json.dumps(
            {
                "status": answer.status_code,
                "challenges": len(asked),
                "failed": failed,
                "receipt": None if receipt is None else [receipt.status, receipt.method, receipt.reference],
                "raw_receipt": None if told is None else json.loads(base64.urlsafe_b64decode(told + "===")),
                "type": answer.json().get("type") if "json" in kind else None,
                "text": answer.text,
            }
        )
    )


asyncio.run(main())
