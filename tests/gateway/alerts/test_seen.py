"""What rules ask for."""

from __future__ import annotations

import pytest

from gateway.alerts.seen import Rule, Seen, sharpest


def asks(event: str, threshold: int | None = None, subject: str = "", ident: int = 1) -> Rule:
    return Rule(ident, event, threshold, subject, ("ops",))


@pytest.mark.parametrize(
    ("rule", "seen", "is_meant"),
    [
        (asks("budget", 80), Seen("budget", "group:g", 80), True),
        (asks("budget", 80), Seen("budget", "group:g", 79), False),
        (asks("budget", 80, "group:h"), Seen("budget", "group:g", 90), False),
        (asks("token-expires", 3), Seen("token-expires", "token:1", 3), True),
        (asks("token-expires", 3), Seen("token-expires", "token:1", 4), False),
        (
            asks("account-out", None, "provider:p"),
            Seen("account-out", "account:a", beside=("provider:p",)),
            True,
        ),
        (asks("account-login"), Seen("account-out", "account:a"), False),
        (asks("error-rate", 20, "provider:p"), Seen("error-rate", "provider:p", 50, asked_by=1), True),
        (asks("error-rate", 20, "", 2), Seen("error-rate", "provider:p", 50, asked_by=1), False),
    ],
)
def test_what_concerns_a_rule(rule: Rule, seen: Seen, is_meant: bool) -> None:
    assert seen.concerns(rule) is is_meant


def test_the_rule_that_tells_most_comes_first() -> None:
    assert [rule.threshold for rule in sharpest([asks("budget", 50), asks("budget", 95), asks("budget", 80)])] == [
        95, 80, 50,
    ]  # fmt: skip
    assert [rule.threshold for rule in sharpest([asks("token-expires", 7), asks("token-expires", 3)])] == [
        3,
        7,
    ]
