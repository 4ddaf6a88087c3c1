"""The pool as the runtime holds it: `PoolCore` with its rows, files and refreshes behind it.

`load`, `apply_changes`, `poll_files`, `save` and `share` block (ORM, files): background threads call
them. `choose`, `report` and `Lease.release` never do.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseAway

from accounts import store
from accounts.cooldown import Rest
from accounts.core import OWN_KEY, PoolCore, PoolOptions
from accounts.errors import RefreshFailed
from accounts.judging import unauthorized
from accounts.lease import Ask, Lease
from accounts.models import Account
from accounts.sources import Directories, load_proxy, load_secret
from accounts.state import AccountState, Loaded, Terms
from providers.drivers.base import Outcome, Scope, Verdict
from providers.errors import SecretUnreadable
from providers.secrets import box

logger = logging.getLogger(__name__)

Refresher = Callable[[int, str], Awaitable[None]]
"""`await refresher(account_id, fingerprint)`: a new pair is in the row or file when it returns. Raises
`RefreshFailed`. Not cancelled with its caller."""

SHARE_OVERLAP_SECONDS = 5.0
REFUSED_KEY_SECONDS = 60.0
AWAY_SECONDS = 10.0


def options_from_settings() -> PoolOptions:
    """As the operator configured it."""
    return PoolOptions(
        strategy=settings.ACCOUNT_ROUTING_STRATEGY,
        session_idle_seconds=settings.SESSION_IDLE_SECONDS,
        cooldown_seconds=settings.ACCOUNT_COOLDOWN_SECONDS,
    )


class Pool(PoolCore):
    """Every account of this installation, in this process."""

    def __init__(self, options: PoolOptions | None = None, refresher: Refresher | None = None) -> None:
        super().__init__(options or PoolOptions())
        self.revision = 0
        self._refresher = refresher
        self._directories = Directories()
        self._rows: dict[int, Account] = {}
        self._shared_at = 0.0
        self._loading = threading.Lock()  # so that an older snapshot is never installed over a newer one

    def load(self) -> None:
        """Everything from the database and the files; cooldowns and counters of this process go on."""
        with self._loading:
            self._install(store.read_whole())

    def apply_changes(self) -> None:
        """What services changed since the last call, here or in another process."""
        with self._loading:
            snapshot = store.read_since(self.revision)
            if snapshot is not None:
                self._install(snapshot)

    def poll_files(self) -> None:
        """Notices changed credential files. Called at least once a second."""
        for location in self._directories.changed():
            for row in list(self._rows.values()):
                if row.location == location:
                    self._reload_secret(row)

    def save(self) -> None:
        """Writes down everything there is to write, at the end of the process."""
        self.save_rests()
        self.save_traffic()

    def save_rests(self) -> bool:
        """Writes down cooldowns; False when there were none. With the database away they are kept for the next time."""
        now = self._options.clock()
        with self._lock:
            unsaved, self._judge.unsaved = self._judge.unsaved, {}
            prints = {
                account: self._states[account].fingerprint
                for account, _ in unsaved
                if account in self._states
            }
        try:
            if unsaved:
                store.write_rests(unsaved, prints, now)
        except Exception:
            with self._lock:
                self._judge.unsaved = {**unsaved, **self._judge.unsaved}
            raise
        return bool(unsaved)

    def save_traffic(self) -> None:
        """Writes down counters, errors and quota windows, with the same promise."""
        now = self._options.clock()
        with self._lock:
            touched, self._judge.touched = self._judge.touched, set()
            states = [self._states[account] for account in touched if account in self._states]
            traffic = [store.traffic_of(state) for state in states]
            for state in states:
                state.unsaved_used = 0
        try:
            if traffic:
                store.write_traffic(traffic, now)
        except Exception:
            with self._lock:
                for state, entry in zip(states, traffic, strict=True):
                    state.unsaved_used += entry.used
                    self._judge.touched.add(state.id)
            raise

    def share(self) -> None:
        """Takes over cooldowns that other processes wrote down."""
        now = self._options.clock()
        found = store.read_rests(self._shared_at - SHARE_OVERLAP_SECONDS if self._shared_at else 0.0)
        self._shared_at = now
        with self._lock:
            for account, rests in found.items():
                state = self._states.get(account)
                if state is not None:
                    self._adopt(state, rests, now)

    async def refresh(self, lease: Lease) -> bool:
        """After a 401, or before an expired pair is used: True when the lease now carries another credential.

        Then the same request may be sent once more. False: the account has been put to rest.
        """
        if lease.was_refreshed:
            return False
        lease.was_refreshed = True
        state, failed = lease.state, lease.credential.fingerprint
        if state.id == OWN_KEY:
            soon = self._options.clock() + REFUSED_KEY_SECONDS
            self._condemn(lease, soon, "the provider's key was refused")
            return False
        until, reason = await self._renew(state, failed)
        credential = state.loaded.credential
        if credential is not None and credential.fingerprint != failed:
            lease.credential = credential
            state.refreshed_fingerprint = credential.fingerprint
            return True
        self._condemn(lease, until, reason)
        return False

    async def _renew(self, state: AccountState, failed: str) -> tuple[float | None, str]:
        """Refreshes where that may help, and looks again. (Until when to rest if it did not help, why.)"""
        until, reason = None, "the credential was refused"
        try:
            if self._refresher is not None and state.fingerprint == failed and self._can_refresh(state):
                try:
                    await self._refresher(state.id, failed)
                except RefreshFailed as exc:
                    reason, until = str(exc), exc.retry_at
            await database_sync_to_async(self.look_again, thread_sensitive=False)(state.id)
        except DatabaseAway:
            return self._options.clock() + AWAY_SECONDS, "the database is away: nothing can be refreshed"
        return until, reason

    def _can_refresh(self, state: AccountState) -> bool:
        """Not when the credential came from a refresh and has never been taken: a second would not help."""
        return state.loaded.has_refresh and state.refreshed_fingerprint != state.fingerprint

    def due_for_refresh(self) -> list[tuple[int, str]]:
        """(account id, fingerprint) of the pairs that are near their end."""
        now = self._options.clock()
        with self._lock:
            return [
                (state.id, state.fingerprint)
                for state in self._states.values()
                if state.is_usable and state.loaded.is_due(now)
            ]

    def clear_provider(self, provider: str) -> None:
        """The operator's reset of a provider: its breaker closes, and its own key owes nothing.

        Rests of accounts stay: they are cleared one by one.
        """
        with self._lock:
            self._keyed.pop(
                provider, None
            )  # calls on their way report to a seat that is gone, and teach nothing
            group = self._groups.get(provider)
            if group is not None:
                group.breaker.reset()

    # Loading

    def _install(self, snapshot: store.Snapshot) -> None:
        rests = store.read_rests() if snapshot.is_whole else {}
        prepared = [(row, *self._prepare(row)) for row in snapshot.rows]
        now = self._options.clock()
        with self._lock:
            if snapshot.is_whole:
                gone = set(self._states) - {row.id for row in snapshot.rows}
                for account in gone:
                    del self._states[account]
                self._rows = {}
            for row, terms, loaded in prepared:
                self._rows[row.id] = row
                self._install_row(row, terms, loaded)
                if row.id in rests:
                    self._adopt(self._states[row.id], rests[row.id], now)
            self._strategy = snapshot.strategy or self._options.strategy
            self._regroup()
            self.revision = snapshot.revision
        self._directories.forget_others(list(self._rows.values()))

    def _prepare(self, row: Account) -> tuple[Terms, Loaded]:
        secrets = box()
        loaded = load_secret(row, self._directories.reading(row), secrets)
        try:
            proxy = load_proxy(row, secrets)
        except SecretUnreadable as exc:
            proxy, loaded = None, Loaded(problem=f"egress proxy: {exc}")
        return store.terms_of(row, proxy), loaded

    def _install_row(self, row: Account, terms: Terms, loaded: Loaded) -> None:
        state = self._states.get(row.id)
        if state is None:
            state = self._states[row.id] = AccountState(row.id, terms, loaded)
            state.last_error = row.last_error
            state.windows = store.windows_of(row)
            state.used_before = row.used
            state.cleared_revision = row.cleared_revision
        else:
            state.accept_terms(terms)
            self._take_secret(state, loaded)
        state.needs_login = row.needs_login
        state.dead_fingerprint = row.dead_fingerprint
        if row.cleared_revision > state.cleared_revision:
            state.cleared_revision = row.cleared_revision
            self._judge.forgive(state, self._options.clock())
            group = self._groups.get(terms.provider)
            if group is not None:
                group.breaker.reset()

    # Secrets and cooldowns

    def look_again(self, account: int) -> None:
        """Rows and files, now: another process or the vendor's command line may have been quicker."""
        self.apply_changes()
        self.poll_files()
        row = self._rows.get(account)
        if row is not None:
            self._reload_secret(row)

    def _reload_secret(self, row: Account) -> None:
        _, loaded = self._prepare(row)
        with self._lock:
            state = self._states.get(row.id)
            if state is None:
                return
            self._take_secret(state, loaded)
            group = self._groups.get(state.terms.provider)
            if group is not None:
                group.touch()
        if loaded.problem:
            logger.warning("account %s: %s", row.name, loaded.problem)

    def _take_secret(self, state: AccountState, loaded: Loaded) -> None:
        before = state.fingerprint
        state.loaded = loaded
        if loaded.problem:
            state.last_error = loaded.problem
        if before and state.fingerprint and before != state.fingerprint:
            self._judge.forgive(state, self._options.clock())

    def _adopt(self, state: AccountState, rests: list[tuple[str, Rest]], now: float) -> None:
        for fingerprint, rest in rests:
            if fingerprint != state.fingerprint:
                continue
            known = state.rests.entries.get(rest.key)
            if rest.until <= now or rest.started_at <= state.forgiven_at:
                continue  # over, or written down while it was being cleared: nothing to learn
            if known is None or rest.until > known.until:
                state.rests.start(rest)
                group = self._groups.get(state.terms.provider)
                if group is not None:
                    group.touch()

    def _condemn(self, lease: Lease, until: float | None, reason: str) -> None:
        now = self._options.clock()
        verdict = unauthorized(now, reason)
        if until is not None:
            verdict = Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, until, reason=reason)
        with self._lock:
            state = lease.state
            group = self._group_of(state)
            self._judge.note_error(state, reason)
            if group is not None and lease.credential.fingerprint == state.fingerprint:
                self._judge.rest(group, lease, verdict, now)


__all__ = ["Ask", "Lease", "Pool", "PoolOptions"]
