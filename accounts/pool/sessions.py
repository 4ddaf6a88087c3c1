"""Sticky sessions: the account of a session's next call, and whether the session has moved. No IO.

A session is bound to one account. A model that the account can't serve for a while gets a binding of its own;
subagents, which send their parent's session id, so follow it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from accounts.pool.affinity import Affinity, SessionMove, affinity_key
from accounts.pool.lease import Ask, Lease
from accounts.pool.provider_accounts import ProviderAccounts
from accounts.pool.state import AccountState
from providers.drivers.base import Scope


@dataclass(slots=True)
class Placement:
    """The account that a session is bound to, as far as it can serve this call."""

    state: AccountState | None = None  # the bound account, where it can serve
    before: int | None = None  # the account it was bound to until now
    key: int | None = None  # else the key to bind to the account that serves instead; None = only this call
    is_for_model: bool = False


NOWHERE = Placement()


class StickySessions:
    """Sticky sessions of one process, in bounded maps."""

    __slots__ = ("_moves", "_of_models", "_of_sessions")

    def __init__(self, idle_seconds: float, max_sessions: int) -> None:
        self._of_sessions = Affinity(idle_seconds, max_sessions)
        self._of_models = Affinity(idle_seconds, max_sessions)
        self._moves = Affinity(idle_seconds, max_sessions)  # session → how many messages came before its move

    def find(self, group: ProviderAccounts, ask: Ask) -> Placement:
        """Find the account of a session.

        Without `state` and `key` only this call goes elsewhere, the session stays.
        """
        if ask.session is None or not self._of_sessions.is_on or len(group.members) < 2:
            return NOWHERE
        now, model = ask.now, ask.model or ""
        session_key, model_key = affinity_keys(ask)
        account = None
        if len(self._of_models):
            account = self._of_models.find(model_key, now)
        is_for_model = account is not None
        if account is None:
            account = self._of_sessions.find(session_key, now)
        placement = Placement(None, account, model_key if is_for_model else session_key, is_for_model)
        state = None if account is None else group.by_id.get(account)
        if state is None or not state.is_usable or state.quota_cooldown_until(now) is not None:
            return placement
        if state.cooldowns.entries:
            cooldown = state.cooldowns.active(model, now)
            if cooldown is not None:
                return (
                    placement
                    if cooldown.scope is Scope.ACCOUNT
                    else Placement(None, account, model_key, True)
                )
            if state.cooldowns.closed(model, now) is not None:
                return Placement(None, account)
        if state.name in ask.excluded or state.room_at(now) is not None:
            return Placement(None, account)
        placement.state = state
        return placement

    def take(self, placement: Placement, state: AccountState, now: float) -> None:
        """Bind the session to the account that was chosen instead, where `find` gave a key."""
        if placement.key is not None:
            (self._of_models if placement.is_for_model else self._of_sessions).bind(
                placement.key, state.id, now
            )

    # With other processes

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Return how many sessions, sessions of one model, and moves are remembered."""
        return len(self._of_sessions), len(self._of_models), len(self._moves)

    def tell(self, tell: Callable[[SessionMove], None]) -> None:
        """Set the listener for sessions that are bound, moved or in use."""
        self._of_sessions.tell = self._of_models.tell = tell

    def is_unknown(self, ask: Ask) -> bool:
        """Tell whether this process does not know the conversation's account, and it would matter."""
        if ask.session is None or ask.pinned or not self._of_sessions.is_on:
            return False
        return not self._of_sessions.knows(affinity_keys(ask)[0], ask.now)

    def adopt(self, ask: Ask, account: int | None, account_for_model: int | None) -> None:
        """Take over the accounts that other processes name for the conversation; None = they don't know."""
        session_key, model_key = affinity_keys(ask)
        if account is not None:
            self._of_sessions.adopt(session_key, account, ask.now)
        if account_for_model is not None:
            self._of_models.adopt(model_key, account_for_model, ask.now)

    def move(self, key: int, account: int, now: float) -> None:
        """Rebind a conversation that another process has moved, where this process knows it."""
        for sessions in (self._of_sessions, self._of_models):
            if sessions.knows(key, now):
                sessions.adopt(key, account, now)

    def mark(self, lease: Lease, placement: Placement, ask: Ask) -> None:
        """Tell the lease whether the conversation has been with another account."""
        lease.session_key = affinity_keys(ask)[0]
        lease.is_moved = placement.before is not None and placement.before != lease.state.id
        if len(self._moves):
            lease.foreign_messages = self._moves.find(lease.session_key, ask.now) or 0

    def moved(self, lease: Lease, messages: int, now: float) -> None:
        """Remember that the first `messages` messages are another account's."""
        self._moves.bind(lease.session_key, messages, now)


def affinity_keys(ask: Ask) -> tuple[int, int]:
    """Return the keys of the conversation and of it with this model: the same in every process."""
    session = ask.session or ""
    return (
        affinity_key(ask.provider, ask.token_id, session),
        affinity_key(ask.provider, ask.token_id, session, ask.model or ""),
    )
