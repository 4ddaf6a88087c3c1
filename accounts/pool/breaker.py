"""The circuit breaker of one provider. Pure: `now` (Unix seconds) comes in."""

from __future__ import annotations

from accounts.pool.cooldown import PROBE_SECONDS

FAULTS_TO_OPEN = 5
ACCOUNTS_TO_OPEN = 2
OPEN_FIRST_SECONDS = 10.0
OPEN_LAST_SECONDS = 60.0
CLOCK_SLACK_SECONDS = 5.0  # one process's clock only


class Breaker:
    """Circuit breaker: closed, open, half open (one probe at a time). Only faults of the upstream count."""

    __slots__ = ("_accounts", "faults", "open_until", "opened_at", "probe_until", "strikes")

    def __init__(self) -> None:
        self._accounts: set[int] = set()
        self.reset()

    def reset(self) -> None:
        """Close, as if nothing had happened: after a success, or the operator's clear."""
        self.faults = 0
        self.strikes = 0
        self.opened_at = 0.0
        self.open_until = 0.0
        self.probe_until = 0.0
        self._accounts.clear()

    def copy(self) -> Breaker:
        """Return another that stands as this one does."""
        other = Breaker()
        other.faults, other.strikes = self.faults, self.strikes
        other.opened_at, other.open_until, other.probe_until = (
            self.opened_at,
            self.open_until,
            self.probe_until,
        )
        other._accounts = set(self._accounts)
        return other

    def is_open(self, now: float) -> bool:
        return self.opened_at - CLOCK_SLACK_SECONDS <= now < self.open_until

    def is_shut_to_calls(self, now: float) -> bool:
        """Tell whether the breaker is open, or half open with a probe on its way."""
        if not self.strikes:
            return False
        return (
            self.is_open(now)
            or self.probe_until - PROBE_SECONDS - CLOCK_SLACK_SECONDS <= now < self.probe_until
        )

    def shut_until(self, now: float) -> float | None:
        """Return when it lets a call through again; None = it does now."""
        return max(self.open_until, self.probe_until) if self.is_shut_to_calls(now) else None

    def start_probe(self, now: float) -> bool:
        """Note that a call is let through; True when it is the half-open probe."""
        if not self.strikes:
            return False
        self.probe_until = now + PROBE_SECONDS
        return True

    def end_probe(self) -> None:
        """Note that the probe ended without saying anything about the upstream (the client left)."""
        self.probe_until = 0.0

    def fault(self, account: int, now: float, account_count: int) -> None:
        """Count one upstream fault. `account_count`: how many accounts could have been asked."""
        if self.is_open(now):
            return  # calls from before it opened
        self.faults += 1
        self._accounts.add(account)
        if self.strikes or (
            self.faults >= FAULTS_TO_OPEN and len(self._accounts) >= min(ACCOUNTS_TO_OPEN, account_count)
        ):
            self._open(now)

    def _open(self, now: float) -> None:
        self.strikes += 1
        self.opened_at = now
        self.open_until = now + min(OPEN_LAST_SECONDS, OPEN_FIRST_SECONDS * 2 ** min(self.strikes - 1, 8))
        self.probe_until = 0.0
