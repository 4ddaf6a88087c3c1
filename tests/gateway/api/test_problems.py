from __future__ import annotations

import json

import pytest
from django.test import RequestFactory

from gateway.api import problems
from providers.dialects.types import Failure, FailureKind

FAILURE = Failure(FailureKind.RATE_LIMIT, "wait", retry_after_seconds=7, param="limit")


@pytest.mark.parametrize("path", ["/api/audit", "/api/audit/x"])
def test_newer_paths_have_both_forms_in_one_object(path: str) -> None:
    answer = problems.answer(RequestFactory().get(path), 429, FAILURE)
    told = json.loads(answer.content)
    assert told["error"] == {"type": "rate_limit_error", "message": "wait"}
    assert (told["title"], told["status"], told["detail"], told["field"]) == (
        "Too Many Requests",
        429,
        "wait",
        "limit",
    )
    assert (answer["Content-Type"], answer["Retry-After"]) == ("application/problem+json", "7")


def test_statuses_that_no_standard_names_have_a_title_too() -> None:
    answer = problems.answer(RequestFactory().get("/api/audit"), 529, Failure(FailureKind.OVERLOADED, "busy"))
    told = json.loads(answer.content)
    assert (told["title"], told["status"], told["field"]) == ("Error", 529, None)


@pytest.mark.parametrize("path", ["/api/tokens", "/api/auditors"])
def test_older_paths_answer_as_they_did(path: str) -> None:
    answer = problems.answer(RequestFactory().get(path), 429, FAILURE)
    assert set(json.loads(answer.content)) == {"type", "error"}
    assert answer["Content-Type"] == "application/json"
