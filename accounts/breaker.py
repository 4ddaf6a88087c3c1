"""The circuit breaker of one provider. Pure: `now` (Unix seconds) comes in."""

from __future__ import annotations

from accounts.cooldown import PROBE_SECONDS

FAULTS_TO_OPEN = 5
ACCOUNTS_TO_OPEN = 2
OPEN_FIRST_SECONDS = 10.0
OPEN_LAST_SECONDS = 60.0
CLOCK_SLACK_SECONDS = 5.0  # one process's clock only


class Breaker:
    """Closed, open, half open (one probe at a time). Only the upstream's own faults count."""

    __slots__ = ("_accounts", "faults", "open_until", "opened_at", "probe_until", "strikes")

    def __init__(self) -> None:
        self._accounts: set[int] = set()
        self.reset()

    def reset(self) -> None:
        """Closed, as if nothing had happened: a success, or the operator's clear."""
        self.faults = 0
        self.strikes = 0
        self.opened_at = 0.0
        self.open_until = 0.0
        self.probe_until = 0.0
        self._accounts.clear()

    def is_open(self, now: float) -> bool:
        return self.opened_at - CLOCK_SLACK_SECONDS <= now < self.open_until

    def is_shut_to_calls(self, now: float) -> bool:
        """Open, or half open with a probe on its way."""
        if not self.strikes:
            return False
        return (
            self.is_open(now)
            or self.probe_until - PROBE_SECONDS - CLOCK_SLACK_SECONDS <= now < self.probe_until
        )

    def start_probe(self, now: float) -> bool:
        """Called when a call is let through; True when it is the half-open probe."""
        if not self.strikes:
            return False
        self.probe_until = now + PROBE_SECONDS
        return True

    def end_probe(self) -> None:
        """The probe ended without saying anything about the upstream (the client left)."""
        self.probe_until = 0.0

    def fault(self, account: int, now: float, account_count: int) -> None:
        """One upstream fault. `account_count`: how many accounts could have been asked."""
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
