"""Errors in words: what happened, what to do, and no name or address of what stands behind us."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.exchange.exchange import Refusal, Try
from gateway.models import ExchangeRow
from gateway.personal import advice
from gateway.relay.errors import ALL_BUSY
from providers.dialects.types import FailureKind
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db


def of(**values: Any) -> advice.Advice:
    return advice.of(ExchangeRow.objects.get(pk=call(**{"status": 500, **values})))


@pytest.mark.parametrize("kind", list(FailureKind), ids=str)
@pytest.mark.parametrize("attempts", [0, 1])
def test_every_kind_has_words_and_something_to_do(kind: FailureKind, attempts: int) -> None:
    words = "some words about the call"
    told = of(failure_kind=kind, failure_message=words, attempts=attempts, is_refusal=not attempts)
    assert told.message and told.what_to_do and told.message != told.what_to_do


def test_our_own_limits_are_told_as_they_were() -> None:
    words = "Token has reached its limit of 5 requests per minute"
    told = of(
        status=429, failure_kind=FailureKind.RATE_LIMIT, failure_message=words, attempts=0, is_refusal=True
    )
    assert told.message == words and "Wait a minute" in told.what_to_do
    busy = of(
        status=429,
        failure_kind=FailureKind.RATE_LIMIT,
        failure_message=f"{ALL_BUSY}: x",
        attempts=0,
        is_refusal=True,
    )
    assert ALL_BUSY not in busy.message


def test_an_upstream_s_words_about_the_request_stay_and_those_about_us_do_not() -> None:
    tries = (Try("Vendor-A", "key-of-bob", 400, "served", 0.1),)
    words = "messages.0: too long, said Vendor-A at https://api.vendor.test/v1 (10.0.0.7:443) for key-of-bob"
    told = of(
        status=400, upstream_refusal=Refusal("invalid_request_error", words), tries=tries, provider="Vendor-A"
    )
    assert told.message.startswith("messages.0: too long, said the provider at (an address)")
    assert told.what_to_do == "Change the request as the message says."
    for hidden in ("Vendor-A", "vendor.test", "10.0.0.7", "key-of-bob"):
        assert hidden not in told.message
    login = of(
        status=401, upstream_refusal=Refusal("authentication_error", "invalid x-api-key of key-of-bob")
    )
    assert login.message == "The gateway could not log in at the provider."


def test_a_stream_that_broke_off() -> None:
    told = of(status=200, failure_kind=FailureKind.UPSTREAM, failure_message="Upstream closed the stream")
    assert "broke off" in told.message


def test_a_status_that_nobody_knows() -> None:
    assert of(status=418, attempts=1).message
    assert of(status=599, attempts=1).message.startswith("The provider could not be reached")
