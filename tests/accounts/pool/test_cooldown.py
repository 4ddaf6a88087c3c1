"""Cooldowns, with a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.pool.cooldown import (
    CLOCK_SLACK_SECONDS,
    LONGEST_SECONDS,
    MAX_ENTRIES,
    Cooldowns,
    CooldownState,
    Incident,
    backoff_seconds,
    cooldown_after,
    model_family,
)
from providers.drivers.base import Outcome, Scope, Verdict

NOW = 1_800_000_000.0
MODEL = "claude-opus-4-7"


def verdict(scope: Scope = Scope.MODEL, until: float | None = None) -> Verdict:
    return Verdict(Outcome.RETRY_OTHER, scope, until, reason="r")


def incident(one: Verdict, now: float = NOW, chosen_at: float | None = None, jitter: float = 0.0) -> Incident:
    return Incident(one, MODEL, now if chosen_at is None else chosen_at, now, jitter)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-opus-4-7", "opus"),
        ("claude-3-5-Sonnet-latest", "sonnet"),
        ("claude-haiku-4-5", "haiku"),
        ("gpt-5", "gpt-5"),
    ],
)
def test_families(model: str, family: str) -> None:
    assert model_family(model) == family


def test_the_backoff_doubles_from_a_second_to_five_minutes() -> None:
    assert [backoff_seconds(n) for n in range(1, 11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert backoff_seconds(10**6) == 300


def test_a_bare_429_doubles_with_each_new_one_after_a_cooldown() -> None:
    cooldown, now = None, NOW
    lasted = []
    for _ in range(4):
        cooldown = cooldown_after(incident(verdict(), now), cooldown)
        lasted.append(cooldown.until - now)
        now = cooldown.until + 0.1
    assert lasted == [1, 2, 4, 8]


def test_a_limit_of_unknown_form_takes_the_operators_seconds() -> None:
    unknown = Incident(verdict(Scope.ACCOUNT), MODEL, NOW, NOW, 0.0, unknown_seconds=42.0)
    assert cooldown_after(unknown, None).until == NOW + 42


def test_a_burst_counts_once() -> None:
    first = cooldown_after(incident(verdict()), None)
    second = cooldown_after(incident(verdict(), NOW + 0.5, chosen_at=NOW - 1), first)
    assert (second.strikes, second.until) == (1, first.until)
    longer = cooldown_after(incident(verdict(until=NOW + 90), NOW + 0.5, chosen_at=NOW - 1), first)
    assert (longer.strikes, longer.until) == (1, NOW + 90)


@given(st.floats(min_value=-1e6, max_value=1e9), st.floats(min_value=0, max_value=1))
def test_named_times_are_kept_with_at_most_five_percent_more(seconds: float, jitter: float) -> None:
    cooldown = cooldown_after(incident(verdict(Scope.ACCOUNT, NOW + seconds), jitter=jitter), None)
    lasted, wanted = cooldown.until - NOW, max(0.0, min(seconds, LONGEST_SECONDS))
    assert wanted - 1e-3 <= lasted <= min(LONGEST_SECONDS, wanted * 1.05) + 1e-3


def test_scopes_close_what_they_name_and_nothing_else() -> None:
    cooldowns = Cooldowns()
    cooldowns.start(CooldownState(Scope.FAMILY, "opus", NOW, NOW + 10, "r"))
    assert cooldowns.closed("claude-opus-4-1", NOW) and not cooldowns.closed("claude-haiku-4-5", NOW)
    cooldowns.start(CooldownState(Scope.MODEL, "claude-haiku-4-5", NOW, NOW + 20, "r"))
    assert cooldowns.closed("claude-haiku-4-5", NOW) and not cooldowns.closed("claude-haiku-3", NOW)
    cooldowns.start(CooldownState(Scope.ACCOUNT, "", NOW, NOW + 5, "r"))
    assert cooldowns.closed("anything", NOW)
    longest = cooldowns.closed("claude-opus-4-1", NOW)
    assert longest is not None and longest.until == NOW + 10


def test_after_its_end_a_cooldown_lets_one_probe_through() -> None:
    cooldown = CooldownState(Scope.ACCOUNT, "", NOW, NOW + 10, "r")
    assert cooldown.is_closed(NOW + 9.9) and not cooldown.is_closed(NOW + 10)
    cooldown.probe_until = NOW + 70
    assert cooldown.is_closed(NOW + 11) and not cooldown.is_active(NOW + 11)
    assert not cooldown.is_closed(NOW + 71)


def test_a_success_clears_only_what_is_half_open() -> None:
    cooldowns = Cooldowns(
        [
            CooldownState(Scope.ACCOUNT, "", NOW, NOW + 10, "r"),
            CooldownState(Scope.MODEL, MODEL, NOW, NOW + 99, "r"),
        ]
    )
    assert cooldowns.succeed(MODEL, NOW - 5, NOW + 5) == []
    assert cooldowns.succeed(MODEL, NOW - 5, NOW + 11) == []  # chosen before it began: says nothing
    assert cooldowns.succeed(MODEL, NOW + 11, NOW + 12) == [(Scope.ACCOUNT, "")]
    assert list(cooldowns.entries) == [(Scope.MODEL, MODEL)]


def test_clients_that_invent_models_do_not_fill_the_memory() -> None:
    cooldowns = Cooldowns([CooldownState(Scope.ACCOUNT, "", NOW, NOW + 1e6, "r")])
    for number in range(1000):
        cooldowns.start(CooldownState(Scope.MODEL, f"m{number}", NOW, NOW + number + 1, "r"))
    assert len(cooldowns.entries) == MAX_ENTRIES
    assert cooldowns.on_account() is not None and (Scope.MODEL, "m999") in cooldowns.entries


@given(st.floats(min_value=-1e8, max_value=1e8))
def test_a_clock_jump_never_makes_a_cooldown_longer(jump: float) -> None:
    cooldown = CooldownState(Scope.ACCOUNT, "", NOW, NOW + 60, "r")
    later = NOW + jump
    if cooldown.is_active(later):
        assert cooldown.until - later <= 60 + CLOCK_SLACK_SECONDS
