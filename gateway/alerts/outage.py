"""Tell that the database is away, from memory: rules and channels as last read; rows are written when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from gateway.alerts import messages, sending
from gateway.alerts.models import OPEN, AlertChannel, AlertEntry, AlertEvent, AlertMessage
from gateway.alerts.seen import Rule

SUBJECT = "database:"
CLAIM_SECONDS = 300
Claim = Callable[[str, int], Awaitable[bool]]
"""Takes a name for so many seconds, for one worker of all. True where nobody could be asked."""


async def alone(name: str, seconds: int) -> bool:
    """Claim for a worker that has no others beside it."""
    return True


class DatabaseOutage:
    """One outage of the database as this worker tells it."""

    def __init__(self, claim: Claim = alone) -> None:
        self._claim = claim
        self._asked: set[tuple[int, str]] = set()
        self._told: list[tuple[Rule, AlertEntry, AlertMessage]] = []

    async def tell(self, rules: Iterable[Rule], channels: Mapping[str, AlertChannel]) -> None:
        """Tell who is to be told, each once, and try again what failed when its time has come."""
        now = timezone.now()
        for rule in rules:
            is_meant = rule.event == AlertEvent.DATABASE and rule.subject in ("", SUBJECT)
            for name in rule.channels if is_meant else ():
                if (rule.id, name) in self._asked:
                    continue
                entry = _entry(rule, now)
                made = messages.firing(entry, rule, (name,), now)[0]
                if made.is_held:
                    continue  # asked again each second, until quiet hours are over
                self._asked.add((rule.id, name))
                if await self._claim(f"database:{rule.id}:{name}", CLAIM_SECONDS):
                    self._told.append((rule, entry, made))
        due = [one for _, _, one in self._told if one.ended_at is None and one.next_at <= timezone.now()]
        await asyncio.gather(*(_send(channels.get(message.channel), message) for message in due))

    @property
    def has_told(self) -> bool:
        return bool(self._told)

    def write_down(self) -> None:
        """Write what was told as an outage that is still open: the next look will see that it is over."""
        by_rule: dict[int, tuple[AlertEntry, list[AlertMessage]]] = {}
        for rule, entry, message in self._told:
            first, told = by_rule.setdefault(rule.id, (entry, []))
            message.entry = first
            told.append(message)
        for entry, told in by_rule.values():
            try:
                with transaction.atomic():
                    entry.save(force_insert=True)
                    for message in told:
                        message.entry = entry
                        message.save(force_insert=True)
            except IntegrityError:
                continue  # another worker has told it, too
        self._told = []


async def _send(channel: AlertChannel | None, message: AlertMessage) -> None:
    messages.note(message, await sending.send(channel, message), timezone.now())


def _entry(rule: Rule, now: datetime) -> AlertEntry:
    return AlertEntry(
        rule_id=rule.id,
        subject=SUBJECT,
        once=OPEN,
        event=AlertEvent.DATABASE,
        details={"since": datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
        is_outage=True,
        at=now,
    )
