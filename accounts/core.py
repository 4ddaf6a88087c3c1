"""The pool's mind: which account serves a call. Memory only, no IO; `judging` has what the answers teach.

One lock guards the states: the data plane's loop, freshness and the background keeper meet here.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from accounts.affinity import MAX_SESSIONS, SeatChange
from accounts.cooldown import PROBE_SECONDS
from accounts.errors import Exhaustion, PoolExhausted
from accounts.group import Group, exhausted, why_not
from accounts.judging import Judge
from accounts.lease import Ask, Lease
from accounts.models import Strategy
from accounts.seats import Seats
from accounts.state import AccountState, Loaded, Terms
from providers.drivers.base import Verdict
from providers.translation.thinking import count_messages, strip_signed_thinking

DOWN = "the upstream keeps failing; calls to it rest for a moment"
OWN_KEY = -1
"""Stands for an account's id where a provider is called with its own key: no row has it, so nothing is written down."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Durations in seconds."""

    strategy: str = Strategy.ROUND_ROBIN
    session_idle_seconds: float = 3600.0
    cooldown_seconds: float = 60.0  # for a limit of unknown form
    max_sessions: int = MAX_SESSIONS
    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = field(default=random.random)


class PoolCore:
    """Choosing and judging over states that somebody else loads."""

    def __init__(self, options: PoolOptions) -> None:
        self._options = options
        self._lock = threading.RLock()
        self._groups: dict[str, Group] = {}
        self._keyed: dict[str, Group] = {}  # providers without accounts, called with their own keys
        self._states: dict[int, AccountState] = {}
        self._strategy: str = options.strategy
        self._seats = Seats(options.session_idle_seconds, options.max_sessions)
        self.on_unsaved: Callable[[], None] = lambda: None
        """Called when a cooldown is to be written down. Quick, from any thread."""
        self._judge = Judge(options.cooldown_seconds, options.jitter, lambda: self.on_unsaved())

    def install_states(self, states: Iterable[AccountState]) -> None:
        """Takes these accounts for all there are."""
        with self._lock:
            self._states = {state.id: state for state in states}
            self._regroup()

    def _regroup(self) -> None:
        by_provider: dict[str, list[AccountState]] = {}
        for state in self._states.values():
            if not state.terms.is_absent:
                by_provider.setdefault(state.terms.provider, []).append(state)
        groups = {name: Group(name, states, self._strategy) for name, states in by_provider.items()}
        for name, group in groups.items():
            if name in self._groups:
                group.inherit(self._groups[name])
        self._groups = groups

    def now(self) -> float:
        return self._options.clock()

    def states(self) -> list[AccountState]:
        """Every account in the operator's order, absent ones too. To be read, not changed."""
        with self._lock:
            return sorted(self._states.values(), key=lambda state: (state.terms.position, state.id))

    def breakers(self) -> dict[str, bool]:
        """Provider → whether its breaker keeps calls away."""
        now = self.now()
        return {name: group.breaker.is_shut_to_calls(now) for name, group in self._serving().items()}

    def shut_until(self, provider: str) -> float | None:
        """When the provider's breaker lets a call through again; None = it does now."""
        with self._lock:
            group = self._serving().get(provider)
            return None if group is None else _shut_until(group, self.now())

    def own_keys(self) -> dict[str, AccountState]:
        """Provider → what its own key has met, where that key has been used. To be read, not changed."""
        with self._lock:
            return {name: group.members[0] for name, group in self._keyed.items() if name not in self._groups}

    def _serving(self) -> dict[str, Group]:
        """Accounts go before a provider's own key."""
        return {**self._keyed, **self._groups}

    # What the relay calls

    def has_accounts(self, provider: str) -> bool:
        """Whether the provider has an account that is not absent, usable now or not."""
        group = self._groups.get(provider)
        return group is not None

    def has_credentials(self, provider: str) -> bool:
        """Whether some account of the provider holds a credential, be it paused or resting."""
        group = self._groups.get(provider)
        for state in () if group is None else group.members:  # noqa: SIM110 - a generator costs more, and this is asked for every call
            if state.loaded.credential is not None:
                return True
        return False

    def has_other(self, provider: str, excluded: Collection[str]) -> bool:
        """Whether a usable account is left that is not among `excluded`; it may still be resting."""
        group = self._groups.get(provider)
        if group is None:
            return False
        return any(state.is_usable and state.name not in excluded for state in group.members)

    def has_choice(self, provider: str) -> bool:
        """Whether there is more than one account to serve with, so that a session key is worth computing."""
        group = self._groups.get(provider)
        return group is not None and group.has_choice

    def soonest(self, lease: Lease, pinned: str | None, now: float) -> float | None:
        """When an account can serve another call like the lease's: `now` = one is free, None = unknown."""
        with self._lock:
            group = self._group_of(lease.state)
            if group is None:
                return None
            able = [one for one in group.members if one.is_usable and pinned in (None, "", one.name)]
            return min((why_not(one, lease.model, now)[0] for one in able), default=None)

    def choose(self, ask: Ask) -> Lease:
        """An account for one attempt. Raises `PoolExhausted`."""
        with self._lock:
            group = self._groups.get(ask.provider) or self._keyed_group(ask)
            if (until := _shut_until(group, ask.now)) is not None:
                raise PoolExhausted(until, Exhaustion.UPSTREAM_DOWN, DOWN, ask.now)
            if ask.pinned:
                return self._lend(group, self._pinned(group, ask), ask)
            seating = self._seats.find(group, ask)
            state = seating.state
            if state is None:
                state = self._pick(group, ask)
                self._seats.take(seating, state, ask.now)
            lease = self._lend(group, state, ask)
            if seating.before is not None:
                self._seats.mark(lease, seating, ask)
            return lease

    def own_thinking(self, lease: Lease, body: bytes) -> bytes:
        """A messages request without thinking that another account has signed; the same object as a rule.

        Signatures hold for the account that made them. When a conversation moves, all that came before is the
        other's; afterwards only those messages are.
        """
        if lease.is_moved:
            with self._lock:
                self._seats.moved(lease, count_messages(body), self.now())
            return strip_signed_thinking(body)
        if lease.foreign_messages:
            return strip_signed_thinking(body, lease.foreign_messages)
        return body

    # Seats that other processes know

    def tell_seats(self, tell: Callable[[SeatChange], None]) -> None:
        """`tell` hears of seats that are taken, left for another, or in use. Quick; called while choosing."""
        self._seats.tell(tell)

    def lacks_seat(self, ask: Ask) -> bool:
        """Whether this process does not know where the conversation sits, and it would matter."""
        return self._seats.is_unknown(ask)

    def adopt_seats(self, ask: Ask, account: int | None, account_for_model: int | None) -> None:
        """Where others say that the conversation sits; None = they don't know."""
        with self._lock:
            self._seats.adopt(ask, account, account_for_model)

    def move_seat(self, key: int, account: int) -> None:
        """Another process has moved a conversation."""
        with self._lock:
            self._seats.move(key, account, self.now())

    def report(self, lease: Lease, verdict: Verdict) -> None:
        """What the answer to this attempt meant. With `needs_refresh`, `await refresh(lease)` comes next."""
        now = self._options.clock()
        with self._lock:
            state = lease.state
            group = self._group_of(state)
            if group is not None and group.by_id.get(state.id) is state:  # not removed meanwhile
                self._judge.judge(group, lease, verdict, now)

    # Choosing

    def _group_of(self, state: AccountState) -> Group | None:
        """The group that the account is in now; None when it is gone."""
        groups = self._keyed if state.id == OWN_KEY else self._groups
        return groups.get(state.terms.provider)

    def _keyed_group(self, ask: Ask) -> Group:
        """A group of one seat, for the provider's own key: so cooldowns and the breaker hold for it, too."""
        if ask.own is None:
            raise PoolExhausted(None, Exhaustion.NO_ACCOUNT, "no account is configured for this provider")
        group = self._keyed.get(ask.provider)
        if group is not None:
            state = group.members[0]
            if (state.loaded.credential, state.terms.location) == (ask.own, ask.address):
                return group
        terms = Terms("", ask.provider, source="provider", location=ask.address)
        state = AccountState(OWN_KEY, terms, Loaded(ask.own))  # a new key, or another place, owes nothing
        group = self._keyed[ask.provider] = Group(ask.provider, [state], self._strategy)
        return group

    def _pinned(self, group: Group, ask: Ask) -> AccountState:
        state = group.by_name.get(ask.pinned or "")
        if state is None:
            raise PoolExhausted(
                None, Exhaustion.NO_ACCOUNT, "the account that this token is tied to is not here"
            )
        if state.is_usable and state.name not in ask.excluded and is_open(state, ask):
            return state
        raise exhausted((state,), ask.model or "", ask.now, ask.excluded)

    def _pick(self, group: Group, ask: Ask) -> AccountState:
        excluded, now = ask.excluded, ask.now

        def accept(state: AccountState) -> bool:
            return state.name not in excluded and state.room_at(now) is None

        state = group.pick(ask.model or "", now, accept)
        if state is None:
            raise group.exhausted(ask.model or "", now, excluded)
        return state

    def _lend(self, group: Group, state: AccountState, ask: Ask) -> Lease:
        credential = state.loaded.credential
        if credential is None:
            raise PoolExhausted(None, Exhaustion.UNUSABLE, "the account lost its credential")
        model, now = ask.model or "", ask.now
        lease = Lease(state, credential, model, now)
        lease.bind(self._release, is_breaker_probe=group.breaker.start_probe(now))
        if credential.expires_at is not None:
            lease.is_expired = state.loaded.has_refresh and credential.expires_at <= now
        if state.rests.entries:
            lease.probes = tuple(state.rests.matching(model))
            for rest in lease.probes:
                rest.probe_until = now + PROBE_SECONDS
            group.touch()
        state.count_call(now)
        self._judge.touched.add(state.id)
        return lease

    def _release(self, lease: Lease) -> None:
        with self._lock:
            if not lease.is_held:
                return
            lease.is_held = False
            lease.state.in_flight -= 1
            group = self._group_of(lease.state)
            for rest in lease.probes:
                rest.probe_until = 0.0
            if group is not None and lease.probes:
                group.touch()
            if group is not None and lease.is_breaker_probe:
                group.breaker.end_probe()


def _shut_until(group: Group, now: float) -> float | None:
    breaker = group.breaker
    return max(breaker.open_until, breaker.probe_until) if breaker.is_shut_to_calls(now) else None


def is_open(state: AccountState, ask: Ask) -> bool:
    """Whether nothing keeps the account from this call."""
    return (
        state.rests.closed(ask.model or "", ask.now) is None
        and state.rests_for_quota_until(ask.now) is None
        and state.room_at(ask.now) is None
    )
