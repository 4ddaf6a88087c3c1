"""What alerts say."""

from __future__ import annotations

import pytest

from gateway.alerts.models import AlertEvent
from gateway.alerts.wording import content, of_test, page_of

DETAILS = {
    "percent": 83, "spent": "8.3", "budget": "10", "currency": "USD", "period": "month", "label": "ci",
    "seconds_left": 180_000, "free_bytes": 5_000_000_000, "calls": 50, "errors": 12, "reason": "rate limited",
}  # fmt: skip
SUBJECTS = {
    "budget": "group:team", "account-out": "account:a", "account-login": "account:a", "provider-out": "provider:p",
    "error-rate": "", "token-expires": "token:1", "disk": "disk:", "database": "database:", "redis": "redis:",
}  # fmt: skip


@pytest.mark.parametrize("event", AlertEvent.values)
@pytest.mark.parametrize("state", ["firing", "resolved"])
def test_every_event_has_a_title_of_one_line_and_a_text(event: str, state: str) -> None:
    said = content(event, state, SUBJECTS[event], None, DETAILS)
    assert said["title"] and said["title"].isprintable() and "None" not in said["title"] + said["text"]
    assert said["text"].startswith(said["title"]) and said["text"].endswith(".")
    assert (said["severity"] == "info") is (state == "resolved")
    assert said["subject"] == SUBJECTS[event]


def test_some_of_them() -> None:
    assert content("budget", "firing", "group:team", 80, DETAILS)["text"] == (
        "Group ci has spent 83 % of its budget. 8.3 of 10 USD per month are spent. Reason: rate limited."
    )
    refused = content("budget", "firing", "token:1", 100, {**DETAILS, "percent": 100, "is_refused": True})
    assert (refused["title"], refused["severity"]) == (
        "Token ci has used up its budget: calls are refused",
        "critical",
    )
    assert content("account-out", "firing", "provider:p", None, {})["title"] == "The own key of p is out"
    assert content("error-rate", "firing", "provider:p", 20, DETAILS)["title"] == (
        "83 % of the calls of provider p fail"
    )
    assert content("disk", "firing", "disk:", 90, {"percent": 96})["severity"] == "critical"


def test_a_title_is_one_line_whatever_names_hold() -> None:
    said = content("budget", "firing", "group:x", 80, {**DETAILS, "label": "a\r\nBcc: b" + "x" * 300})
    assert said["title"].isprintable() and len(said["title"]) <= 200


def test_pages_to_look_at() -> None:
    assert page_of("budget", "group:a b") == "/console/usage/?group=a%20b&by=person"
    assert page_of("error-rate", "") == "/console/requests/?status=failed"
    assert page_of("error-rate", "provider:p") == "/console/requests/?status=failed&provider=p"
    assert page_of("disk", "disk:") == "/console/alerts/"
    assert of_test("ops")["state"] == "test"
