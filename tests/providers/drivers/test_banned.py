"""Accounts that their vendor has shut out, in the vendors' words."""

from __future__ import annotations

import json

import pytest

from providers.dialects.types import Failure, FailureKind, WireAnswer
from providers.drivers.banned import is_banned
from providers.drivers.base import Outcome, Scope
from providers.drivers.table import DRIVERS

SHUT_OUT = [
    "This organization has been disabled.",
    "Your account has been deactivated, please check your email for more information.",
    "Your organization was suspended. Contact support.",
    "This account is permanently banned",
    "The workspace you are using has been disabled.",
    "Your API key has been disabled by its owner",
    "Organization acme-1 has been terminated",
]
NOT = [
    "OAuth authentication is currently not allowed for this organization.",
    "Web search is disabled for this organization.",
    "Your organization has disabled Claude subscription access",
    "Your account is limited to 5 requests per minute",
    "account balance is too low",
    "The user was blocked on a lock file",
    "Your organization is disabled for this beta",
]


@pytest.mark.parametrize("message", SHUT_OUT)
def test_who_is_shut_out_is_known_by_the_words(message: str) -> None:
    assert is_banned(message)


@pytest.mark.parametrize("message", NOT)
def test_what_is_only_not_allowed_is_not_that(message: str) -> None:
    assert not is_banned(message)


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("kind", ["anthropic", "openai-compatible"])
@pytest.mark.parametrize("message", SHUT_OUT[:3])
def test_the_next_account_serves_and_the_operator_is_wanted(kind: str, status: int, message: str) -> None:
    error = {"type": "invalid_request_error", "message": message, "code": None}
    answer = WireAnswer(status, (), json.dumps({"type": "error", "error": error}).encode())
    verdict = DRIVERS[kind].classify(answer, 1000.0)
    assert (verdict.outcome, verdict.scope) == (Outcome.RETRY_OTHER, Scope.ACCOUNT)
    assert verdict.needs_operator and not verdict.needs_refresh and verdict.until == 2800.0
    assert message in verdict.reason


@pytest.mark.parametrize("kind", ["anthropic", "openai-compatible"])
def test_the_same_inside_a_stream(kind: str) -> None:
    verdict = DRIVERS[kind].classify(Failure(FailureKind.INVALID_REQUEST, SHUT_OUT[0]), 0.0)
    assert verdict.needs_operator and verdict.scope is Scope.ACCOUNT


def test_a_code_says_it_too() -> None:
    error = {"type": "invalid_request_error", "message": "no", "code": "account_deactivated"}
    answer = WireAnswer(401, (), json.dumps({"error": error}).encode())
    assert DRIVERS["openai-compatible"].classify(answer, 0.0).needs_operator
