"""Every refusal of the fact sheets → class, scope, time, next action."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from providers.dialects.types import Failure, FailureKind, WireAnswer
from providers.drivers.anthropic import AnthropicDriver
from providers.drivers.base import Outcome, Scope, Verdict

NOW = 1_800_000_000.0
DRIVER = AnthropicDriver()


@dataclass
class Case:
    name: str
    status: int
    outcome: Outcome
    scope: Scope
    until: float | None = None
    headers: dict[str, str] | None = None
    error: tuple[str, str] = ("rate_limit_error", "This request would exceed the rate limit")
    code: str | None = None
    needs_refresh: bool = False
    needs_operator: bool = False


def unified(status: str = "rejected", **windows: str) -> dict[str, str]:
    headers = {"anthropic-ratelimit-unified-status": status}
    for name, value in windows.items():
        headers[f"anthropic-ratelimit-unified-{name.replace('_dash_', '-').replace('w', '', 1)}"] = value
    return headers


FIVE = {"w5h_dash_status": "rejected", "w5h_dash_reset": "1800003600"}
SEVEN = {"w7d_dash_status": "rejected", "w7d_dash_reset": "1800500000"}
OPUS = {"w5h_dash_status": "allowed", "w7d_dash_status": "allowed", "w7d_opus_dash_status": "rejected"}
OTHER, GIVE_UP = Outcome.RETRY_OTHER, Outcome.GIVE_UP
CASES = [
    Case("5h window", 429, OTHER, Scope.ACCOUNT, 1_800_003_600.0, unified(**FIVE)),
    Case(
        "7d window is days away and not capped",
        429,
        OTHER,
        Scope.ACCOUNT,
        1_800_500_000.0,
        unified(**FIVE, **SEVEN),
    ),
    Case(
        "retry-after later than the reset",
        429,
        OTHER,
        Scope.ACCOUNT,
        NOW + 7200,
        {**unified(**FIVE), "retry-after": "7200"},
    ),
    Case(
        "family window only",
        429,
        OTHER,
        Scope.FAMILY,
        NOW + 51811,
        {**unified(**OPUS), "retry-after": "51811"},
    ),
    Case(
        "family and account window", 429, OTHER, Scope.ACCOUNT, 1_800_003_600.0, unified(**{**OPUS, **FIVE})
    ),
    Case(
        "unknown family window",
        429,
        OTHER,
        Scope.FAMILY,
        NOW + 9,
        {**unified(w7d_oi_dash_status="rejected"), "retry-after": "9"},
    ),
    Case(
        "claim without windows: account",
        429,
        OTHER,
        Scope.ACCOUNT,
        NOW + 60,
        {
            **unified(),
            "anthropic-ratelimit-unified-representative-claim": "five_hour",
            "anthropic-ratelimit-unified-reset": "1800000060",
        },
    ),
    Case(
        "claim without windows: family",
        429,
        OTHER,
        Scope.FAMILY,
        NOW + 60,
        {
            **unified(),
            "anthropic-ratelimit-unified-representative-claim": "seven_day_opus",
            "anthropic-ratelimit-unified-reset": "1800000060",
        },
    ),
    Case("rejected without any time", 429, OTHER, Scope.ACCOUNT, None, unified()),
    Case(
        "reset already past",
        429,
        OTHER,
        Scope.ACCOUNT,
        None,
        unified(w5h_dash_status="rejected", w5h_dash_reset="1700000000"),
    ),
    Case("retry-after only", 429, OTHER, Scope.MODEL, NOW + 12, {"retry-after": "12"}),
    Case(
        "retry-after-ms", 429, OTHER, Scope.MODEL, NOW + 0.25, {"retry-after-ms": "250", "retry-after": "12"}
    ),
    Case(
        "key window, RFC 3339",
        429,
        OTHER,
        Scope.MODEL,
        NOW + 30,
        {
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-limit": "5",
            "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:30Z",
        },
    ),
    Case("bare", 429, OTHER, Scope.MODEL),
    Case("bare, no body", 429, OTHER, Scope.MODEL, error=("", "")),
    Case("misleading identity 429", 429, OTHER, Scope.REQUEST, error=("rate_limit_error", "Error")),
    Case(
        "extra usage required",
        429,
        GIVE_UP,
        Scope.REQUEST,
        headers=unified("allowed"),
        error=("rate_limit_error", "Extra usage is required for long context requests."),
    ),
    Case(
        "enforced spend limit",
        429,
        OTHER,
        Scope.ACCOUNT,
        NOW + 3600,
        code="enforced_spend_limit_reached",
        needs_operator=True,
    ),
    Case(
        "contract spend limit",
        429,
        OTHER,
        Scope.ACCOUNT,
        NOW + 3600,
        code="contract_spend_limit_reached",
        needs_operator=True,
    ),
    Case(
        "ramp limit", 429, OTHER, Scope.ACCOUNT, NOW + 3600, code="ramp_limit_exceeded", needs_operator=True
    ),
    Case("402", 402, OTHER, Scope.ACCOUNT, NOW + 3600, error=("billing_error", "pay"), needs_operator=True),
    Case(
        "organisation's own spend limit",
        400,
        OTHER,
        Scope.ACCOUNT,
        NOW + 3600,
        needs_operator=True,
        error=(
            "invalid_request_error",
            "You have reached your specified API usage limits. You will regain it on …",
        ),
    ),
    Case(
        "only for Claude Code",
        400,
        GIVE_UP,
        Scope.REQUEST,
        error=(
            "invalid_request_error",
            "This credential is only authorized for use with Claude Code and not else",
        ),
    ),
    Case(
        "client's fault", 400, GIVE_UP, Scope.REQUEST, error=("invalid_request_error", "messages: required")
    ),
    Case(
        "401",
        401,
        Outcome.RETRY_OTHER,
        Scope.ACCOUNT,
        error=("authentication_error", "invalid"),
        needs_refresh=True,
    ),
    Case("403", 403, OTHER, Scope.ACCOUNT, NOW + 1800, error=("permission_error", "no")),
    Case(
        "403 organisation disabled",
        403,
        OTHER,
        Scope.ACCOUNT,
        NOW + 1800,
        needs_operator=True,
        error=("permission_error", "This organization has been disabled."),
    ),
    Case("404 model", 404, OTHER, Scope.MODEL, NOW + 3600, error=("not_found_error", "model: claude-opus-9")),
    Case("404 something else", 404, GIVE_UP, Scope.REQUEST, error=("not_found_error", "file not found")),
    Case("404 no body", 404, GIVE_UP, Scope.REQUEST, error=("", "")),
    Case("408", 408, OTHER, Scope.PROVIDER),
    Case("409", 409, GIVE_UP, Scope.REQUEST),
    Case("413", 413, GIVE_UP, Scope.REQUEST),
    Case("422", 422, GIVE_UP, Scope.REQUEST),
    Case("500", 500, OTHER, Scope.PROVIDER),
    Case("502", 502, OTHER, Scope.PROVIDER),
    Case("503", 503, OTHER, Scope.PROVIDER),
    Case("504", 504, OTHER, Scope.PROVIDER),
    Case("529", 529, OTHER, Scope.PROVIDER, error=("overloaded_error", "Overloaded")),
    Case("529 that must not be retried", 529, GIVE_UP, Scope.PROVIDER, headers={"x-should-retry": "false"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_decision_table(case: Case) -> None:
    headers = tuple((name.encode(), value.encode()) for name, value in (case.headers or {}).items())
    error: dict[str, object] = {"type": case.error[0], "message": case.error[1]}
    if case.code:
        error["details"] = {"error_code": case.code}
    body = json.dumps({"type": "error", "error": error}).encode() if case.error[0] else b""
    verdict = DRIVER.classify(WireAnswer(case.status, headers, body), NOW)
    assert (verdict.outcome, verdict.scope, verdict.until) == (case.outcome, case.scope, case.until)
    assert (verdict.needs_refresh, verdict.needs_operator) == (case.needs_refresh, case.needs_operator)
    assert verdict.reason


@pytest.mark.parametrize(
    ("failure", "outcome", "scope"),
    [
        (Failure(FailureKind.UPSTREAM, "no connection"), OTHER, Scope.PROVIDER),
        (Failure(FailureKind.TIMEOUT, "late"), OTHER, Scope.PROVIDER),
        (Failure(FailureKind.OVERLOADED, "Overloaded"), OTHER, Scope.PROVIDER),
        (Failure(FailureKind.INTERNAL, "api_error in the stream"), OTHER, Scope.PROVIDER),
        (Failure(FailureKind.RATE_LIMIT, "in the stream"), OTHER, Scope.MODEL),
        (Failure(FailureKind.AUTHENTICATION, "in the stream"), OTHER, Scope.ACCOUNT),
        (Failure(FailureKind.BILLING, "pay"), OTHER, Scope.ACCOUNT),
        (Failure(FailureKind.PERMISSION, "no"), OTHER, Scope.ACCOUNT),
        (Failure(FailureKind.INVALID_REQUEST, "bad"), GIVE_UP, Scope.REQUEST),
        (Failure(FailureKind.TOO_LARGE, "big"), GIVE_UP, Scope.REQUEST),
    ],
)
def test_no_answer_and_errors_inside_a_stream(failure: Failure, outcome: Outcome, scope: Scope) -> None:
    verdict = DRIVER.classify(failure, NOW)
    assert (verdict.outcome, verdict.scope) == (outcome, scope)


def test_a_good_answer_carries_its_windows_and_a_warning() -> None:
    headers = (
        (b"anthropic-ratelimit-unified-status", b"allowed_warning"),
        (b"anthropic-ratelimit-unified-5h-utilization", b"0.9"),
    )
    verdict = DRIVER.classify(WireAnswer(200, headers), NOW)
    assert verdict.outcome is Outcome.OK and verdict.is_warning
    assert [(window.name, window.used_fraction) for window in verdict.windows] == [("5h", 0.9)]
    assert DRIVER.classify(WireAnswer(200, ()), NOW) == Verdict(Outcome.OK)


@pytest.mark.parametrize(("status", "is_overflow"), [(400, True), (413, False)])
def test_a_prompt_that_is_too_long_may_fit_another_model(status: int, is_overflow: bool) -> None:
    words = "prompt is too long: 208310 tokens > 200000 maximum"
    body = json.dumps(
        {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    ).encode()
    verdict = DRIVER.classify(WireAnswer(status, (), body), NOW)
    assert (verdict.outcome, verdict.is_overflow) == (GIVE_UP, is_overflow)
