"""Tell that the database is away, from memory: rules and channels as last read; rows are written when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from django.db import IntegrityError, transaction
from django.utils import timezone

from gateway.alerts import messages, sending
from gateway.alerts.models import OPEN, AlertChannel, AlertEntry, AlertEvent, AlertMessage
from gateway.alerts.seen import Rule

SUBJECT = "database:"
HOUR_SECONDS = 3600
HOLD_SECONDS = 60.0
"""How often what was told is said to be still so, while it lasts."""


class Names(Protocol):
    """Names that one worker of all has at a time: whoever has one tells what it stands for."""

    async def take(self, name: str, seconds: int) -> bool:
        """Take a name for so many seconds; False where somebody has it, ourselves included."""

    async def hold(self, name: str, seconds: int) -> None:
        """Keep a name that we have for so many seconds from now."""


class OwnNames:
    """Names of a worker that has no others beside it, or cannot ask them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    async def take(self, name: str, seconds: int) -> bool:
        """Take a name, where it was not taken lately."""
        if self.has(name):
            return False
        await self.hold(name, seconds)
        return True

    async def hold(self, name: str, seconds: int) -> None:
        """Keep a name."""
        self._until[name] = self._clock() + seconds

    def has(self, name: str) -> bool:
        """Tell whether a name was taken here, and is still ours."""
        return self._clock() < self._until.get(name, 0.0)


class DatabaseOutage:
    """One outage of the database as this worker tells it. Another within the hour is told when that is over."""

    def __init__(self, names: Names | None = None) -> None:
        self._names: Names = names or OwnNames()
        self._ours: dict[str, float] = {}  # names that we have, and when they were last held
        self._told: list[tuple[Rule, AlertEntry, AlertMessage]] = []

    async def tell(self, rules: Iterable[Rule], channels: Mapping[str, AlertChannel]) -> None:
        """Tell who is to be told, each once, and try again what failed when its time has come."""
        now = timezone.now()
        for rule in rules:
            is_meant = rule.event == AlertEvent.DATABASE and rule.subject in ("", SUBJECT)
            for name in rule.channels if is_meant else ():
                await self._tell(rule, name, now)
        due = [one for _, _, one in self._told if one.ended_at is None and one.next_at <= timezone.now()]
        await asyncio.gather(*(_send(channels.get(message.channel), message) for message in due))

    async def _tell(self, rule: Rule, channel: str, now: datetime) -> None:
        name, moment = f"database:{rule.id}:{channel}", time.monotonic()
        if (held := self._ours.get(name)) is not None:
            if moment - held >= HOLD_SECONDS:
                self._ours[name] = moment
                await self._names.hold(name, HOUR_SECONDS)
            return
        entry = _entry(rule, now)
        made = messages.firing(entry, rule, (channel,), now)[0]
        if made.is_held:
            return  # asked again each second, until quiet hours are over
        if await self._names.take(name, HOUR_SECONDS):
            self._ours[name] = moment
            self._told.append((rule, entry, made))

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
