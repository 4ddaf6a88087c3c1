"""The method `lightning`: an invoice of our LND node per challenge, paid when its preimage is shown.

Source: draft-lightning-charge-00, and LND's HTTP reference (`POST /v1/invoices`, `GET /v1/invoice/{r_hash}`). The
invoice's hash is part of the challenge, and so of its id: nothing has to be stored to recognise it.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.payments.methods.base import (
    Answer,
    ChallengeUnavailable,
    Finding,
    Offer,
    Presented,
    Refund,
    Settled,
    Taken,
)
from gateway.payments.problems import Code, PaymentProblem

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
MARGIN_SECONDS = 60
"""So much longer than the challenge the invoice can be paid."""
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class LightningOptions:
    """`macaroon` (hex) is never shown."""

    api_url: str
    macaroon: str = field(repr=False)
    expires_seconds: float


class Lightning:
    """Takes payments with one LND node."""

    name = "lightning"

    def __init__(self, options: LightningOptions, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._options = options
        self._client = httpx.AsyncClient(
            base_url=options.api_url.rstrip("/"),
            headers={"Grpc-Metadata-macaroon": options.macaroon},
            timeout=TIMEOUT_SECONDS,
            transport=transport,
        )

    async def details(self, offer: Offer) -> dict[str, Any]:
        """Make an invoice, which can be paid at least as long as its challenge."""
        expiry = math.ceil(self._options.expires_seconds) + MARGIN_SECONDS
        invoice = {"value": int(offer.amount), "expiry": expiry, "memo": "One call"}
        try:
            answer = await self._client.post("/v1/invoices", json=invoice)
            told = answer.json()
            hashed = b64decode(told["r_hash"], validate=True)
            request = str(told["payment_request"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as exc:
            logger.warning("The Lightning node made no invoice: %s", type(exc).__name__)
            raise ChallengeUnavailable from exc
        if answer.status_code != 200 or len(hashed) != 32 or not request:
            logger.warning("The Lightning node made no invoice: HTTP %s", answer.status_code)
            raise ChallengeUnavailable
        return {"invoice": request, "paymentHash": hashed.hex()}

    def fits(self, details: Mapping[str, Any]) -> bool:
        """Tell whether there is an invoice: each challenge has its own."""
        return bool(details.get("invoice")) and _HEX.fullmatch(str(details.get("paymentHash"))) is not None

    def check(self, presented: Presented) -> None:
        preimage = presented.payload.get("preimage")
        if not isinstance(preimage, str) or not _HEX.fullmatch(preimage):
            words = "payload.preimage must be 64 lower-case hexadecimal digits"
            raise PaymentProblem(Code.INVALID_PAYLOAD, words)
        if hashlib.sha256(bytes.fromhex(preimage)).hexdigest() != presented.details["paymentHash"]:
            raise PaymentProblem(Code.FAILED, "the preimage is not that of the invoice")

    def notes(self, presented: Presented) -> dict[str, str]:
        return {"paymentHash": str(presented.details["paymentHash"])}

    async def settle(self, presented: Presented) -> Settled:
        """Return the payment hash: whoever knows the preimage has paid, and `check` has seen it."""
        return Settled(str(presented.details["paymentHash"]), {"challengeId": presented.challenge_id})

    async def refund(self, taken: Taken) -> Refund:
        """Say that the money is owed: Lightning knows no way back."""
        return Refund.DUE

    async def look_up(self, taken: Taken) -> Answer:
        reference = str(taken.details.get("paymentHash", ""))
        if not _HEX.fullmatch(reference):
            return Answer(Finding.UNKNOWN)
        try:
            answer = await self._client.get(f"/v1/invoice/{reference}")
            state = answer.json()["state"] if answer.status_code == 200 else ""
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return Answer(Finding.UNKNOWN)
        if state == "SETTLED":
            return Answer(Finding.PAID, reference)
        return Answer(Finding.NOT_PAID if state == "CANCELED" else Finding.UNKNOWN)

    async def aclose(self) -> None:
        await self._client.aclose()
