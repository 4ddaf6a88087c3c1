"""Write down what traffic has taught: cooldowns, counters, errors, quota windows. Blocks (ORM)."""

from __future__ import annotations

from accounts.pool import store
from accounts.pool.outcomes import OutcomeTracker
from accounts.pool.provider_accounts import PoolMembers


class Saving:
    """Write down what other processes and the next start are to know. With the database away it waits."""

    def __init__(self, members: PoolMembers, outcomes: OutcomeTracker) -> None:
        self._members = members
        self._outcomes = outcomes

    def save(self) -> None:
        """Write down everything there is to write, at the end of the process."""
        self.save_cooldowns()
        self.save_traffic()

    def save_cooldowns(self) -> bool:
        """Write down cooldowns; False when there were none.

        With the database away they are kept for later.
        """
        now = self._members.now()
        with self._members.lock:
            unsaved, states = self._outcomes.take_unsaved(), self._members.by_id
            prints = {account: states[account].fingerprint for account, _ in unsaved if account in states}
        try:
            if unsaved:
                store.write_cooldowns(unsaved, prints, now)
        except Exception:
            self._outcomes.keep_unsaved(unsaved)
            raise
        return bool(unsaved)

    def save_traffic(self) -> None:
        """Write down counters, errors and quota windows; with the database away they are kept for later."""
        now = self._members.now()
        with self._members.lock:
            states = self._members.take_touched()
            traffic = [store.traffic_of(state) for state in states]
            for state in states:
                state.unsaved_used = 0
        try:
            if traffic:
                store.write_traffic(traffic, now)
        except Exception:
            with self._members.lock:
                for state, entry in zip(states, traffic, strict=True):
                    state.unsaved_used += entry.used
                    self._members.touched.add(state.id)
            raise
