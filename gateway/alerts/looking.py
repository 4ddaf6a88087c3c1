"""One look of a worker: rules read, the world seen, what is new told. Synchronous, in one thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from accounts.pool.pool import Pool
from gateway.alerts import budgets, deciding, messages, seeing
from gateway.alerts.deciding import Decider
from gateway.alerts.models import AlertChannel, AlertEvent
from gateway.alerts.rates import Rates
from gateway.alerts.seen import Rule, Seen
from gateway.kernel.events import Event
from tokens.limits import shares

logger = logging.getLogger(__name__)

ALL_BUDGETS_SECONDS = 30.0
TOKENS_SECONDS = 3.0
RATES_SECONDS = 2.0
DISK_SECONDS = 2.0
TIDY_SECONDS = 3600.0
OUT = (AlertEvent.ACCOUNT_OUT, AlertEvent.ACCOUNT_LOGIN, AlertEvent.PROVIDER_OUT)


def nothing() -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class World:
    """Where a worker looks. `muted`: subjects of which nothing is concluded now, for a rehearsal changes them."""

    pool: Callable[[], Pool | None]
    is_redis_away: Callable[[], bool]
    muted: Callable[[], Collection[str]] = nothing


@dataclass(slots=True)
class Looker:
    """Keep what a worker knows between its looks."""

    world: World
    decider: Decider
    rules: list[Rule] = field(default_factory=list)
    channels: dict[str, AlertChannel] = field(default_factory=dict)
    rates: Rates = field(default_factory=Rates)
    _next: dict[str, float] = field(default_factory=dict)
    _last: dict[str, list[Seen]] = field(default_factory=dict)
    _has_read_rows: bool = False
    _is_at_rest: bool = False

    def look(self, noted: Iterable[Event]) -> int:
        """Look once; return how many messages that made. Raises the database's errors."""
        rules = deciding.load_rules()
        if rules != self.rules:
            self._next.clear()
            levels = [rule.threshold for rule in rules if rule.event == AlertEvent.BUDGET]
            shares.OF_PROCESS.watch(level for level in levels if level is not None)
        names = {name for rule in rules for name in rule.channels}
        self.channels = (
            {row.name: row for row in AlertChannel.objects.filter(name__in=names)} if names else {}
        )
        self.rules = rules
        seen = list(self._see(rules, noted)) if rules else []
        muted = self.world.muted()
        heard = [each for each in seen if not muted or each.subject not in muted]
        made = 0
        if rules or not self._is_at_rest:  # without rules, one look ends what those that are gone left open
            made = self.decider.decide(rules, deciding.matched(rules, heard), muted)
        self._is_at_rest = not rules
        if self._is_due("tidy", TIDY_SECONDS):
            messages.forget_old()
        return made

    def _see(self, rules: Sequence[Rule], noted: Iterable[Event]) -> Iterable[Seen]:
        by_event: dict[str, list[Rule]] = {}
        for rule in rules:
            by_event.setdefault(rule.event, []).append(rule)
        pool = self.world.pool()
        if pool is not None and any(event in by_event for event in OUT):
            yield from seeing.out(pool)
        if AlertEvent.REDIS in by_event and self.world.is_redis_away():
            yield Seen(AlertEvent.REDIS, "redis:")
        if AlertEvent.BUDGET in by_event:
            yield from budgets.of_events(noted)
            if self._is_due("budgets", ALL_BUDGETS_SECONDS):
                yield from budgets.of_all(with_rows=not self._has_read_rows)
                self._has_read_rows = True
        if (tokens := by_event.get(AlertEvent.TOKEN_EXPIRES)) and self._is_due("tokens", TOKENS_SECONDS):
            yield from seeing.expiring(tokens, time.time())
        if rates := by_event.get(AlertEvent.ERROR_RATE):
            yield from self._kept("rates", RATES_SECONDS, lambda: self.rates.see(rates, time.time()))
        if AlertEvent.DISK in by_event:
            yield from self._kept("disk", DISK_SECONDS, lambda: [seeing.disk()])

    def _kept(self, name: str, seconds: float, see: Callable[[], Iterable[Seen]]) -> Iterable[Seen]:
        """Return what is seen now and then, and in between what was seen last: outages last that long."""
        if self._is_due(name, seconds):
            self._last[name] = list(see())
        return self._last.get(name, ())

    def _is_due(self, name: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._next.get(name, 0.0):
            return False
        self._next[name] = now + seconds
        return True
