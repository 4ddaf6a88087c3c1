"""What the relay asks of the pool, and what it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from accounts.cooldown import Rest
from accounts.state import AccountState
from providers.upstream import Credential

NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class Ask:
    """One call that needs an account. `now` is Unix seconds."""

    provider: str
    model: str | None  # the upstream's name; None = none given
    session: str | None  # `affinity.session_key`; None = no conversation to go by
    token_id: str
    now: float
    excluded: frozenset[str] = NOTHING  # names already tried for this request
    pinned: str | None = None  # the only account this token may use
    own: Credential | None = None  # the provider's own key, for one that has no accounts
    address: str = ""  # where that key is used: at another address nothing is held against it


class Lease:
    """An account for one attempt. Give it back with `release()`, whatever happened; twice does no harm."""

    __slots__ = (
        "_is_breaker_probe",
        "_on_release",
        "account",
        "chosen_at",
        "credential",
        "foreign_messages",
        "is_expired",
        "is_held",
        "is_moved",
        "model",
        "probes",
        "proxy",
        "session_key",
        "state",
        "was_refreshed",
    )

    def __init__(self, state: AccountState, credential: Credential, model: str, now: float) -> None:
        self.state = state
        self.account = state.terms.name
        self.credential = credential
        self.proxy = state.terms.proxy
        self.model = model
        self.chosen_at = now
        self.probes: tuple[Rest, ...] = ()
        self.is_expired = (
            False  # the pair's time is over and it can be refreshed: `await pool.refresh(lease)` first
        )
        self.was_refreshed = False
        self.is_held = True
        self.is_moved = False  # the conversation sat on another account until now: see `Pool.own_thinking`
        self.foreign_messages = 0  # so many of its first messages are another account's
        self.session_key = 0
        self._is_breaker_probe = False
        self._on_release: Callable[[Lease], None] | None = None

    def __repr__(self) -> str:
        return f"Lease({self.account!r}, {self.credential.fingerprint!r})"

    @property
    def is_breaker_probe(self) -> bool:
        return self._is_breaker_probe

    def bind(self, on_release: Callable[[Lease], None], *, is_breaker_probe: bool) -> None:
        """For the pool alone."""
        self._on_release = on_release
        self._is_breaker_probe = is_breaker_probe

    def release(self) -> None:
        """The attempt is over."""
        if self._on_release is not None:
            self._on_release(self)
