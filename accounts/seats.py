"""Where conversations sit: which account a session's next call belongs to, and whether it has moved. No IO.

A session sits on one account. A model that the account can't serve for a while gets a seat of its own;
subagents, which send their parent's session id, so follow it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from accounts.affinity import Affinity, SeatChange, seat_key
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
        session_key, model_key = seat_keys(ask)
        account = None
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

    # With other processes

    def tell(self, tell: Callable[[SeatChange], None]) -> None:
        """`tell` hears of seats that are taken, left for another, or in use."""
        self._of_sessions.tell = self._of_models.tell = tell

    def is_unknown(self, ask: Ask) -> bool:
        """Whether this process does not know where the conversation sits, and it would matter."""
        if ask.session is None or ask.pinned or not self._of_sessions.is_on:
            return False
        return not self._of_sessions.knows(seat_keys(ask)[0], ask.now)

    def adopt(self, ask: Ask, account: int | None, account_for_model: int | None) -> None:
        """Where others say that the conversation sits; None = they don't know."""
        session_key, model_key = seat_keys(ask)
        if account is not None:
            self._of_sessions.adopt(session_key, account, ask.now)
        if account_for_model is not None:
            self._of_models.adopt(model_key, account_for_model, ask.now)

    def move(self, key: int, account: int, now: float) -> None:
        """Another process has moved a conversation; who does not know it has nothing to correct."""
        for seats in (self._of_sessions, self._of_models):
            if seats.knows(key, now):
                seats.adopt(key, account, now)

    def mark(self, lease: Lease, seating: Seating, ask: Ask) -> None:
        """Tells the lease whether the conversation has been with another account."""
        lease.session_key = seat_keys(ask)[0]
        lease.is_moved = seating.before is not None and seating.before != lease.state.id
        if len(self._moves):
            lease.foreign_messages = self._moves.find(lease.session_key, ask.now) or 0

    def moved(self, lease: Lease, messages: int, now: float) -> None:
        """From now on the first `messages` messages are another account's."""
        self._moves.bind(lease.session_key, messages, now)


def seat_keys(ask: Ask) -> tuple[int, int]:
    """Of the conversation, and of the conversation with this model: the same in every process."""
    session = ask.session or ""
    return (
        seat_key(ask.provider, ask.token_id, session),
        seat_key(ask.provider, ask.token_id, session, ask.model or ""),
    )
