"""See how many calls fail: from the daily sums, which every worker adds to, looked at again and again. Synchronous.

No row of a call is read, and what is late in the sums is counted when it comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from django.apps import apps
from django.db.models import Sum

from gateway.alerts.models import AlertEvent
from gateway.alerts.seen import Rule, Seen

WINDOW_SECONDS = 300.0
LEAST_CALLS = 20
FIELDS = {
    "token": "token_id",
    "group": "group",
    "person": "person",
    "account": "account",
    "provider": "provider",
}
Counted = Mapping[date, tuple[int, int]]  # calls and errors of each day


class Rates:
    """What was counted at each look of the last five minutes, by subject."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, dict[str, Counted]]] = deque()

    def see(self, rules: Sequence[Rule], now: float) -> Iterator[Seen]:
        """Look, and yield the share of failed calls for every rule that has enough calls."""
        counted = {subject: count(subject, now) for subject in {rule.subject for rule in rules}}
        while len(self._looks) > 1 and self._looks[1][0] <= now - WINDOW_SECONDS:
            self._looks.popleft()
        self._looks.append((now, counted))
        for rule in rules:
            calls, errors = self._since(rule.subject)
            if calls >= LEAST_CALLS:
                percent = errors * 100 // calls
                yield Seen(
                    AlertEvent.ERROR_RATE,
                    rule.subject,
                    value=percent,
                    details={"percent": percent, "calls": calls, "errors": errors},
                    asked_by=rule.id,
                )

    def _since(self, subject: str) -> tuple[int, int]:
        """Return the calls and errors that came since the first look of the window that counted this subject."""
        looks = [counted[subject] for _, counted in self._looks if subject in counted]
        first, last = looks[0], looks[-1]
        calls = sum(all_ - first.get(day, (0, 0))[0] for day, (all_, _) in last.items())
        return max(0, calls), max(0, sum(bad - first.get(day, (0, 0))[1] for day, (_, bad) in last.items()))


def count(subject: str, now: float) -> Counted:
    """Return calls and errors of yesterday and today: what changes in them is of the last minutes."""
    today = datetime.fromtimestamp(now, UTC).date()
    model = apps.get_model("gateway", "DailyUsage")
    rows = model._default_manager.filter(day__in=(today - timedelta(days=1), today)).order_by()
    kind, _, name = subject.partition(":")
    if kind:
        rows = rows.filter(**{FIELDS[kind]: name})
    sums = rows.values("day").annotate(calls=Sum("requests"), failed=Sum("errors"))
    return {row["day"]: (row["calls"], row["failed"]) for row in sums}
