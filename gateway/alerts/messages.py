"""Messages as rows: written with what they tell, claimed by one worker at a time, tried for a day. Synchronous."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from uuid_utils import uuid7

from gateway.alerts import budgets, quiet, seeing, wording
from gateway.alerts.models import (
    FIRING,
    RESOLVED,
    TEST,
    AlertChannel,
    AlertEntry,
    AlertEvent,
    AlertMessage,
    AlertRule,
)
from gateway.alerts.seen import Rule

CLAIM_SECONDS = 30.0
"""Longer than one try may take; after a crash the message waits so long at most."""
ERROR_LENGTH = 300
BATCH = 400
KEPT = timedelta(days=90)
NIGHT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Tell how one try ended. `status`: what the other side answered, None = nothing."""

    is_ok: bool
    status: int | None = None
    error: str = ""
    is_over: bool = False  # no further try can help


def new_id() -> str:
    return f"msg_{uuid7().hex}"


def firing(entry: AlertEntry, rule: Rule, channels: Iterable[str], now: datetime) -> list[AlertMessage]:
    """Return the messages that tell an entry to channels: now, or when quiet hours end."""
    said = wording.content(entry.event, FIRING, entry.subject, entry.threshold, entry.details)
    held = quiet.ends_at(rule.quiet_from, rule.quiet_to, now, _zone())
    return [_made(entry, name, said, now, held) for name in channels]


def resolved(entry: AlertEntry, now: datetime) -> list[AlertMessage]:
    """Return the messages that tell the end of an outage to who was told of it.

    Who was to be told when quiet hours end is told nothing.
    """
    told = AlertMessage.objects.filter(entry=entry, state=FIRING)
    told.filter(is_held=True, tries=0, ended_at__isnull=True).delete()
    names = list(told.values_list("channel", flat=True))
    rule = AlertRule.objects.filter(pk=entry.rule_id).first()
    held = None if rule is None else quiet.ends_at(rule.quiet_from, rule.quiet_to, now, _zone())
    said = wording.content(entry.event, RESOLVED, entry.subject, entry.threshold, entry.details)
    return [_made(entry, name, said, now, held) for name in names]


def of_test(channel: AlertChannel, now: datetime) -> AlertMessage:
    """Return the message of a test: it is sent by who asks for it, and never again."""
    said = wording.of_test(channel.name)
    message = AlertMessage(channel=channel.name, event=TEST, subject=said["subject"], state=TEST, at=now)
    message.id, message.content, message.next_at = new_id(), said, now
    return message


def add(made: Sequence[Sequence[AlertMessage]]) -> int:
    """Write messages, in the caller's transaction; return how many."""
    rows = [message for each in made for message in each]
    AlertMessage.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def claim(full: Collection[str], limit: int) -> list[AlertMessage]:
    """Take messages that are due, of channels that are not `full`; each is nobody else's until its claim runs out.

    The end of an outage waits for the news of its beginning.
    """
    now = timezone.now()
    is_free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    due = AlertMessage.objects.filter(is_free, ended_at__isnull=True, next_at__lte=now).exclude(
        channel__in=full
    )
    before = AlertMessage.objects.filter(
        entry=OuterRef("entry"), channel=OuterRef("channel"), state=FIRING, ended_at__isnull=True
    )
    ready = due.exclude(Q(state=RESOLVED) & Exists(before))
    taken = []
    for found in ready.order_by("next_at", "id").values_list("pk", flat=True)[:limit]:
        ours = AlertMessage.objects.filter(is_free, pk=found, ended_at__isnull=True)
        if ours.update(claimed_until=now + timedelta(seconds=CLAIM_SECONDS)):
            taken.append(found)
    if not taken:
        return []
    return list(AlertMessage.objects.filter(pk__in=taken).select_related("entry").order_by("next_at", "id"))


def are_waiting() -> bool:
    """Tell whether any message is still to be sent, now or later, by whomever."""
    return AlertMessage.objects.filter(ended_at__isnull=True).exists()


def is_still_true(message: AlertMessage) -> bool:
    """Tell whether a message that waited for the end of quiet hours still tells something."""
    entry = message.entry
    if entry is None or message.state == RESOLVED or message.tries or not message.is_held:
        return True
    now = timezone.now()
    if entry.ended_at is not None or (entry.valid_until is not None and entry.valid_until <= now):
        return False
    if entry.event == AlertEvent.BUDGET:
        return budgets.is_still_at(entry.subject, entry.threshold or 0)
    if entry.event == AlertEvent.TOKEN_EXPIRES:
        period = entry.once.partition(":")[2]
        return seeing.expires_still(entry.subject.partition(":")[2], period, now.timestamp())
    return True


def drop(message: AlertMessage) -> None:
    """Take back a message that has nothing to tell any more."""
    AlertMessage.objects.filter(pk=message.pk).delete()


def conclude(message: AlertMessage, outcome: Outcome) -> None:
    """Write down how a try ended, and when the next one is."""
    note(message, outcome, timezone.now())
    fields = ["tries", "claimed_until", "next_at", "delivered_at", "ended_at", "error"]
    message.save(update_fields=fields)


def note(message: AlertMessage, outcome: Outcome, now: datetime) -> None:
    """Put into a message how a try ended: the waits double, until it is given up."""
    message.tries += 1
    message.claimed_until = None
    message.error = outcome.error[:ERROR_LENGTH]
    if outcome.is_ok:
        message.delivered_at = message.ended_at = now
        return
    options = settings.GATEWAY
    last = (
        message.at
        + timedelta(seconds=options.ALERT_GIVE_UP_SECONDS)
        + (NIGHT if message.is_held else timedelta())
    )
    if outcome.is_over or now >= last:
        message.ended_at = now
        return
    seconds = min(options.ALERT_RETRY_SECONDS * 2.0 ** min(message.tries - 1, 40), 86_400.0)
    message.next_at = min(now + timedelta(seconds=seconds), last)


def forget_old() -> None:
    """Delete what was told long ago; of what is open, or told once in a period that runs, nothing."""
    before = timezone.now() - KEPT
    over = Q(ended_at__isnull=False) | Q(is_outage=False, valid_until__lt=timezone.now())
    with transaction.atomic():
        AlertEntry.objects.filter(over, at__lt=before).delete()
        AlertMessage.objects.filter(entry__isnull=True, at__lt=before).delete()


def shown(message: AlertMessage) -> dict[str, Any]:
    """Return a message as the log shows it."""
    return {
        "id": message.id,
        "rule": message.rule_id,
        "channel": message.channel,
        "event": message.event,
        "subject": message.subject,
        "state": message.state,
        "at": _shown(message.at),
        "tries": message.tries,
        "delivered_at": _shown(message.delivered_at),
        "error": message.error or None,
    }


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _made(
    entry: AlertEntry, channel: str, said: dict[str, Any], now: datetime, held: datetime | None
) -> AlertMessage:
    return AlertMessage(
        id=new_id(),
        entry=entry,
        rule_id=entry.rule_id,
        channel=channel,
        event=entry.event,
        subject=entry.subject,
        state=said["state"],
        at=now,
        content=said,
        is_held=held is not None,
        next_at=held or now,
    )


def _zone() -> Any:
    name = settings.GATEWAY.BUDGET_TIME_ZONE
    return UTC if name == "UTC" else ZoneInfo(name)
