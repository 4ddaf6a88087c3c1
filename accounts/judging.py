"""What the answers to calls teach about accounts and their providers. Memory only, no IO; the caller holds the lock.

Keeps what is to be written down until somebody takes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from accounts.cooldown import Incident, Key, Rest, rest_after
from accounts.group import Group
from accounts.lease import Lease
from accounts.state import AccountState
from providers.drivers.base import Outcome, Scope, Verdict

logger = logging.getLogger(__name__)

UNAUTHORIZED_SECONDS = 1800.0
WARNED_SECONDS = 600.0
ACCOUNT_FAULTS = 5
ACCOUNT_FAULT_SECONDS = (10.0, 20.0, 40.0, 60.0)

Unsaved = dict[tuple[int, Key], Rest | None]
"""Rests to be written down, by account; None = the row goes."""


class Judge:
    """Rests, breakers, warnings and quota windows of every account in this process."""

    def __init__(
        self, cooldown_seconds: float, jitter: Callable[[], float], on_unsaved: Callable[[], None]
    ) -> None:
        self._cooldown_seconds = cooldown_seconds
        self._jitter = jitter
        self._on_unsaved = on_unsaved
        self.unsaved: Unsaved = {}
        self.touched: set[int] = set()  # accounts whose counters, errors or windows are to be written down

    def judge(self, group: Group, lease: Lease, verdict: Verdict, now: float) -> None:
        """`lease.state` is a member of `group`."""
        state = lease.state
        if verdict.windows:
            self._note_windows(group, state, verdict)
        if verdict.is_warning:
            self._warn(group, state, now)
        if verdict.outcome is Outcome.OK:
            self._succeed(group, lease, now)
            return
        if verdict.reason and verdict.scope is not Scope.REQUEST:
            self.note_error(state, verdict.reason)
        if verdict.scope is Scope.PROVIDER:
            self._fault(group, lease, now)
            return
        group.breaker.reset()
        state.faults_in_row = 0
        if verdict.scope is Scope.REQUEST or lease.credential.fingerprint != state.fingerprint:
            return
        if verdict.is_unknown_model and not _has_another(group, state, lease.model, now):
            return  # nobody has it: the vendor's own 404 says more than our rest would
        if not verdict.needs_refresh:
            self.rest(group, lease, verdict, now)
        elif lease.was_refreshed or state.refreshed_fingerprint == state.fingerprint:
            self.rest(group, lease, unauthorized(now, verdict.reason), now)

    def note_error(self, state: AccountState, reason: str) -> None:
        state.last_error = reason
        self.touched.add(state.id)

    def forgive(self, state: AccountState, now: float) -> None:
        """A new credential, or the operator's clear: the account owes nothing."""
        for key in state.rests.entries:
            self.unsaved[(state.id, key)] = None
        state.forgive()
        state.forgiven_at = now

    def _succeed(self, group: Group, lease: Lease, now: float) -> None:
        state = lease.state
        group.breaker.reset()
        state.faults_in_row = state.fault_strikes = 0
        if state.refreshed_fingerprint == lease.credential.fingerprint:
            state.refreshed_fingerprint = ""  # taken: if it is refused one day, refreshing may help again
        if state.rests.entries:
            for key in state.rests.succeed(lease.model, lease.chosen_at, now):
                self.unsaved[(state.id, key)] = None
                group.touch()
                self._on_unsaved()

    def rest(self, group: Group, lease: Lease, verdict: Verdict, now: float) -> None:
        state = lease.state
        incident = Incident(
            verdict, lease.model, lease.chosen_at, now, self._jitter(), self._cooldown_seconds
        )
        rest = rest_after(incident, state.rests.entries.get(incident.key()))
        state.rests.start(rest)
        self.unsaved[(state.id, rest.key)] = rest
        group.touch()
        self._on_unsaved()
        who = f"account {state.name}" if state.name else f"the own key of {state.terms.provider}"
        logger.warning("%s rests for %.0f s: %s", who, rest.until - now, verdict.reason)

    def _fault(self, group: Group, lease: Lease, now: float) -> None:
        """The upstream's fault; or, when only this account sees it while others are served, this account's road."""
        state = lease.state
        usable = sum(1 for member in group.members if member.is_usable) if group.breaker.faults >= 1 else 2
        group.breaker.fault(state.id, now, usable)
        state.faults_in_row += 1
        if state.faults_in_row >= ACCOUNT_FAULTS and usable > 1 and not group.breaker.is_open(now):
            seconds = ACCOUNT_FAULT_SECONDS[min(state.fault_strikes, len(ACCOUNT_FAULT_SECONDS) - 1)]
            state.fault_strikes += 1
            state.faults_in_row = 0
            until = now + seconds
            verdict = Verdict(
                Outcome.RETRY_OTHER, Scope.ACCOUNT, until, reason="faults on this account's road only"
            )
            self.rest(group, lease, verdict, now)

    def _note_windows(self, group: Group, state: AccountState, verdict: Verdict) -> None:
        for window in verdict.windows:
            state.windows[window.name] = window
        if state.terms.pause_at_percent is not None:
            group.touch()
        self.touched.add(state.id)

    def _warn(self, group: Group, state: AccountState, now: float) -> None:
        if state.warned_until <= now:
            group.touch()
        state.warned_until = now + WARNED_SECONDS


def _has_another(group: Group, state: AccountState, model: str, now: float) -> bool:
    """Whether some other account may still have the model."""
    return any(
        other is not state and other.is_usable and other.rests.closed(model, now) is None
        for other in group.members
    )


def unauthorized(now: float, reason: str) -> Verdict:
    """A 401 that no other credential cured."""
    return Verdict(
        Outcome.RETRY_OTHER, Scope.ACCOUNT, now + UNAUTHORIZED_SECONDS, needs_operator=True, reason=reason
    )
