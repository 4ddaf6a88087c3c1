"""Accounts that their vendor has shut out, in the vendors' words."""

from __future__ import annotations

import json

import pytest

from providers.dialects.types import Failure, FailureKind, WireAnswer
from providers.drivers.banned import is_banned, is_unpaid
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
    "Organization suspended",
    "Account disabled. Please contact support.",
    "The API key has been revoked",
    "This workspace has been archived",
    "Your subscription has expired",
    "Your access has been suspended",
    "Your organization's API access has been disabled",
    "We have suspended your account after a review",
    "Your account, acme, has been banned.",
    "Permission denied: Consumer 'api_key:x' has been suspended.",
    "Your organization does not have access to Claude. Please login again or contact your administrator.",
]
NOT = [
    "OAuth authentication is currently not allowed for this organization.",
    "Web search is disabled for this organization.",
    "Your organization has disabled Claude subscription access",
    "Your account is limited to 5 requests per minute",
    "account balance is too low",
    "The user was blocked on a lock file",
    "Your organization is disabled for this beta",
    "Fast mode has been disabled by your organization",
]
OF_BODIES = [
    "your account has been suspended: Extra inputs are not permitted",
    "tool_choice.type: Input tag 'x' found: your account is suspended",
    "Unknown parameter: 'account suspended'.",
    "Unrecognized request argument supplied: your account has been suspended",
    "Invalid role 'your account has been suspended'",
    "insufficient balance: Extra inputs are not permitted",
]
"""What a caller can make an upstream say."""
UNPAID = [
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade.",
    "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
    "Insufficient Balance",
    "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
    "You exceeded your current quota, please check your plan and billing details.",
    "Your account is not active, please check your billing details on our website.",
    "Billing hard limit has been reached",
    "Arrearage: Access denied, please make sure your account is in good standing.",
    "Account balance is insufficient, please recharge",
    "Your team has run out of credits",
]


@pytest.mark.parametrize("message", SHUT_OUT)
def test_who_is_shut_out_is_known_by_the_words(message: str) -> None:
    assert is_banned(message)


@pytest.mark.parametrize("message", NOT)
def test_what_is_only_not_allowed_is_not_that(message: str) -> None:
    assert not is_banned(message)


@pytest.mark.parametrize("message", OF_BODIES)
def test_a_caller_shuts_nobody_out_by_what_an_upstream_repeats(message: str) -> None:
    assert not is_banned(message) and not is_unpaid(message)


@pytest.mark.parametrize("status", [400, 402, 403])
@pytest.mark.parametrize("kind", ["anthropic", "openai-compatible"])
@pytest.mark.parametrize("message", UNPAID)
def test_an_account_without_money_rests_and_wants_its_operator(kind: str, status: int, message: str) -> None:
    error = {"type": "invalid_request_error", "message": message, "code": None}
    answer = WireAnswer(status, (), json.dumps({"type": "error", "error": error}).encode())
    verdict = DRIVERS[kind].classify(answer, 1000.0)
    assert (verdict.outcome, verdict.scope) == (Outcome.RETRY_OTHER, Scope.ACCOUNT)
    assert verdict.needs_operator and verdict.until == 4600.0


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
