"""Bodies of problems: the problem's members, and the `error` that API clients read."""

from __future__ import annotations

import json

import pytest

from gateway.payments.problems import TITLES, Code, PaymentProblem, Terms, body, required_error

TERMS = Terms("0.05", "USD", "acct_or_wallet", "stripe")


def test_a_402_has_both() -> None:
    problem = PaymentProblem(Code.REQUIRED, "Pay 5 usd")
    error = required_error(TERMS, "Payment required for OpenAI-compatible endpoint", "/v1/responses")
    assert json.loads(body(problem, "c-1", error)) == {
        "type": "https://paymentauth.org/problems/payment-required",
        "title": "Payment Required",
        "status": 402,
        "detail": "Pay 5 usd",
        "challengeId": "c-1",
        "error": {
            "type": "payment_required",
            "message": "Payment required for OpenAI-compatible endpoint",
            "protocol": "mpp",
            "intent": "charge",
            "amount": "0.05",
            "currency": "USD",
            "recipient": "acct_or_wallet",
            "method": "stripe",
            "resource": "/v1/responses",
        },
    }


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_title_and_an_error(code: Code) -> None:
    told = json.loads(body(PaymentProblem(code, "words", 500), ""))
    assert told["title"] == TITLES[code]
    assert told["error"] == {"type": code.value.replace("-", "_"), "message": "words"}
    assert "challengeId" not in told
