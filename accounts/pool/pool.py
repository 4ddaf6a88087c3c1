"""The pool of accounts as the runtime holds it: one way in to its parts, which work on the same members.

`load`, `apply_changes`, `poll_files`, `look_again`, `share` and `save…` block (ORM, files): background
threads call them. `choose`, `report` and `release` never do.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings

from accounts.models import Strategy
from accounts.pool.affinity import MAX_SESSIONS
from accounts.pool.choosing import Choosing
from accounts.pool.outcomes import OutcomeTracker
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.refreshing import Refresher, Refreshing
from accounts.pool.rehearsing import Rehearsing
from accounts.pool.saving import Saving
from accounts.pool.sessions import StickySessions
from accounts.pool.synchronising import Synchronising


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Options of a pool; durations in seconds."""

    strategy: str = Strategy.ROUND_ROBIN
    session_idle_seconds: float = 3600.0
    cooldown_seconds: float = 60.0  # for a limit of unknown form
    max_sessions: int = MAX_SESSIONS
    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = field(default=random.random)


def options_from_settings() -> PoolOptions:
    """Return the options of the pool as the operator configured it."""
    options = settings.GATEWAY
    return PoolOptions(
        strategy=options.ACCOUNT_ROUTING_STRATEGY,
        session_idle_seconds=options.SESSION_IDLE_SECONDS,
        cooldown_seconds=options.ACCOUNT_COOLDOWN_SECONDS,
    )


class Pool:
    """Every account of this installation, in this process.

    What it offers are its parts' own methods, so that a call costs no frame more for the way through here.
    `look_again` stands in for reading rows and files after a refresh, where there are none.
    """

    def __init__(
        self,
        options: PoolOptions | None = None,
        refresher: Refresher | None = None,
        look_again: Callable[[int], None] | None = None,
    ) -> None:
        options = options or PoolOptions()
        self._members = members = PoolMembers(options.clock, options.strategy)
        self.now, self.install_states = members.now, members.install
        self.states, self.own_keys = members.states, members.own_keys
        self.breakers, self.shut_until, self.failing = members.breakers, members.shut_until, members.failing
        self.has_credentials = members.has_credentials

        self.sessions = StickySessions(options.session_idle_seconds, options.max_sessions)
        choosing = Choosing(members, self.sessions)
        self.choose, self.release = choosing.choose, choosing.release
        self.has_accounts, self.has_choice = choosing.has_accounts, choosing.has_choice
        self.has_other, self.soonest = choosing.has_other, choosing.soonest
        self.remember_move = choosing.remember_move
        self.tell_sessions, self.lacks_session = choosing.tell_sessions, choosing.lacks_session
        self.adopt_sessions, self.move_session = choosing.adopt_sessions, choosing.move_session

        outcomes = OutcomeTracker(members, options.cooldown_seconds, options.jitter)
        self.report, self.clear_provider = outcomes.report, outcomes.clear_provider
        self.tell_unsaved = outcomes.tell_unsaved

        self._synchronising = Synchronising(members, outcomes)
        self.load, self.apply_changes = self._synchronising.load, self._synchronising.apply_changes
        self.poll_files, self.share = self._synchronising.poll_files, self._synchronising.share
        self.look_again = look_again or self._synchronising.look_again

        saving = Saving(members, outcomes)
        self.save, self.save_cooldowns = saving.save, saving.save_cooldowns
        self.save_traffic = saving.save_traffic

        rehearsing = Rehearsing(members, outcomes)
        self.remember, self.put_back = rehearsing.remember, rehearsing.put_back

        refreshing = Refreshing(refresher, members, outcomes, self.look_again)
        self.refresh, self.due_for_refresh = refreshing.refresh, refreshing.due

    @property
    def revision(self) -> int:
        """Return the revision of the rows that it has."""
        return self._synchronising.revision
