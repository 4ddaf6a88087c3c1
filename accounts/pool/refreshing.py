"""Refresh the credential of a lease, or put its account on cooldown where that does not help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from channels.db import database_sync_to_async
from django.db import Error as DatabaseAway

from accounts.errors import RefreshFailed
from accounts.pool.lease import Lease
from accounts.pool.outcomes import OutcomeTracker
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.state import OWN_KEY, AccountState

Refresher = Callable[[int, str], Awaitable[None]]
"""`await refresher(account_id, fingerprint)`: a new pair is in the row or file when it returns. Raises
`RefreshFailed`. Not cancelled with its caller."""

REFUSED_KEY_SECONDS = 60.0
AWAY_SECONDS = 10.0


class Refreshing:
    """Refresh leases of a pool. `look_again(account_id)` reads rows and files now; it blocks."""

    def __init__(
        self,
        refresher: Refresher | None,
        members: PoolMembers,
        outcomes: OutcomeTracker,
        look_again: Callable[[int], None],
    ) -> None:
        self._refresher = refresher
        self._members = members
        self._outcomes = outcomes
        self._look_again = look_again

    def due(self) -> list[tuple[int, str]]:
        """Return (account id, fingerprint) of the pairs that are near their end."""
        now = self._members.now()
        with self._members.lock:
            return [
                (state.id, state.fingerprint)
                for state in self._members.by_id.values()
                if state.is_usable and state.loaded.is_due(now)
            ]

    async def refresh(self, lease: Lease) -> bool:
        """Refresh a lease after a 401, or before an expired pair is used; True: it has another credential.

        Then the same request may be sent once more. False: the account is on cooldown now.
        """
        if lease.was_refreshed:
            return False
        lease.was_refreshed = True
        state, failed = lease.state, lease.credential.fingerprint
        if state.id == OWN_KEY:
            until = self._members.now() + REFUSED_KEY_SECONDS
            self._outcomes.refuse(lease, until, "the provider's key was refused")
            return False
        retry_at, reason = await self._renew(state, failed)
        credential = state.loaded.credential
        if credential is not None and credential.fingerprint != failed:
            lease.credential = credential
            state.refreshed_fingerprint = credential.fingerprint
            return True
        self._outcomes.refuse(lease, retry_at, reason)
        return False

    async def _renew(self, state: AccountState, failed: str) -> tuple[float | None, str]:
        """Refresh where that may help, and look again; return (end of the cooldown if it did not, why)."""
        until, reason = None, "the credential was refused"
        try:
            if self._refresher is not None and state.fingerprint == failed and _can_refresh(state):
                try:
                    await self._refresher(state.id, failed)
                except RefreshFailed as exc:
                    reason, until = str(exc), exc.retry_at
            await database_sync_to_async(self._look_again, thread_sensitive=False)(state.id)
        except DatabaseAway:
            return self._members.now() + AWAY_SECONDS, "the database is away: nothing can be refreshed"
        return until, reason


def _can_refresh(state: AccountState) -> bool:
    """Tell whether a refresh may help: not for a refreshed credential that has never been taken."""
    return state.loaded.has_refresh and state.refreshed_fingerprint != state.fingerprint
