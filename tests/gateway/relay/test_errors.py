"""The error tree: class to status and words, in each dialect."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
from django.db import OperationalError

from accounts import errors as accounts
from gateway.access.gate import AccessDenied
from gateway.relay import errors
from providers.dialects.table import DIALECTS
from providers.dialects.types import Failure, FailureKind, Refused, Truncated
from tokens import errors as tokens


def test_every_kind_has_a_status_and_words_in_every_dialect() -> None:
    for kind in FailureKind:
        status = errors.STATUSES[kind]
        assert 400 <= status < 600
        for dialect in DIALECTS:
            answer = errors.render(status, Failure(kind, "why"), dialect, "id-1")
            assert answer.status == DIALECTS[dialect].statuses.get(status, status)
            assert b'"why"' in answer.body
            assert (DIALECTS[dialect].request_id, b"id-1") in answer.headers


@pytest.mark.parametrize(
    ("raised", "status", "kind", "text"),
    [
        (
            tokens.MissingToken(),
            401,
            "authentication_error",
            "Missing Authorization Bearer token or x-api-key",
        ),
        (tokens.BadPrefix(), 401, "authentication_error", "Token must start with 'la_sk_' prefix"),
        (tokens.ExpiredToken(), 401, "authentication_error", "Token has expired"),
        (tokens.RevokedToken(), 403, "authentication_error", "Token has been revoked"),
        (
            tokens.InvalidToken("InvalidSignature"),
            401,
            "authentication_error",
            "Invalid token: InvalidSignature",
        ),
        (tokens.StoreUnavailable("gone"), 503, "api_error", "Token storage error: gone"),
        (tokens.TokenNotFound("x"), 404, "not_found_error", "No token with this id"),
        (
            tokens.BadTokenField("ttl_hours", "must be an integer"),
            400,
            "invalid_request_error",
            "ttl_hours: must be an integer",
        ),
        (
            tokens.WrongMediaType(),
            415,
            "invalid_request_error",
            "Expected request with `Content-Type: application/json`",
        ),
        (
            accounts.PoolExhausted(None, accounts.Exhaustion.NO_ACCOUNT, "/home/x has none"),
            502,
            "api_error",
            errors.WHAT_TO_DO,
        ),
        (
            Refused(Failure(FailureKind.TOO_LARGE, "too large")),
            413,
            "request_too_large",
            "too large",
        ),
        (AccessDenied(Failure(FailureKind.RATE_LIMIT, "later")), 429, "rate_limit_error", "later"),
        (
            OperationalError('connection to server at "db-7.internal" failed'),
            503,
            "api_error",
            "The database does not answer; please try again",
        ),
        (Truncated(), 502, "api_error", "Upstream closed the stream before its end"),
    ],
)
def test_what_is_raised_becomes(raised: Exception, status: int, kind: str, text: str) -> None:
    told, failure = errors.describe(raised)
    body = json.loads(errors.render(told, failure, "anthropic", None).body)
    assert (told, body) == (status, {"type": "error", "error": {"type": kind, "message": text}})


def test_an_upstream_that_is_not_reached_shows_no_internal_address() -> None:
    request = httpx.Request("POST", "http://10.0.0.7:9/v1/messages")
    status, failure = errors.describe(httpx.ConnectError("refused", request=request))
    assert status == 502
    assert "10.0.0.7" not in failure.message


def test_a_defect_is_logged_and_told_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        status, failure = errors.describe(KeyError("canary"))
    assert (status, failure.kind) == (500, FailureKind.INTERNAL)
    assert "canary" not in failure.message
    assert "canary" in caplog.text


def test_waiting_times_are_whole_seconds_and_never_zero() -> None:
    for seconds, shown in ((0.2, b"1"), (59.1, b"60")):
        failure = Failure(FailureKind.RATE_LIMIT, "later", retry_after_seconds=seconds, should_retry=False)
        answer = errors.render(429, failure, "anthropic", None)
        assert (b"retry-after", shown) in answer.headers
        assert (b"x-should-retry", b"false") in answer.headers


def test_a_status_that_openais_clients_do_not_know_is_told_as_one_that_they_do() -> None:
    failure = Failure(FailureKind.OVERLOADED, "Overloaded")
    status = errors.status_of(failure)
    told = {name: errors.render(status, failure, name, None).status for name in DIALECTS}
    assert told == {
        "anthropic": 529,
        "openai_chat": 503,
        "openai_responses": 503,
        "bedrock": 529,
        "vertex": 529,
    }
