"""Cooldowns: their scope, their length and how they end. Pure: `now` (Unix seconds) and jitter come in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from providers.drivers.base import Scope, Verdict

BACKOFF_FIRST_SECONDS = 1.0
BACKOFF_LAST_SECONDS = 300.0
LONGEST_SECONDS = 8 * 86400.0  # beyond a weekly window plus a day, a reset is nonsense
PROBE_SECONDS = 60.0
# Clocks of several hosts differ; a cooldown that begins in the future is believed that far.
CLOCK_SLACK_SECONDS = 60.0
MAX_ENTRIES = 64  # per account: clients name models, so the number of scopes is theirs to choose
JITTER_SHARE = 0.05
FAMILIES = re.compile(r"opus|sonnet|haiku|fable|mythos", re.IGNORECASE)

Key = tuple[Scope, str]
ACCOUNT_KEY: Key = (Scope.ACCOUNT, "")


@lru_cache(maxsize=1024)
def model_family(model: str) -> str:
    """Return a model's family: `claude-opus-4-7` → `opus`; an unknown name is its own family."""
    found = FAMILIES.search(model)
    return found.group().lower() if found else model


def backoff_seconds(strikes: int) -> float:
    """Return the backoff after so many strikes: 1, 2, 4 … at most 300."""
    return float(min(BACKOFF_LAST_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(strikes - 1, 16)))


@dataclass(slots=True)
class CooldownState:
    """One cooldown. Active until `until`, then half open: one probe at a time until a success clears it."""

    scope: Scope
    value: str
    started_at: float
    until: float
    reason: str
    strikes: int = 1
    needs_operator: bool = False
    probe_until: float = 0.0

    @property
    def key(self) -> Key:
        return (self.scope, self.value)

    def is_active(self, now: float) -> bool:
        """Tell whether the time runs.

        A clock set back before the start ends it: better one probe than a week lost.
        """
        return self.started_at - CLOCK_SLACK_SECONDS <= now < self.until

    def is_probing(self, now: float) -> bool:
        return self.probe_until - PROBE_SECONDS - CLOCK_SLACK_SECONDS <= now < self.probe_until

    def is_closed(self, now: float) -> bool:
        return self.is_active(now) or self.is_probing(now)

    def changes_at(self, now: float) -> float:
        """Return when time alone will next change whether this is closed; far away when it won't."""
        begins_at = self.started_at - CLOCK_SLACK_SECONDS
        ahead = [moment for moment in (begins_at, self.until, self.probe_until) if moment > now]
        return min(ahead, default=now + LONGEST_SECONDS)

    def opens_at(self, now: float) -> float:
        return self.until if self.is_active(now) else self.probe_until


class Cooldowns:
    """Cooldowns of one account, by scope."""

    __slots__ = ("entries",)

    def __init__(self, entries: Iterable[CooldownState] = ()) -> None:
        self.entries: dict[Key, CooldownState] = {cooldown.key: cooldown for cooldown in entries}

    def on_account(self) -> CooldownState | None:
        return self.entries.get(ACCOUNT_KEY)

    def matching(self, model: str) -> list[CooldownState]:
        """Return the cooldowns that concern a call for `model`, active or half open."""
        if not self.entries:
            return []
        keys = (ACCOUNT_KEY, (Scope.FAMILY, model_family(model)), (Scope.MODEL, model))
        return [cooldown for key in keys if (cooldown := self.entries.get(key)) is not None]

    def closed(self, model: str, now: float) -> CooldownState | None:
        """Return the cooldown that forbids the call longest, or None."""
        shut = [cooldown for cooldown in self.matching(model) if cooldown.is_closed(now)]
        return max(shut, key=lambda cooldown: cooldown.opens_at(now)) if shut else None

    def active(self, model: str, now: float) -> CooldownState | None:
        """Return the like of `closed`, without those that only wait for a probe's outcome."""
        shut = [cooldown for cooldown in self.matching(model) if cooldown.is_active(now)]
        return max(shut, key=lambda cooldown: cooldown.until) if shut else None

    def start(self, cooldown: CooldownState) -> None:
        """Add or replace a cooldown; the one that ends soonest goes when there are too many."""
        self.entries[cooldown.key] = cooldown
        if len(self.entries) > MAX_ENTRIES:
            shortest = min(
                (entry for entry in self.entries.values() if entry.key != cooldown.key),
                key=lambda entry: entry.until,
            )
            del self.entries[shortest.key]

    def succeed(self, model: str, chosen_at: float, now: float) -> list[Key]:
        """Clear what was half open, after the success of a call chosen at `chosen_at`.

        Returns the keys cleared.
        """
        cleared = [
            cooldown.key
            for cooldown in self.matching(model)
            if not cooldown.is_active(now) and cooldown.started_at <= chosen_at
        ]
        for key in cleared:
            del self.entries[key]
        return cleared


@dataclass(frozen=True, slots=True)
class Incident:
    """A verdict with what the pool knows about its call."""

    verdict: Verdict
    model: str
    chosen_at: float
    now: float
    jitter: float  # 0..1
    unknown_seconds: float = 60.0  # for a limit that names no time and is no bare 429

    def seconds(self, strikes: int) -> float:
        """Return how long the cooldown lasts, jitter included."""
        if self.verdict.until is not None:
            seconds = max(0.0, self.verdict.until - self.now)
        elif self.verdict.scope is Scope.MODEL:
            seconds = backoff_seconds(strikes)
        else:
            seconds = self.unknown_seconds
        return min(LONGEST_SECONDS, seconds * (1 + JITTER_SHARE * self.jitter))

    def key(self) -> Key:
        scope = self.verdict.scope
        if scope is Scope.MODEL:
            return (scope, self.model)
        if scope is Scope.FAMILY:
            return (scope, model_family(self.model))
        return ACCOUNT_KEY


def cooldown_after(incident: Incident, earlier: CooldownState | None) -> CooldownState:
    """Return the cooldown that an incident starts, or the earlier one as the incident changes it.

    Calls that were under way when the cooldown began are the same burst: they count once.
    """
    verdict, now = incident.verdict, incident.now
    is_burst = earlier is not None and earlier.is_active(now) and incident.chosen_at <= earlier.started_at
    strikes = 1 if earlier is None else earlier.strikes + (0 if is_burst else 1)
    scope, value = incident.key()
    cooldown = CooldownState(
        scope, value, now, now + incident.seconds(strikes), verdict.reason, strikes, verdict.needs_operator
    )
    if earlier is not None and is_burst:
        cooldown.started_at = earlier.started_at
        cooldown.until = max(cooldown.until, earlier.until) if verdict.until is not None else earlier.until
    return cooldown
