"""What one process knows of one account while it runs. No IO."""

from __future__ import annotations

from dataclasses import dataclass, field

from accounts.cooldown import Rests
from accounts.selection import WindowCap
from providers.drivers.base import QuotaWindow
from providers.upstream import Credential

REFRESH_LEAD_SECONDS = 300.0
REFRESH_LEAD_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Loaded:
    """An account's secret as last read. `problem` says why there is none; it may hold a path."""

    credential: Credential | None = None
    has_refresh: bool = False
    life_seconds: float | None = None
    is_logged_out: bool = False
    problem: str = ""

    def is_due(self, now: float) -> bool:
        """Whether the pair should be refreshed: 5 minutes before its end, or a tenth of its life."""
        if self.credential is None or not self.has_refresh or self.credential.expires_at is None:
            return False
        lead = REFRESH_LEAD_SECONDS
        if self.life_seconds is not None:
            lead = min(lead, REFRESH_LEAD_SHARE * self.life_seconds)
        return self.credential.expires_at - now <= lead

    def is_expired(self, now: float) -> bool:
        expires_at = None if self.credential is None else self.credential.expires_at
        return expires_at is not None and expires_at <= now


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator said about an account."""

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
    proxy: str | None = field(default=None, repr=False)


class AccountState:
    """Terms, secret, and what traffic taught us. Mutable; the pool's lock guards it."""

    __slots__ = (
        "caps",
        "cleared_revision",
        "dead_fingerprint",
        "fault_strikes",
        "faults_in_row",
        "forgiven_at",
        "id",
        "in_flight",
        "last_error",
        "loaded",
        "needs_login",
        "order",
        "priority",
        "refreshed_fingerprint",
        "rests",
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
        self.rests = Rests()
        self.windows: dict[str, QuotaWindow] = {}
        self.warned_until = 0.0
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
        """The operator's new word. Counters of caps that did not change go on."""
        if terms.request_caps != self.terms.request_caps:
            self.caps = tuple(WindowCap(requests, seconds) for requests, seconds in terms.request_caps)
        self.terms = terms
        self.priority = terms.priority
        self.weight = terms.weight

    @property
    def name(self) -> str:
        return self.terms.name

    @property
    def fingerprint(self) -> str:
        credential = self.loaded.credential
        return "" if credential is None else credential.fingerprint

    @property
    def is_dead(self) -> bool:
        """Only a new login helps, and there was none since."""
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

    def rests_for_quota_until(self, now: float) -> float | None:
        """The operator's own pause at N % of a quota window: until the last such window ends."""
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
        """None: a call fits in now. Else when it may; `now` itself means as soon as another call ends."""
        terms = self.terms
        if terms.max_parallel is not None and self.in_flight >= terms.max_parallel:
            return now
        for cap in self.caps:
            frees_at = cap.frees_at(now)
            if frees_at is not None:
                return frees_at
        return None

    def count_call(self, now: float) -> None:
        self.in_flight += 1
        self.used += 1
        self.unsaved_used += 1
        self.turn += self.stride
        for cap in self.caps:
            cap.add(now)

    def forgive(self) -> None:
        """The operator's clear, or a new credential: nothing is held against the account."""
        self.rests = Rests()
        self.needs_login = False
        self.dead_fingerprint = ""
        self.faults_in_row = 0
        self.fault_strikes = 0
        self.warned_until = 0.0
