"""Keep the pool's accounts as rows, files and other processes have them.

Everything here blocks (ORM, files): background threads call it, none of it is on a call's way.
"""

from __future__ import annotations

import logging
import threading

from accounts.credentials.sources import Directories, keeps_login, load_proxy, load_secret
from accounts.models import Account
from accounts.pool import store
from accounts.pool.outcomes import OutcomeTracker
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.state import AccountState, Loaded, Terms
from gateway.kernel import events
from gateway.kernel.secrets import SecretUnreadable, box

logger = logging.getLogger(__name__)

SHARE_OVERLAP_SECONDS = 5.0


class Synchronising:
    """Install what rows and files hold, and adopt the cooldowns of other processes."""

    def __init__(self, members: PoolMembers, outcomes: OutcomeTracker) -> None:
        self.revision = 0
        self._members = members
        self._outcomes = outcomes
        self._directories = Directories()
        self._rows: dict[int, Account] = {}
        self._shared_at = 0.0
        self._loading = threading.Lock()  # so that an older snapshot is never installed over a newer one

    def load(self) -> None:
        """Load everything from the database and the files; cooldowns and counters of this process go on."""
        with self._loading:
            self._install(store.read_whole())

    def apply_changes(self) -> None:
        """Apply what services changed since the last call, here or in another process."""
        with self._loading:
            snapshot = store.read_since(self.revision)
            if snapshot is not None:
                self._install(snapshot)

    def poll_files(self) -> None:
        """Take over changed credential files. Called at least once a second."""
        for location in self._directories.changed():
            for row in list(self._rows.values()):
                if row.location == location:
                    self._reload_secret(row)

    def look_again(self, account: int) -> None:
        """Read rows and files now: another process or the vendor's command line may have been quicker."""
        self.apply_changes()
        self.poll_files()
        row = self._rows.get(account)
        if row is not None:
            self._reload_secret(row)

    def share(self) -> None:
        """Take over cooldowns that other processes wrote down."""
        now = self._members.now()
        found = store.read_cooldowns(self._shared_at - SHARE_OVERLAP_SECONDS if self._shared_at else 0.0)
        self._shared_at = now
        with self._members.lock:
            for account, cooldowns in found.items():
                state = self._members.by_id.get(account)
                if state is not None:
                    self._outcomes.adopt(state, cooldowns)

    def _install(self, snapshot: store.Snapshot) -> None:
        cooldowns = store.read_cooldowns() if snapshot.is_whole else {}
        prepared = [(row, *self._prepare(row)) for row in snapshot.rows]
        with self._members.lock:
            rows = {} if snapshot.is_whole else dict(self._rows)
            states = {} if snapshot.is_whole else dict(self._members.by_id)
            for row, terms, loaded in prepared:
                rows[row.id] = row
                states[row.id] = self._installed(row, terms, loaded)
                if row.id in cooldowns:
                    self._outcomes.adopt(states[row.id], cooldowns[row.id])
            self._rows = rows
            self._members.install(states.values(), snapshot.strategy)
            self.revision = snapshot.revision
        self._directories.forget_others(list(self._rows.values()))

    def _prepare(self, row: Account) -> tuple[Terms, Loaded]:
        secrets = box()
        loaded = load_secret(row, self._directories.reading(row), secrets, keeps_login(row))
        try:
            proxy = load_proxy(row, secrets)
        except SecretUnreadable as exc:
            proxy, loaded = None, Loaded(problem=f"egress proxy: {exc}")
        return store.terms_of(row, proxy), loaded

    def _installed(self, row: Account, terms: Terms, loaded: Loaded) -> AccountState:
        """Return the row's state: the one it has, brought up to date, or a new one."""
        state = self._members.by_id.get(row.id)
        was_dead = state is not None and state.is_dead
        if state is None:
            state = AccountState(row.id, terms, loaded)
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
            self._outcomes.clear(state, was_dead and not state.is_dead)
        return state

    def _reload_secret(self, row: Account) -> None:
        _, loaded = self._prepare(row)
        with self._members.lock:
            state = self._members.by_id.get(row.id)
            if state is None:
                return
            self._take_secret(state, loaded)
            group = self._members.group_of(state)
            if group is not None:
                group.touch()
        if loaded.problem:
            logger.warning("account %s: %s", row.name, loaded.problem)

    def _take_secret(self, state: AccountState, loaded: Loaded) -> None:
        before, was_dead = state.fingerprint, state.is_dead
        if loaded.is_logged_out and not state.loaded.is_logged_out and before:
            events.emit(events.ACCOUNT_LOGIN, state.subject, reason=loaded.problem)
        was_logged_out = state.loaded.is_logged_out and not loaded.is_logged_out
        state.loaded = loaded
        if loaded.problem:
            state.last_error = loaded.problem
        if before and state.fingerprint and before != state.fingerprint:
            self._outcomes.forgive(state, was_dead)
        elif was_logged_out and state.fingerprint and not state.is_out:
            events.emit(events.ACCOUNT_BACK, state.subject, provider=state.terms.provider)
