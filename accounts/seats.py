"""Where conversations sit: which account a session's next call belongs to, and whether it has moved. No IO.

A session sits on one account. A model that the account can't serve for a while gets a seat of its own;
subagents, which send their parent's session id, so follow it.
"""

from __future__ import annotations

from dataclasses import dataclass

from accounts.affinity import Affinity
from accounts.group import Group
from accounts.lease import Ask, Lease
from accounts.state import AccountState
from providers.drivers.base import Scope


@dataclass(slots=True)
class Seating:
    """`state`: sits there and can serve. Else `key`, if the account that serves instead is the new seat."""

    state: AccountState | None = None
    before: int | None = None  # the account it sat on
    key: int | None = None
    is_for_model: bool = False


NOWHERE = Seating()


class Seats:
    """Bounded maps of one process."""

    __slots__ = ("_moves", "_of_models", "_of_sessions")

    def __init__(self, idle_seconds: float, max_sessions: int) -> None:
        self._of_sessions = Affinity(idle_seconds, max_sessions)
        self._of_models = Affinity(idle_seconds, max_sessions)
        self._moves = Affinity(idle_seconds, max_sessions)  # session → how many messages came before its move

    def find(self, group: Group, ask: Ask) -> Seating:
        """No seat and no key: only this call goes elsewhere, the conversation stays."""
        if ask.session is None or not self._of_sessions.is_on or len(group.members) < 2:
            return NOWHERE
        now, model = ask.now, ask.model or ""
        session_key, account = _session_key(group.provider, ask), None
        model_key = hash((session_key, model))
        if len(self._of_models):
            account = self._of_models.find(model_key, now)
        is_for_model = account is not None
        if account is None:
            account = self._of_sessions.find(session_key, now)
        seating = Seating(None, account, model_key if is_for_model else session_key, is_for_model)
        state = None if account is None else group.by_id.get(account)
        if state is None or not state.is_usable or state.rests_for_quota_until(now) is not None:
            return seating
        if state.rests.entries:
            rest = state.rests.active(model, now)
            if rest is not None:
                return seating if rest.scope is Scope.ACCOUNT else Seating(None, account, model_key, True)
            if state.rests.closed(model, now) is not None:
                return Seating(None, account)
        if state.name in ask.excluded or state.room_at(now) is not None:
            return Seating(None, account)
        seating.state = state
        return seating

    def take(self, seating: Seating, state: AccountState, now: float) -> None:
        """The account that was chosen instead becomes the seat, where that was meant."""
        if seating.key is not None:
            (self._of_models if seating.is_for_model else self._of_sessions).bind(seating.key, state.id, now)

    def mark(self, lease: Lease, seating: Seating, provider: str, ask: Ask) -> None:
        """Tells the lease whether the conversation has been with another account."""
        lease.session_key = _session_key(provider, ask)
        lease.is_moved = seating.before is not None and seating.before != lease.state.id
        if len(self._moves):
            lease.foreign_messages = self._moves.find(lease.session_key, ask.now) or 0

    def moved(self, lease: Lease, messages: int, now: float) -> None:
        """From now on the first `messages` messages are another account's."""
        self._moves.bind(lease.session_key, messages, now)


def _session_key(provider: str, ask: Ask) -> int:
    return hash((provider, ask.token_id, ask.session))
