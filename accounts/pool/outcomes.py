"""Outcome tracking: what the answers to calls teach about accounts and providers.

Memory only, no IO. What is to be written down is kept until somebody takes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from accounts.pool.breaker import Breaker
from accounts.pool.cooldown import Cooldowns, CooldownState, Incident, Key, cooldown_after
from accounts.pool.lease import Lease
from accounts.pool.provider_accounts import PoolMembers, ProviderAccounts
from accounts.pool.state import OWN_KEY, AccountState
from gateway.kernel import events
from gateway.kernel.moments import end_for_people
from providers.drivers.base import Outcome, Scope, Verdict

logger = logging.getLogger(__name__)

UNAUTHORIZED_SECONDS = 1800.0
WARNED_SECONDS = 600.0
ACCOUNT_FAULTS = 5
ACCOUNT_FAULT_SECONDS = (10.0, 20.0, 40.0, 60.0)

Unsaved = dict[tuple[int, Key], CooldownState | None]
"""Cooldowns to be written down, by account id and key; None = the row goes."""


def nobody() -> None:
    """Do nothing: nobody listens."""


class OutcomeTracker:
    """Track cooldowns, breakers, warnings and quota windows of every account in this process."""

    def __init__(self, members: PoolMembers, cooldown_seconds: float, jitter: Callable[[], float]) -> None:
        self._members = members
        self._lock = members.lock
        self._cooldown_seconds = cooldown_seconds  # for a limit of unknown form
        self._jitter = jitter
        self._unsaved: Unsaved = {}
        self._on_unsaved: Callable[[], None] = nobody

    def tell_unsaved(self, tell: Callable[[], None]) -> None:
        """Set the listener for cooldowns that are to be written down. Quick, from any thread."""
        self._on_unsaved = tell

    def take_unsaved(self) -> Unsaved:
        """Return the cooldowns that are to be written down, and keep them no longer."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
            return unsaved

    def keep_unsaved(self, unsaved: Unsaved) -> None:
        """Keep cooldowns that could not be written down; what has happened since holds."""
        with self._lock:
            self._unsaved = {**unsaved, **self._unsaved}

    def report(self, lease: Lease, verdict: Verdict) -> None:
        """Record the outcome of this attempt. With `needs_refresh`, refreshing the lease comes next."""
        now = self._members.now()
        with self._lock:
            state = lease.state
            group = self._members.by_provider.get(state.terms.provider)  # every call: no frame for it
            if state.id == OWN_KEY:
                group = self._members.group_of(state)
            if group is not None and group.by_id.get(state.id) is state:  # not removed meanwhile
                self._record(group, lease, verdict, now)

    def refuse(self, lease: Lease, until: float | None, reason: str) -> None:
        """Put the account of a refused credential on cooldown; until None = only a new login helps."""
        now = self._members.now()
        verdict = _unauthorized(now, reason)
        if until is not None:
            verdict = Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, until, reason=reason)
        with self._lock:
            state = lease.state
            group = self._members.group_of(state)
            self._note_error(state, reason)
            if group is not None and lease.credential.fingerprint == state.fingerprint:
                self._cooldown(group, lease, verdict, now)

    def adopt(self, state: AccountState, cooldowns: Iterable[tuple[str, CooldownState]]) -> None:
        """Take over the cooldowns that other processes wrote down, with the fingerprints they hold for."""
        now = self._members.now()
        with self._lock:
            for fingerprint, cooldown in cooldowns:
                if fingerprint != state.fingerprint:
                    continue
                known = state.cooldowns.entries.get(cooldown.key)
                if cooldown.until <= now or cooldown.started_at <= state.forgiven_at:
                    continue  # over, or written down while it was being cleared: nothing to learn
                if known is None or cooldown.until > known.until:
                    state.cooldowns.start(cooldown)
                    self._touch(state)

    def clear_provider(self, provider: str) -> None:
        """Close a provider's circuit breaker and drop what is held against its own key: the operator's reset.

        Cooldowns of accounts stay: they are cleared one by one.
        """
        with self._lock:
            self._members.forget_own_key(provider)
            group = self._members.by_provider.get(provider)
            if group is not None:
                self._close(group)

    def clear(self, state: AccountState, was_dead: bool) -> None:
        """Drop what is held against an account and close its provider's breaker: the operator's clear."""
        with self._lock:
            self.forgive(state, was_dead)
            group = self._members.group_of(state)
            if group is not None:
                self._close(group)

    def forgive(self, state: AccountState, was_dead: bool) -> None:
        """Drop what is held against an account, with a new credential or at the operator's clear."""
        with self._lock:
            for key in state.cooldowns.entries:
                self._unsaved[(state.id, key)] = None
            state.forgive()
            state.forgiven_at = self._members.now()
            self._tell_back(state, was_dead)

    def restore(self, state: AccountState, cooldowns: Iterable[CooldownState]) -> None:
        """Hold against an account just these cooldowns, here and for other processes: a rehearsal is over."""
        with self._lock:
            known = {cooldown.key: replace(cooldown) for cooldown in cooldowns}
            for key in {*state.cooldowns.entries, *known}:
                self._unsaved[(state.id, key)] = known.get(key)
            was_out, state.cooldowns = state.is_out, Cooldowns(known.values())
            state.forgiven_at = self._members.now()
            if was_out and state.cooldowns.on_account() is None:
                self._tell_back(state)
            self._touch(state)
            self._on_unsaved()

    def restore_breaker(self, group: ProviderAccounts, before: Breaker) -> None:
        """Let a provider's circuit breaker stand as it did before a rehearsal."""
        with self._lock:
            if group.breaker.strikes and not before.strikes:
                events.emit(events.BREAKER_CLOSED, f"provider:{group.provider}")
            group.breaker = before
            group.touch()

    def _record(self, group: ProviderAccounts, lease: Lease, verdict: Verdict, now: float) -> None:
        """Record what an attempt's verdict means for the account and its provider.

        `lease.state` is in `group`.
        """
        state = lease.state
        if verdict.windows:
            self._note_windows(group, state, verdict)
        if verdict.is_warning:
            self._warn(group, state, now)
        if verdict.outcome is Outcome.OK:
            self._succeed(group, lease, now)
            return
        if verdict.reason and verdict.scope is not Scope.REQUEST:
            self._note_error(state, verdict.reason)
        if verdict.scope is Scope.PROVIDER:
            self._fault(group, lease, now)
            return
        self._close(group)
        state.faults_in_row = 0
        if verdict.scope is Scope.REQUEST or lease.credential.fingerprint != state.fingerprint:
            return
        if verdict.is_unknown_model and not _has_another(group, state, lease.model, now):
            return  # no account has it: the vendor's own 404 says more than our cooldown would
        if not verdict.needs_refresh:
            self._cooldown(group, lease, verdict, now)
        elif lease.was_refreshed or state.refreshed_fingerprint == state.fingerprint:
            self._cooldown(group, lease, _unauthorized(now, verdict.reason), now)

    def _note_error(self, state: AccountState, reason: str) -> None:
        state.last_error = reason
        self._members.touched.add(state.id)

    def _close(self, group: ProviderAccounts) -> None:
        """Close a provider's circuit breaker."""
        if group.breaker.strikes:
            events.emit(events.BREAKER_CLOSED, f"provider:{group.provider}")
        group.breaker.reset()

    def _touch(self, state: AccountState) -> None:
        group = self._members.group_of(state)
        if group is not None:
            group.touch()

    def _tell_back(self, state: AccountState, was_dead: bool = False) -> None:
        if state.is_out or was_dead:
            events.emit(events.ACCOUNT_BACK, state.subject, provider=state.terms.provider)
        state.is_out = False

    def _succeed(self, group: ProviderAccounts, lease: Lease, now: float) -> None:
        state, breaker = lease.state, group.breaker
        if breaker.faults or breaker.strikes:
            self._close(group)
        state.faults_in_row = state.fault_strikes = 0
        if state.refreshed_fingerprint == lease.credential.fingerprint:
            state.refreshed_fingerprint = ""  # taken: if it is refused one day, refreshing may help again
        if state.cooldowns.entries:
            for key in state.cooldowns.succeed(lease.model, lease.chosen_at, now):
                self._unsaved[(state.id, key)] = None
                group.touch()
                self._on_unsaved()
            if state.is_out and state.cooldowns.on_account() is None:
                self._tell_back(state)

    def _cooldown(self, group: ProviderAccounts, lease: Lease, verdict: Verdict, now: float) -> None:
        state = lease.state
        incident = Incident(
            verdict, lease.model, lease.chosen_at, now, self._jitter(), self._cooldown_seconds
        )
        earlier = state.cooldowns.entries.get(incident.key())
        was_active = earlier is not None and earlier.is_active(now)  # perhaps learned from another process
        cooldown = cooldown_after(incident, earlier)
        state.cooldowns.start(cooldown)
        self._unsaved[(state.id, cooldown.key)] = cooldown
        group.touch()
        self._on_unsaved()
        who = f"account {state.name}" if state.name else f"the own key of {state.terms.provider}"
        logger.warning("%s is on cooldown %s: %s", who, end_for_people(cooldown.until, now), verdict.reason)
        if cooldown.scope is Scope.ACCOUNT and not state.is_out:
            state.is_out = True
            if not was_active:
                _tell_out(state, cooldown)

    def _fault(self, group: ProviderAccounts, lease: Lease, now: float) -> None:
        """Count a fault as the upstream's, or as this account's when others are served meanwhile."""
        state = lease.state
        usable = sum(1 for member in group.members if member.is_usable) if group.breaker.faults >= 1 else 2
        was_open = group.breaker.strikes > 0
        group.breaker.fault(state.id, now, usable)
        if group.breaker.strikes and not was_open:
            until = group.breaker.open_until
            events.emit(
                events.BREAKER_OPEN, f"provider:{group.provider}", until=until, reason=state.last_error
            )
        state.faults_in_row += 1
        if state.faults_in_row >= ACCOUNT_FAULTS and usable > 1 and not group.breaker.is_open(now):
            seconds = ACCOUNT_FAULT_SECONDS[min(state.fault_strikes, len(ACCOUNT_FAULT_SECONDS) - 1)]
            state.fault_strikes += 1
            state.faults_in_row = 0
            until = now + seconds
            verdict = Verdict(
                Outcome.RETRY_OTHER, Scope.ACCOUNT, until, reason="only this account's calls keep failing"
            )
            self._cooldown(group, lease, verdict, now)

    def _note_windows(self, group: ProviderAccounts, state: AccountState, verdict: Verdict) -> None:
        for window in verdict.windows:
            state.windows[window.name] = window
        if state.terms.pause_at_percent is not None:
            group.touch()
        self._members.touched.add(state.id)

    def _warn(self, group: ProviderAccounts, state: AccountState, now: float) -> None:
        if state.warned_until <= now:
            group.touch()
        state.warned_until = now + WARNED_SECONDS


def _tell_out(state: AccountState, cooldown: CooldownState) -> None:
    events.emit(
        events.ACCOUNT_OUT,
        state.subject,
        provider=state.terms.provider,
        until=cooldown.until,
        reason=cooldown.reason,
        needs_operator=cooldown.needs_operator,
    )


def _has_another(group: ProviderAccounts, state: AccountState, model: str, now: float) -> bool:
    """Tell whether some other account may still have the model."""
    return any(
        other is not state and other.is_usable and other.cooldowns.closed(model, now) is None
        for other in group.members
    )


def _unauthorized(now: float, reason: str) -> Verdict:
    """Build the verdict of a 401 that no other credential cured."""
    return Verdict(
        Outcome.RETRY_OTHER, Scope.ACCOUNT, now + UNAUTHORIZED_SECONDS, needs_operator=True, reason=reason
    )
