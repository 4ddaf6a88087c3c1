from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.exchange.exchange import Refusal, Try
from gateway.models import ExchangeRow
from gateway.usage.requests import explaining
from providers.dialects.types import FailureKind, Usage
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db


def told(**values: object) -> list[str]:
    return explaining.explain(ExchangeRow.objects.get(pk=call(**values)))


def test_a_call_that_was_served() -> None:
    assert told(person="ann@example.org", group="red", cost=Decimal("0.5")) == [
        "Token laptop, of ann@example.org, group red asked for claude-x at /v1/messages.",
        "anthropic, account primary answered 200 in 2.50 s.",
        "The client got the whole answer in 2.50 s, served as claude-x-1.",
        "It cost 0.5 USD.",
    ]


def test_a_call_that_was_served_at_the_second_try() -> None:
    tries = (Try("anthropic", "a", 529, "overloaded_error: busy", 0.5), Try("other", "", 200, "served", 1.5))
    lines = told(tries=tries, upstream_refusal=Refusal("overloaded_error", "busy"), attempts=2)
    assert lines[1:3] == [
        "anthropic, account a answered 529 in 0.50 s (overloaded_error: busy), so the next was tried.",
        "other answered 200 in 1.50 s.",
    ]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"status": 499}, "The client left before the answer was complete."),
        (
            {"status": 429, "is_refusal": True, "attempts": 0, "failure_message": "budget used up"},
            "Nothing was sent upstream: we answered 429, since budget used up.",
        ),
        ({"status": 502, "failure_message": "no answer"}, "The client got 502: no answer."),
        (
            {"failure_kind": FailureKind.UPSTREAM, "failure_message": "cut"},
            "The stream failed after it had begun: cut.",
        ),
        ({"model_served": "claude-x"}, "The client got the whole answer in 2.50 s."),
        ({"cost": None}, "No price is known for claude-x-1, so nothing was charged."),
        (
            {"usage": Usage(1, is_estimated=True), "cost": Decimal(1)},
            "It cost 1 USD. Its tokens are our estimate.",
        ),
    ],
)
def test_each_end_has_its_sentence(values: dict[str, object], sentence: str) -> None:
    assert sentence in told(**values)
