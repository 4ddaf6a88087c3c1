from __future__ import annotations

from decimal import Decimal

from gateway.usage.headers import limit_headers
from tokens.limits.ledger import State
from tokens.records import Limits

NOW = 1_795_500_000.0


def states() -> tuple[State, ...]:
    own = Limits("t", requests_per_minute=10, input_tokens_per_minute=1000)
    group = Limits("group:1", "team", requests_per_minute=5, output_tokens_per_minute=400)
    return (
        State(own, minute_requests=4, minute_input=100, window_resets_at=NOW + 30),
        State(group, minute_requests=5, minute_output=500, window_resets_at=NOW + 59.5),
    )


def test_the_tightest_of_the_sets_in_anthropics_words() -> None:
    assert dict(limit_headers("anthropic", states(), NOW)) == {
        b"anthropic-ratelimit-requests-limit": b"5",
        b"anthropic-ratelimit-requests-remaining": b"0",
        b"anthropic-ratelimit-requests-reset": b"2026-11-24T06:01:00Z",
        b"anthropic-ratelimit-input-tokens-limit": b"1000",
        b"anthropic-ratelimit-input-tokens-remaining": b"900",
        b"anthropic-ratelimit-input-tokens-reset": b"2026-11-24T06:00:30Z",
        b"anthropic-ratelimit-output-tokens-limit": b"400",
        b"anthropic-ratelimit-output-tokens-remaining": b"0",
        b"anthropic-ratelimit-output-tokens-reset": b"2026-11-24T06:01:00Z",
        b"anthropic-ratelimit-tokens-limit": b"400",
        b"anthropic-ratelimit-tokens-remaining": b"0",
        b"anthropic-ratelimit-tokens-reset": b"2026-11-24T06:01:00Z",
    }


def test_in_openais_words() -> None:
    found = dict(limit_headers("openai_chat", states()[:1], NOW))
    assert found[b"x-ratelimit-limit-requests"] == b"10"
    assert found[b"x-ratelimit-remaining-requests"] == b"6"
    assert found[b"x-ratelimit-reset-tokens"] == b"30s"
    assert set(found) == {
        f"x-ratelimit-{word}-{kind}".encode()
        for word in ("limit", "remaining", "reset")
        for kind in ("requests", "input-tokens", "tokens")
    }


def test_nothing_is_said_of_limits_that_are_not_set() -> None:
    assert limit_headers("anthropic", (State(Limits("t", max_requests=5), 3),), NOW) == ()


def test_a_warning_from_the_soft_level_on() -> None:
    own = Limits("t", budget=Decimal("10.0000000000"), budget_currency="USD", budget_soft_percent=80)
    assert limit_headers("anthropic", (State(own, spent=Decimal("7.9")),), NOW) == ()
    found = limit_headers("anthropic", (State(own, spent=Decimal("8.10")),), NOW)
    assert found == ((b"x-budget-warning", b"8.1 of 10 USD spent"),)
