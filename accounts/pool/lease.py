"""The relay's request for an account and the lease that answers it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from accounts.pool.cooldown import CooldownState
from accounts.pool.state import AccountState
from providers.upstream import Credential

NOTHING: frozenset[str] = frozenset()


class Ask(msgspec.Struct, eq=False):
    """Describe one call that needs an account. `now` is Unix seconds."""

    provider: str
    model: str | None  # the upstream's name; None = none given
    session: str | None  # `affinity.session_key`; None = no conversation to go by
    token_id: str
    now: float
    excluded: frozenset[str] = NOTHING  # names already tried for this request
    pinned: str | None = None  # the only account that may serve
    is_held_there: bool = False  # because it holds what the call names; else because of the token
    is_fetched: bool = False  # only that is asked for: limits for models do not hold the call back
    own: Credential | None = None  # the provider's own key, for one that has no accounts
    callers: Credential | None = None  # the caller's own login: no account is chosen
    address: str = ""  # where that key is used: at another address nothing is held against it


class Lease(msgspec.Struct, eq=False):
    """An account that is lent to one attempt.

    Give it back to its pool with `Pool.release`, whatever happened; twice does no harm.
    """

    state: AccountState
    account: str  # its name
    credential: Credential
    proxy: str | None
    model: str
    chosen_at: float  # Unix seconds
    give_back: Callable[[Lease], None] | None = None  # the pool's `release`
    probes: tuple[CooldownState, ...] = ()
    is_expired: bool = (
        False  # the pair's time is over, it can be refreshed: `await pool.refresh(lease)` first
    )
    was_refreshed: bool = False
    is_held: bool = True
    is_moved: bool = False  # another account served the conversation until now: see `Pool.remember_move`
    foreign_messages: int = 0  # so many of its first messages are another account's
    session_key: int = 0
    is_breaker_probe: bool = False

    def __repr__(self) -> str:
        return f"Lease({self.account!r}, {self.credential.fingerprint!r})"

    def release(self) -> None:
        """Give the account back, for those who have no pool at hand."""
        if self.give_back is not None:
            self.give_back(self)
