"""Problems of payments: their codes, statuses and bodies. Pure.

Source: draft-httpauth-payment, "Problem Details". The body also holds the `error` object that API clients read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

BASE = "https://paymentauth.org/problems/"
CONTENT_TYPE = b"application/problem+json"


class Code(StrEnum):
    """Problem types, by the last segment of their URI."""

    REQUIRED = "payment-required"
    INSUFFICIENT = "payment-insufficient"
    EXPIRED = "payment-expired"
    FAILED = "verification-failed"
    MALFORMED = "malformed-credential"
    INVALID_CHALLENGE = "invalid-challenge"
    INVALID_PAYLOAD = "invalid-payload"
    ACTION_REQUIRED = "payment-action-required"
    INTERNAL = "internal-payment-error"


TITLES: Mapping[Code, str] = {
    Code.REQUIRED: "Payment Required",
    Code.INSUFFICIENT: "Payment Insufficient",
    Code.EXPIRED: "Payment Expired",
    Code.FAILED: "Verification Failed",
    Code.MALFORMED: "Malformed Credential",
    Code.INVALID_CHALLENGE: "Invalid Challenge",
    Code.INVALID_PAYLOAD: "Invalid Payload",
    Code.ACTION_REQUIRED: "Payment Action Required",
    Code.INTERNAL: "Internal Payment Error",
}


class PaymentProblem(Exception):
    """A payment that can't be taken as it is. The text may be shown; it never holds a credential."""

    def __init__(self, code: Code, detail: str, status: int = 402) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status


class OutcomeUnknown(Exception):
    """Nobody can say now whether money was taken: the claim stays, and the provider is asked later."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms as they are configured, for the `error` object of the reference."""

    amount: str
    currency: str
    recipient: str
    method: str | None  # the first; None: no method is configured


def required_error(terms: Terms, message: str, resource: str) -> dict[str, Any]:
    """Return the reference's `error` object of a 402."""
    return {
        "type": "payment_required",
        "message": message,
        "protocol": "mpp",
        "intent": "charge",
        "amount": terms.amount,
        "currency": terms.currency,
        "recipient": terms.recipient,
        "method": terms.method,
        "resource": resource,
    }


def body(problem: PaymentProblem, challenge_id: str, error: Mapping[str, Any] | None = None) -> bytes:
    """Return the problem's JSON. `type` is the problem's: it wins over the `"type": "error"` of some dialects."""
    if error is None:
        error = {"type": problem.code.value.replace("-", "_"), "message": problem.detail}
    told: dict[str, Any] = {
        "type": BASE + problem.code.value,
        "title": TITLES[problem.code],
        "status": problem.status,
        "detail": problem.detail,
    }
    if challenge_id:
        told["challengeId"] = challenge_id
    return orjson.dumps({**told, "error": error})
