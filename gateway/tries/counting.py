"""Count tries against a rule. The database counts, so that several processes and hosts count together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from gateway.tries.models import Try


@dataclass(frozen=True, slots=True)
class Rule:
    """So many tries in so many seconds. `is_lock`: it counts from the last try on, not from the first."""

    name: str
    most: int
    seconds: float
    is_lock: bool = False


class TooMany(Exception):
    """There were too many tries."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__("too many tries; try again later")
        self.wait_seconds = max(1, math.ceil(wait_seconds))


def check(kept: Iterable[tuple[Rule, str]], now: float) -> None:
    """Raise `TooMany` where some rule lets no further try pass; write nothing."""
    for rule, key in kept:
        wait = _wait_seconds(rule, _within(rule, key, now), now)
        if wait > 0:
            raise TooMany(wait)


def count(kept: Iterable[tuple[Rule, str]], now: float) -> None:
    """Write a try down for each rule with its key. Raises `TooMany`, and then writes none.

    Of many at once the first ones pass, in the order of their rows.
    """
    rows: list[Try] = []
    for rule, key in kept:
        row = Try.objects.create(rule=rule.name, key=key, at=now)
        rows.append(row)
        wait = _wait_seconds(rule, _within(rule, key, now).filter(pk__lt=row.pk), now)
        if wait > 0:
            Try.objects.filter(pk__in=[each.pk for each in rows]).delete()
            raise TooMany(wait)
        Try.objects.filter(rule=rule.name, at__lt=now - rule.seconds).delete()


def forget(kept: Iterable[tuple[Rule, str]]) -> None:
    """Take all tries of these keys back."""
    for rule, key in kept:
        Try.objects.filter(rule=rule.name, key=key).delete()


def _within(rule: Rule, key: str, now: float) -> QuerySet[Try]:
    return Try.objects.filter(rule=rule.name, key=key, at__gt=now - rule.seconds)


def _wait_seconds(rule: Rule, before: QuerySet[Try], now: float) -> float:
    """Return how long another try has to wait after those before it: 0 when it may be made."""
    times = sorted(before.order_by("-pk").values_list("at", flat=True)[: rule.most])
    if len(times) < rule.most:
        return 0.0
    return (times[-1] if rule.is_lock else times[0]) + rule.seconds - now
