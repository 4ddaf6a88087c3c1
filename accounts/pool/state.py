"""State of one account in one running process. No IO."""

from __future__ import annotations

from dataclasses import dataclass, field

from accounts.pool.cooldown import Cooldowns
from accounts.pool.strategies import WindowCap
from providers.drivers.base import QuotaWindow
from providers.upstream import Credential

REFRESH_LEAD_SECONDS = 300.0
REFRESH_LEAD_SHARE = 0.1
OWN_KEY = -1
"""Stands for an account's id where a provider is called with its own key: no row has it, so nothing is written down."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The secret of an account as last read. `problem` says why there is none; it may hold a path."""

    credential: Credential | None = None
    has_refresh: bool = False
    life_seconds: float | None = None
    is_logged_out: bool = False
    problem: str = ""

    def is_due(self, now: float) -> bool:
        """Tell whether the pair should be refreshed: 5 minutes before its end, or a tenth of its life."""
        if self.credential is None or not self.has_refresh or self.credential.expires_at is None:
            return False
        lead_seconds = REFRESH_LEAD_SECONDS
        if self.life_seconds is not None:
            lead_seconds = min(lead_seconds, REFRESH_LEAD_SHARE * self.life_seconds)
        return self.credential.expires_at - now <= lead_seconds

    def is_expired(self, now: float) -> bool:
        expires_at = None if self.credential is None else self.credential.expires_at
        return expires_at is not None and expires_at <= now


@dataclass(frozen=True, slots=True)
class Terms:
    """The operator's terms for an account."""

    name: str
    provider: str
    source: str = "api_key"
    location: str = ""
    priority: int = 100
    weight: int = 1
    position: int = 1000
    is_paused: bool = False
    is_absent: bool = False
    max_parallel: int | None = None
    request_caps: tuple[tuple[int, float], ...] = ()  # (requests, seconds)
    pause_at_percent: int | None = None
    region: str = ""
    proxy: str | None = field(default=None, repr=False)


class AccountState:
    """Terms, secret, and what traffic has taught about an account. Mutable; the pool's lock guards it."""

    __slots__ = (
        "caps",
        "cleared_revision",
        "cooldowns",
        "dead_fingerprint",
        "fault_strikes",
        "faults_in_row",
        "forgiven_at",
        "id",
        "in_flight",
        "is_capped",
        "is_out",
        "last_error",
        "loaded",
        "name",
        "needs_login",
        "order",
        "priority",
        "refreshed_fingerprint",
        "stride",
        "terms",
        "turn",
        "unsaved_used",
        "used",
        "used_before",
        "warned_until",
        "weight",
        "windows",
    )

    def __init__(self, account_id: int, terms: Terms, loaded: Loaded) -> None:
        self.id = account_id
        self.loaded = loaded
        self.cooldowns = Cooldowns()
        self.windows: dict[str, QuotaWindow] = {}
        self.warned_until = 0.0
        self.is_out = False  # and operators have been told
        self.needs_login = False
        self.dead_fingerprint = ""
        self.refreshed_fingerprint = ""  # the credential that a refused one was refreshed into
        self.last_error = ""
        self.cleared_revision = 0
        self.forgiven_at = 0.0  # Unix seconds; what began before is not learned from other processes either
        self.faults_in_row = 0
        self.fault_strikes = 0
        self.in_flight = 0
        self.used = 0
        self.unsaved_used = 0
        self.used_before = 0
        self.turn = 0.0
        self.stride = 1.0
        self.order = 0
        self.caps: tuple[WindowCap, ...] = ()
        self.terms = Terms("", "")
        self.accept_terms(terms)

    def accept_terms(self, terms: Terms) -> None:
        """Take over the operator's new terms. Counters of caps that did not change go on."""
        if terms.request_caps != self.terms.request_caps:
            self.caps = tuple(WindowCap(requests, seconds) for requests, seconds in terms.request_caps)
        self.terms = terms
        self.name = terms.name
        self.is_capped = bool(self.caps) or terms.max_parallel is not None
        self.priority = terms.priority
        self.weight = terms.weight

    @property
    def fingerprint(self) -> str:
        credential = self.loaded.credential
        return "" if credential is None else credential.fingerprint

    @property
    def subject(self) -> str:
        """Return the name for events; a provider's own key is the provider's."""
        return f"account:{self.name}" if self.name else f"provider:{self.terms.provider}"

    @property
    def is_dead(self) -> bool:
        """Tell whether only a new login helps, and there was none since."""
        return self.needs_login and self.dead_fingerprint == self.fingerprint

    @property
    def is_usable(self) -> bool:
        terms = self.terms
        return (
            not terms.is_paused
            and not terms.is_absent
            and self.loaded.credential is not None
            and not self.is_dead
        )

    def quota_cooldown_until(self, now: float) -> float | None:
        """Return when the operator's own pause at N % of a quota window ends: with the last such window."""
        percent = self.terms.pause_at_percent
        if percent is None:
            return None
        ends = [
            window.resets_at
            for window in self.windows.values()
            if window.used_fraction is not None
            and window.resets_at is not None
            and window.resets_at > now
            and window.used_fraction * 100 >= percent
        ]
        return max(ends, default=None)

    def room_at(self, now: float) -> float | None:
        """Return when a call may fit in; None: it does now, `now` itself: as soon as another call ends."""
        terms = self.terms
        if terms.max_parallel is not None and self.in_flight >= terms.max_parallel:
            return now
        for cap in self.caps:
            frees_at = cap.frees_at(now)
            if frees_at is not None:
                return frees_at
        return None

    def forgive(self) -> None:
        """Drop what is held against the account, at the operator's clear or with a new credential."""
        self.cooldowns = Cooldowns()
        self.needs_login = False
        self.dead_fingerprint = ""
        self.faults_in_row = 0
        self.fault_strikes = 0
        self.warned_until = 0.0
