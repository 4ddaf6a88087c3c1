"""What a worker sees that a rule may ask for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.alerts.models import AlertEvent

RISING = (AlertEvent.BUDGET, AlertEvent.ERROR_RATE, AlertEvent.DISK)
"""Events that are told at a threshold and above; of the others that have one, below it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in memory, with what its channels need."""

    id: int
    event: str
    threshold: int | None
    subject: str
    channels: tuple[str, ...]
    quiet_from: str = ""
    quiet_to: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing. `period` names when it is told anew, "" = an outage; `valid_until`, Unix seconds: no news after it."""

    event: str
    subject: str
    value: int | None = None
    period: str = ""
    valid_until: float | None = None
    beside: Sequence[str] = ()  # further subjects whose rules mean this one: the provider of an account
    details: Mapping[str, Any] = field(default_factory=dict)
    asked_by: int | None = None  # one rule alone: what it sees was worked out for it

    def concerns(self, rule: Rule) -> bool:
        """Tell whether a rule asks for this."""
        if rule.event != self.event or (self.asked_by is not None and rule.id != self.asked_by):
            return False
        if rule.subject and self.asked_by is None and rule.subject not in (self.subject, *self.beside):
            return False
        if rule.threshold is None or self.value is None:
            return True
        is_rising = self.event in RISING
        return self.value >= rule.threshold if is_rising else self.value <= rule.threshold

    def once(self, rule: Rule) -> str:
        """Return what makes the news of a period unique for a rule."""
        return f"{rule.threshold}:{self.period}"


def sharpest(rules: Sequence[Rule]) -> list[Rule]:
    """Sort rules of one event so that the one comes first that tells most."""
    return sorted(
        rules,
        key=lambda rule: (-(rule.threshold or 0) if rule.event in RISING else (rule.threshold or 0), rule.id),
    )
