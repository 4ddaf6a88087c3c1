"""Decide what is told: what is seen meets the rules, once on all workers, for unique rows say so. Synchronous.

A rule tells one thing of a subject in an hour. What it sees anew before that is told then, if it is still seen.
An outage is open while some worker sees it. A worker takes its sighting back when it has not seen it for two seconds;
one that died is silent, and its sightings count for twenty.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from gateway.alerts import messages
from gateway.alerts.models import OPEN, AlertEntry, AlertRule, AlertSighting
from gateway.alerts.seen import Rule, Seen, sharpest

UNSEEN_SECONDS = 2.0
AGAIN_SECONDS = 5.0
SILENT = timedelta(seconds=20)
HOUR = timedelta(hours=1)
"""The least time between two things that a rule tells of one subject: what comes and goes is not told each time."""
BATCH = 400
Key = tuple[int, str]  # rule, subject
Level = tuple[int, str, int | None]  # rule, subject, threshold


@dataclass(frozen=True, slots=True)
class Found:
    """Something seen that a rule asks for, and the channels that are to be told: those that hear nothing sharper."""

    rule: Rule
    seen: Seen
    channels: tuple[str, ...]

    @property
    def key(self) -> Key:
        return self.rule.id, self.seen.subject

    @property
    def level(self) -> Level:
        return self.rule.id, self.seen.subject, self.rule.threshold


def load_rules() -> list[Rule]:
    """Return the rules that are switched on, with their channels. Two queries."""
    rows = AlertRule.objects.filter(enabled=True).prefetch_related("channels")
    return [
        Rule(
            row.pk,
            row.event,
            row.threshold,
            row.subject,
            tuple(sorted(channel.name for channel in row.channels.all())),
            row.quiet_from,
            row.quiet_to,
        )
        for row in rows
    ]


def matched(rules: Sequence[Rule], seen: Iterable[Seen]) -> list[Found]:
    """Return what the rules ask for. Of several thresholds that are crossed a channel is told the sharpest."""
    by_event: dict[str, list[Rule]] = {}
    for rule in sharpest(rules):
        by_event.setdefault(rule.event, []).append(rule)
    found: dict[tuple[int, str, str], Found] = {}
    told: dict[tuple[str, str, str], set[str]] = {}
    # What an event has told comes before what a look has: of the same thing the higher value counts.
    for each in sorted(seen, key=lambda one: -(one.value or 0)):
        for rule in by_event.get(each.event, ()):
            place = rule.id, each.subject, each.period
            if place in found or not each.concerns(rule):
                continue
            heard = told.setdefault((each.event, each.subject, each.period), set())
            channels = tuple(name for name in rule.channels if name not in heard)
            heard.update(rule.channels)
            found[place] = Found(rule, each, channels)
    return list(found.values())


class Decider:
    """Hold what one worker has seen and told."""

    def __init__(self, worker: str, clock: Callable[[], float] = time.time) -> None:
        self._worker = worker
        self._clock = clock
        self._sighted: dict[int, float] = {}  # open entries that this worker sees, and when it last said so
        self._unseen: dict[int, float] = {}  # of them those that it does not see now, and since when

    @property
    def sees(self) -> frozenset[int]:
        """Return the open entries that this worker sees."""
        return frozenset(self._sighted)

    def decide(self, rules: Sequence[Rule], found: Sequence[Found], muted: Collection[str] = ()) -> int:
        """Raise what is new, note what is still seen, end what nobody sees; return how many messages that made.

        `muted`: subjects of which nothing is to be concluded now. Raises the database's errors.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)
        outages = {each.key: each for each in found if not each.seen.period}
        made = self._raise_news([each for each in found if each.seen.period], now)
        opened = {
            (entry.rule_id, entry.subject): entry
            for entry in AlertEntry.objects.filter(is_outage=True, ended_at__isnull=True)
        }
        made += self._raise_outages([each for key, each in outages.items() if key not in opened], now)
        seen = {entry.pk for key, entry in opened.items() if key in outages or entry.subject in muted}
        self._sight(seen, now)
        known = {rule.id for rule in rules}
        gone = [entry for entry in opened.values() if entry.rule_id not in known]
        self._drop(gone, now)
        unseen = [entry for key, entry in opened.items() if entry.pk not in seen and entry.rule_id in known]
        return made + self._end_unseen(unseen, now)

    def leave(self) -> None:
        """Forget what was seen, without taking it back: whoever comes next, or the twenty seconds, will say."""
        self._sighted, self._unseen = {}, {}

    def _raise_news(self, news: Sequence[Found], now: datetime) -> int:
        """Tell what is told once in a period."""
        known: set[tuple[int, str, str]] = set()
        lately: set[Level] = set()
        for start in range(0, len(news), BATCH):
            part = news[start : start + BATCH]
            rows = AlertEntry.objects.filter(
                rule_id__in={each.rule.id for each in part}, subject__in={each.seen.subject for each in part}
            )
            for rule, subject, threshold, once, at in rows.values_list(
                "rule_id", "subject", "threshold", "once", "at"
            ):
                known.add((rule, subject, once))
                if at > now - HOUR:
                    lately.add((rule, subject, threshold))
        new = [
            each
            for each in news
            if (*each.key, each.seen.once(each.rule)) not in known and each.level not in lately
        ]
        return sum(self._raise_all(new[start : start + BATCH], now) for start in range(0, len(new), BATCH))

    def _raise_outages(self, new: Sequence[Found], now: datetime) -> int:
        if not new:
            return 0
        rows = AlertEntry.objects.filter(at__gt=now - HOUR, is_outage=True)
        lately = set(rows.values_list("rule_id", "subject", "threshold"))
        due = [each for each in new if each.level not in lately]
        return sum(self._raise_all(due[start : start + BATCH], now) for start in range(0, len(due), BATCH))

    def _raise_all(self, new: Sequence[Found], now: datetime) -> int:
        """Raise some in one transaction; where another worker was first with one of them, each in its own."""
        try:
            with transaction.atomic():
                return self._write(new, now)
        except IntegrityError:
            if len(new) == 1:
                return 0
        return sum(self._raise_all([each], now) for each in new)

    def _write(self, new: Sequence[Found], now: datetime) -> int:
        entries = AlertEntry.objects.bulk_create([_entry(each, now) for each in new])
        sighted = [entry for entry in entries if entry.is_outage]
        AlertSighting.objects.bulk_create(
            AlertSighting(entry=entry, worker=self._worker, seen_at=now) for entry in sighted
        )
        self._sighted.update((entry.pk, self._clock()) for entry in sighted)
        pairs = zip(entries, new, strict=True)
        return messages.add([messages.firing(entry, each.rule, each.channels, now) for entry, each in pairs])

    def _sight(self, seen: Collection[int], now: datetime) -> None:
        """Say of open outages that this worker sees them, every five seconds."""
        moment = self._clock()
        self._unseen = {entry: since for entry, since in self._unseen.items() if entry not in seen}
        due = [entry for entry in seen if moment - self._sighted.get(entry, 0.0) >= AGAIN_SECONDS]
        for start in range(0, len(due), BATCH):
            AlertSighting.objects.bulk_create(
                [
                    AlertSighting(entry_id=entry, worker=self._worker, seen_at=now)
                    for entry in due[start : start + BATCH]
                ],
                update_conflicts=True,
                unique_fields=["entry", "worker"],
                update_fields=["seen_at"],
            )
        self._sighted.update(dict.fromkeys(due, moment))

    def _end_unseen(self, unseen: Sequence[AlertEntry], now: datetime) -> int:
        """Take sightings back, and end the outages that no other worker sees."""
        moment = self._clock()
        over = []
        for entry in unseen:
            since = self._unseen.setdefault(entry.pk, moment)
            if entry.pk not in self._sighted or moment - since >= UNSEEN_SECONDS:
                over.append(entry)
        made = 0
        for start in range(0, len(over), BATCH):
            part = {entry.pk: entry for entry in over[start : start + BATCH]}
            AlertSighting.objects.filter(entry__in=part, worker=self._worker).delete()
            others = AlertSighting.objects.filter(entry__in=part, seen_at__gte=now - SILENT)
            for still in set(others.values_list("entry_id", flat=True)):
                part.pop(still)
            for entry in part.values():
                made += self._end(entry, now)
        for entry in over:
            self._sighted.pop(entry.pk, None)
            self._unseen.pop(entry.pk, None)
        return made

    def _end(self, entry: AlertEntry, now: datetime) -> int:
        with transaction.atomic():
            ours = AlertEntry.objects.filter(pk=entry.pk, once=OPEN)
            if not ours.update(once=f"ended:{entry.pk}", ended_at=now):
                return 0
            return messages.add([messages.resolved(entry, now)])

    def _drop(self, gone: Sequence[AlertEntry], now: datetime) -> None:
        """End outages whose rules are no more, or are switched off: nothing is told."""
        for entry in gone:
            AlertEntry.objects.filter(pk=entry.pk, once=OPEN).update(once=f"ended:{entry.pk}", ended_at=now)


def _entry(each: Found, now: datetime) -> AlertEntry:
    seen, rule = each.seen, each.rule
    return AlertEntry(
        rule_id=rule.id,
        subject=seen.subject,
        once=seen.once(rule) if seen.period else OPEN,
        event=seen.event,
        threshold=rule.threshold,
        details=_plain(seen.details),
        is_outage=not seen.period,
        at=now,
        valid_until=None if seen.valid_until is None else datetime.fromtimestamp(seen.valid_until, UTC),
    )


def _plain(details: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in details.items()
    }
