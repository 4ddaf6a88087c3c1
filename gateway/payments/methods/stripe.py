"""The method `stripe`: a shared payment token becomes a confirmed PaymentIntent.

Source: draft-stripe-charge-00, and Stripe's API reference for PaymentIntents and refunds. Every call names an
idempotency key, so that Stripe does the same thing once however often it is asked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.payments.methods.base import Answer, Finding, Offer, Presented, Refund, Settled, Taken
from gateway.payments.problems import Code, OutcomeUnknown, PaymentProblem

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30.0
API_VERSION = "2026-07-29.preview"
"""The first that knows shared payment tokens."""
CHALLENGE_ID = "mpp_challenge_id"
WINDOW_SECONDS = 300
"""So long around the claim the PaymentIntent was made: clocks differ, and Stripe may have been slow."""
MOST_PAGES = 50
SURE_AFTER_SECONDS = 60.0
"""So long after the claim a PaymentIntent that was asked for and never answered may still be made."""
UNDECIDED = frozenset(("processing", "requires_capture", "requires_confirmation"))


@dataclass(frozen=True, slots=True)
class StripeOptions:
    """`secret_key` is never shown."""

    secret_key: str = field(repr=False)
    network_id: str
    payment_method_types: Sequence[str]
    api_url: str


class Stripe:
    """Takes payments with one Stripe account."""

    name = "stripe"

    def __init__(
        self,
        options: StripeOptions,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._clock = clock
        self._client = httpx.AsyncClient(
            base_url=options.api_url.rstrip("/"),
            auth=(options.secret_key, ""),
            headers={"Stripe-Version": API_VERSION},
            timeout=TIMEOUT_SECONDS,
            transport=transport,
        )

    async def details(self, offer: Offer) -> dict[str, Any]:
        return details_of(self._options.network_id, self._options.payment_method_types)

    def fits(self, details: Mapping[str, Any]) -> bool:
        return details == details_of(self._options.network_id, self._options.payment_method_types)

    def check(self, presented: Presented) -> None:
        token = presented.payload.get("spt")
        if not isinstance(token, str) or not token.startswith("spt_") or not 4 < len(token) <= 255:
            raise PaymentProblem(Code.INVALID_PAYLOAD, "payload.spt must be a shared payment token (spt_...)")
        external = presented.payload.get("externalId")
        if external is not None and (not isinstance(external, str) or len(external) > 255):
            raise PaymentProblem(Code.INVALID_PAYLOAD, "payload.externalId must be a string")

    def notes(self, presented: Presented) -> dict[str, str]:
        return {}

    async def settle(self, presented: Presented) -> Settled:
        token, external = presented.payload["spt"], presented.payload.get("externalId")
        form = {
            "amount": presented.offer.amount,
            "currency": presented.offer.currency,
            "confirm": "true",
            "shared_payment_granted_token": token,
            f"metadata[{CHALLENGE_ID}]": presented.challenge_id,
        }
        for place, kind in enumerate(self._options.payment_method_types):
            form[f"payment_method_types[{place}]"] = kind
        answer = await self._post("/v1/payment_intents", form, f"mpp_{presented.challenge_id}_{token}")
        if 400 <= answer.status_code < 500:
            raise PaymentProblem(Code.FAILED, f"Stripe refused the payment ({_reason(answer)})")
        intent = _object(answer)
        status, reference = intent.get("status"), intent.get("id")
        if answer.status_code >= 300 or not isinstance(reference, str) or not isinstance(status, str):
            raise OutcomeUnknown(f"Stripe answered {answer.status_code}")
        if status == "requires_action":
            raise PaymentProblem(Code.ACTION_REQUIRED, "the payer's bank asks for a further step")
        if status in UNDECIDED:
            raise OutcomeUnknown(f"the PaymentIntent is {status}")
        if status != "succeeded":
            raise PaymentProblem(Code.FAILED, f"the PaymentIntent is {status}")
        return Settled(reference, {"externalId": external} if external else {})

    async def refund(self, taken: Taken) -> Refund:
        try:
            answer = await self._post(
                "/v1/refunds", {"payment_intent": taken.reference}, f"mpp_refund_{taken.reference}"
            )
        except OutcomeUnknown:
            return Refund.DUE
        refund = _object(answer)
        if answer.status_code < 300 and refund.get("status") in ("succeeded", "pending"):
            return Refund.DONE
        if _reason(answer) == "charge_already_refunded":
            return Refund.DONE
        logger.error("Stripe did not refund %s: %s", taken.reference, _reason(answer))
        return Refund.DUE

    async def look_up(self, taken: Taken) -> Answer:
        """Find the PaymentIntent by the challenge that its metadata names, among those of that time."""
        try:
            intent = await self._find(taken)
        except (httpx.HTTPError, OutcomeUnknown):
            return Answer(Finding.UNKNOWN)
        if intent is None:
            is_sure = self._clock() - taken.claimed_at >= SURE_AFTER_SECONDS
            return Answer(Finding.NOT_PAID if is_sure else Finding.UNKNOWN)
        status, reference = str(intent.get("status")), str(intent.get("id"))
        if status == "succeeded":
            return Answer(Finding.PAID, reference)
        if status in UNDECIDED:
            return Answer(Finding.UNKNOWN)
        return Answer(Finding.NOT_PAID, reference)

    async def _find(self, taken: Taken) -> dict[str, Any] | None:
        span = {
            "created[gte]": str(int(taken.claimed_at) - WINDOW_SECONDS),
            "created[lte]": str(int(taken.claimed_at) + WINDOW_SECONDS),
            "limit": "100",
        }
        after: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            answer = await self._client.get("/v1/payment_intents", params={**span, **after})
            page = _object(answer)
            intents = page.get("data")
            if answer.status_code != 200 or not isinstance(intents, list):
                raise OutcomeUnknown(f"Stripe answered {answer.status_code}")
            for intent in intents:
                if (intent.get("metadata") or {}).get(CHALLENGE_ID) == taken.challenge_id:
                    return dict(intent)
            if not page.get("has_more") or not intents:
                return None
            after = {"starting_after": str(intents[-1]["id"])}
        raise OutcomeUnknown("too many PaymentIntents at that time")

    async def _post(self, path: str, form: dict[str, str], key: str) -> httpx.Response:
        try:
            return await self._client.post(path, data=form, headers={"Idempotency-Key": key})
        except httpx.HTTPError as exc:
            raise OutcomeUnknown(f"Stripe did not answer: {type(exc).__name__}") from exc

    async def aclose(self) -> None:
        await self._client.aclose()


def details_of(network_id: str, payment_method_types: Sequence[str]) -> dict[str, Any]:
    """Return the challenge's `methodDetails`; nothing while no network is configured."""
    if not network_id:
        return {}
    return {"networkId": network_id, "paymentMethodTypes": list(payment_method_types)}


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _reason(answer: httpx.Response) -> str:
    """Return Stripe's code for a refusal, which holds nothing of the payer's."""
    error = _object(answer).get("error")
    code = error.get("decline_code") or error.get("code") if isinstance(error, dict) else None
    return str(code) if code else f"HTTP {answer.status_code}"
