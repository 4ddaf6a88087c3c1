"""Count one set of limits: the algorithm, without IO and without a clock.

The window is kept in buckets of a second. A bucket leaves 60 s after its *last* entry, so nothing counts for
less than 60 s, and nothing for more than 61. It is kept only while the set has a limit per minute: most have a budget
alone, and a window costs their calls more than everything else here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from tokens.errors import LimitExceeded
from tokens.limits.calendar import NEVER, Calendar, Period
from tokens.limits.ledger import (
    SOON_SECONDS,
    WINDOW_SECONDS,
    ZERO,
    Amount,
    Balance,
    State,
    seconds_until,
)
from tokens.records import Limits, currency_of


@dataclass(slots=True)
class Bucket:
    """Sums that one second added to the window. `last`: Unix seconds of its last entry."""

    last: float
    requests: int = 0
    input: int = 0
    output: int = 0


class Book:
    """Figures of one set of limits. Mutable; one thread at a time."""

    __slots__ = (
        "buckets",
        "fitting",
        "has_minutes",
        "held",
        "input",
        "output",
        "parallel",
        "period",
        "period_name",
        "quiet_until",
        "requests",
        "reserved",
        "spent",
        "window_requests",
    )

    def __init__(self, balance: Balance, period: Period, period_name: str) -> None:
        self.requests = balance.requests
        self.spent = balance.spent
        self.reserved: Decimal = ZERO
        self.period, self.period_name = period, period_name
        self.parallel = 0
        self.held = 0  # output tokens of running calls, at their upper estimate
        self.buckets: dict[int, Bucket] = {}
        self.window_requests = self.input = self.output = 0
        self.fitting: Limits | None = None  # the limits that were last found to fit: they never change
        self.has_minutes = True  # the window is kept; until limits were found to fit, for whoever asks
        self.quiet_until = period.end  # nothing leaves the window and no period ends before

    def rebase(self, balance: Balance, period: Period, period_name: str) -> None:
        """Count another budget from now on; running calls are charged to it when they end."""
        self.spent, self.reserved = balance.spent, ZERO
        self.period, self.period_name = period, period_name
        self.fitting, self.quiet_until = None, 0.0

    def fits(self, limits: Limits) -> bool:
        """Tell whether this book counts the budget that these limits set."""
        if limits is self.fitting:
            return True
        kind = f"{limits.budget_period or 'never'}:{currency_of(limits)}:"
        if limits.budget is not None and not self.period_name.startswith(kind):
            return False
        self.fitting, self.has_minutes = limits, limits.has_minutes
        return True

    def advance(self, now: float, limits: Limits, calendar: Calendar) -> None:
        """Drop what has left the window, and begin the next period."""
        if now < self.quiet_until:
            return
        while self.buckets:
            second, bucket = next(iter(self.buckets.items()))
            if bucket.last + WINDOW_SECONDS > now:
                break
            del self.buckets[second]
            self.window_requests -= bucket.requests
            self.input -= bucket.input
            self.output -= bucket.output
        if now >= self.period.end:
            self.period = calendar.period(self.period.kind, now)
            self.period_name = self.period.named(currency_of(limits))
            self.fitting = None
            self.spent = self.reserved = ZERO
        first = next(iter(self.buckets.values()), None)
        self.quiet_until = min(self.period.end, math.inf if first is None else first.last + WINDOW_SECONDS)

    def check(self, limits: Limits, estimate: Amount, now: float) -> None:
        """Raise `LimitExceeded` for the first limit that has no room. Call `advance` before."""
        if limits.max_requests is not None and self.requests >= limits.max_requests:
            raise LimitExceeded("max_requests", limits, None, is_final=True)
        budget, cost = limits.budget, estimate.cost
        if budget is not None and cost and self.spent + self.reserved + cost > budget:
            raise self._over_budget(limits, budget, cost, now)
        if limits.has_minutes:
            self._check_minutes(limits, estimate, now)
        if limits.max_parallel_requests is not None and self.parallel >= limits.max_parallel_requests:
            raise LimitExceeded("max_parallel_requests", limits, SOON_SECONDS)

    def _over_budget(self, limits: Limits, budget: Decimal, cost: Decimal, now: float) -> LimitExceeded:
        waits_for_calls = self.spent + cost <= budget
        until = SOON_SECONDS if waits_for_calls else seconds_until(self.period.end, now)
        ends_at = None if math.isinf(self.period.end) else self.period.end
        is_final = cost > budget or until is None
        return LimitExceeded("budget", limits, until, is_final=is_final, resets_at=ends_at)

    def _check_minutes(self, limits: Limits, estimate: Amount, now: float) -> None:
        if (limit := limits.requests_per_minute) is not None:
            self._check_minute("requests_per_minute", limits, limit, (self.window_requests, 1), now)
        if (limit := limits.input_tokens_per_minute) is not None:
            figures = (self.input, estimate.input_tokens)
            self._check_minute("input_tokens_per_minute", limits, limit, figures, now)
        if (limit := limits.output_tokens_per_minute) is not None:
            figures = (self.output + self.held, estimate.output_tokens)
            self._check_minute("output_tokens_per_minute", limits, limit, figures, now)

    def _check_minute(
        self, name: str, limits: Limits, limit: int, figures: tuple[int, int], now: float
    ) -> None:
        """Raise `LimitExceeded` unless the window has room. `figures`: what is used of it, what is needed."""
        used, need = figures
        if need > 0 and used + need > limit:
            wait = self._room_in(name, limit - need, used, now)
            raise LimitExceeded(name, limits, wait, is_final=need > limit)

    def _room_in(self, name: str, allowed: int, used: int, now: float) -> float:
        """Return the seconds until enough has left the window that at most `allowed` is used."""
        for bucket in self.buckets.values():
            used -= {
                "requests_per_minute": bucket.requests,
                "input_tokens_per_minute": bucket.input,
                "output_tokens_per_minute": bucket.output,
            }[name]
            if used <= allowed:
                return max(SOON_SECONDS, bucket.last + WINDOW_SECONDS - now)
        return SOON_SECONDS if allowed >= 0 else WINDOW_SECONDS

    def take(self, estimate: Amount, now: float) -> None:
        """Count an admitted call, with its estimate."""
        self.requests += 1
        self.parallel += 1
        self.held += estimate.output_tokens
        if estimate.cost:
            self.reserved += estimate.cost
        if self.has_minutes:
            self._add(now, 1, estimate.input_tokens, 0)

    def has_room(self, limits: Limits, extra: Decimal, period: str) -> bool:
        """Tell whether the budget has room for more of a call that was taken in `period`."""
        if limits.budget is None or period != self.period_name:
            return True
        return self.spent + self.reserved + extra <= limits.budget

    def extend(self, extra: Decimal, period: str) -> None:
        """Hold more for a running call."""
        if period == self.period_name:
            self.reserved += extra

    def settle(self, taken: Amount, actual: Amount, at: float, period: str, now: float) -> None:
        """Replace the estimate of a call that `take` took at `at` in `period`: it has ended."""
        self.parallel -= 1
        self.held -= taken.output_tokens
        if self.has_minutes:
            if actual.input_tokens != taken.input_tokens:
                self._amend(at, 0, actual.input_tokens - taken.input_tokens)
            if actual.output_tokens:
                self._add(now, 0, 0, actual.output_tokens)
        if period == self.period_name:
            self.reserved -= taken.cost
            self.spent += actual.cost
        elif at >= self.period.start:
            self.spent += actual.cost

    def give_back(self, taken: Amount, at: float, period: str) -> None:
        """Take a call back: nothing of it was sent."""
        self.parallel -= 1
        self.held -= taken.output_tokens
        if period == self.period_name:
            self.reserved -= taken.cost
        self.requests -= 1
        self._amend(at, -1, -taken.input_tokens)

    def add(self, actual: Amount, at: float) -> None:
        """Count a call that began before this book was read from the rows, and whose row came later."""
        self.requests += 1
        if at >= self.period.start:
            self.spent += actual.cost

    def correct(self, difference: Decimal, currency: str, at: float) -> None:
        """Change what is spent of a budget in this currency by something that was charged at `at`."""
        if at >= self.period.start and f":{currency}:" in self.period_name:
            self.spent += difference

    def _add(self, now: float, requests: int, input_tokens: int, output_tokens: int) -> None:
        second = int(now)
        bucket = self.buckets.get(second)
        if bucket is None:
            bucket = self.buckets[second] = Bucket(now)
            self.quiet_until = min(self.quiet_until, now + WINDOW_SECONDS)
        elif now > bucket.last:
            bucket.last = now
        bucket.requests += requests
        bucket.input += input_tokens
        bucket.output += output_tokens
        self.window_requests += requests
        self.input += input_tokens
        self.output += output_tokens

    def _amend(self, at: float, requests: int, input_tokens: int) -> None:
        """Correct what was added at `at`, if it is still in the window."""
        bucket = self.buckets.get(int(at))
        if bucket is not None:
            bucket.requests += requests
            bucket.input += input_tokens
            self.window_requests += requests
            self.input += input_tokens

    def state(self, limits: Limits) -> State:
        """Return the figures as they stand, after `advance`."""
        newest = next(reversed(self.buckets.values())).last if self.buckets else None
        return State(
            limits=limits,
            requests=self.requests,
            minute_requests=self.window_requests,
            minute_input=self.input,
            minute_output=self.output + self.held,
            parallel=self.parallel,
            spent=self.spent,
            reserved=self.reserved,
            window_resets_at=None if newest is None else newest + WINDOW_SECONDS,
            period_ends_at=None if math.isinf(self.period.end) else self.period.end,
        )


def period_of(limits: Limits, calendar: Calendar, now: float) -> Period:
    """Return the running period of the budget; `NEVER` without a budget."""
    return NEVER if limits.budget is None else calendar.period(limits.budget_period, now)
