"""Choose the account that serves a call, and take it back. Memory only, no IO."""

from __future__ import annotations

from collections.abc import Callable, Collection

from accounts.errors import Exhaustion, PoolExhausted
from accounts.pool.affinity import SessionMove
from accounts.pool.cooldown import PROBE_SECONDS
from accounts.pool.exhaustion import DOWN, exhausted, why_not
from accounts.pool.lease import Ask, Lease
from accounts.pool.provider_accounts import PoolMembers, ProviderAccounts
from accounts.pool.sessions import StickySessions
from accounts.pool.state import OWN_KEY, AccountState, Loaded, Terms
from providers.upstream import Credential


class Choosing:
    """Lend accounts to attempts; conversations stay where they are."""

    def __init__(self, members: PoolMembers, sessions: StickySessions) -> None:
        self._members = members
        self._lock = members.lock
        self.sessions = sessions

    def has_accounts(self, provider: str) -> bool:
        """Tell whether the provider has an account that is not absent, usable now or not."""
        return provider in self._members.by_provider

    def has_other(self, provider: str, excluded: Collection[str]) -> bool:
        """Tell whether a usable account is left that is not among `excluded`; it may still be on cooldown."""
        group = self._members.by_provider.get(provider)
        if group is None:
            return False
        return any(state.is_usable and state.name not in excluded for state in group.members)

    def has_choice(self, provider: str) -> bool:
        """Tell whether several accounts can serve, or could: a session key is worth computing then."""
        group = self._members.by_provider.get(provider)
        able = 0
        for state in () if group is None else group.members:
            # Conversations may be bound to one that is logged out now.
            able += state.loaded.credential is not None or state.used + state.used_before > 0
            if able > 1:
                return True
        return False

    def soonest(self, lease: Lease, pinned: str | None, now: float) -> float | None:
        """Return when an account can serve another such call: `now` = one is free, None = unknown."""
        with self._lock:
            group = self._members.group_of(lease.state)
            if group is None:
                return None
            able = [one for one in group.members if one.is_usable and pinned in (None, "", one.name)]
            return min((why_not(one, lease.model, now)[0] for one in able), default=None)

    def choose(self, ask: Ask) -> Lease:
        """Choose an account for one attempt. Raises `PoolExhausted`."""
        if ask.callers is not None:
            return _of_caller(ask, ask.callers)
        with self._lock:
            group = self._members.by_provider.get(ask.provider) or self._own_key(ask)
            if group.breaker.strikes and (until := group.breaker.shut_until(ask.now)) is not None:
                raise PoolExhausted(until, Exhaustion.UPSTREAM_DOWN, DOWN, ask.now)
            if ask.pinned:
                return self._lend(group, self._pinned(group, ask), ask)
            if ask.session is None:
                return self._lend(group, self._pick(group, ask), ask)
            placement = self.sessions.find(group, ask)
            state = placement.state
            if state is None:
                state = self._pick(group, ask)
                self.sessions.take(placement, state, ask.now)
            lease = self._lend(group, state, ask)
            if placement.before is not None:
                self.sessions.mark(lease, placement, ask)
            return lease

    def remember_move(self, lease: Lease, messages: int) -> None:
        """Remember that the first `messages` of a conversation that has moved are another account's.

        Signatures hold for the account that made them: all that came before the move is the other's, afterwards only
        those messages are.
        """
        with self._lock:
            self.sessions.moved(lease, messages, self._members.now())

    # Sticky sessions that other processes know

    def tell_sessions(self, tell: Callable[[SessionMove], None]) -> None:
        """Set the listener for sessions that are bound, moved or in use.

        It must be quick: it runs while choosing.
        """
        self.sessions.tell(tell)

    def lacks_session(self, ask: Ask) -> bool:
        """Tell whether this process does not know the conversation's account, and it would matter."""
        return self.sessions.is_unknown(ask)

    def adopt_sessions(self, ask: Ask, account: int | None, account_for_model: int | None) -> None:
        """Take over the accounts that other processes name for the conversation; None = they don't know."""
        with self._lock:
            self.sessions.adopt(ask, account, account_for_model)

    def move_session(self, key: int, account: int) -> None:
        """Bind a conversation to the account to which another process has moved it."""
        with self._lock:
            self.sessions.move(key, account, self._members.now())

    def _own_key(self, ask: Ask) -> ProviderAccounts:
        if ask.own is None:
            raise PoolExhausted(None, Exhaustion.NO_ACCOUNT, "no account is configured for this provider")
        return self._members.own_key(ask.provider, ask.own, ask.address)

    def _pinned(self, group: ProviderAccounts, ask: Ask) -> AccountState:
        state = group.by_name.get(ask.pinned or "")
        if state is None:
            why = "that holds this object" if ask.is_held_there else "that this token is tied to"
            raise PoolExhausted(None, Exhaustion.NO_ACCOUNT, f"the account {why} is not here")
        if state.is_usable and state.name not in ask.excluded and (ask.is_fetched or is_open(state, ask)):
            return state
        raise exhausted((state,), ask.model or "", ask.now, ask.excluded)

    def _pick(self, group: ProviderAccounts, ask: Ask) -> AccountState:
        excluded, now = ask.excluded, ask.now

        def accept(state: AccountState) -> bool:
            return state.name not in excluded and (not state.is_capped or state.room_at(now) is None)

        state = group.pick(ask.model or "", now, accept)
        if state is None:
            raise group.exhausted(ask.model or "", now, excluded)
        return state

    def _lend(self, group: ProviderAccounts, state: AccountState, ask: Ask) -> Lease:
        credential = state.loaded.credential
        if credential is None:
            raise PoolExhausted(None, Exhaustion.UNUSABLE, "the account lost its credential")
        model, now = ask.model or "", ask.now
        lease = Lease(state, state.terms.name, credential, state.terms.proxy, model, now, self.release)
        if group.breaker.strikes:
            lease.is_breaker_probe = group.breaker.start_probe(now)
        if credential.expires_at is not None:
            lease.is_expired = state.loaded.has_refresh and credential.expires_at <= now
        if state.cooldowns.entries:
            lease.probes = tuple(state.cooldowns.matching(model))
            for cooldown in lease.probes:
                cooldown.probe_until = now + PROBE_SECONDS
            group.touch()
        state.in_flight += 1
        state.used += 1
        state.unsaved_used += 1
        state.turn += state.stride
        for cap in state.caps:
            cap.add(now)
        self._members.touched.add(state.id)
        return lease

    def release(self, lease: Lease) -> None:
        """Take an account back: the attempt is over. Twice does no harm."""
        with self._lock:
            if not lease.is_held:
                return
            lease.is_held = False
            lease.state.in_flight -= 1
            if lease.probes or lease.is_breaker_probe:
                self._end_probes(lease)

    def _end_probes(self, lease: Lease) -> None:
        group = self._members.group_of(lease.state)
        for cooldown in lease.probes:
            cooldown.probe_until = 0.0
        if group is not None and lease.probes:
            group.touch()
        if group is not None and lease.is_breaker_probe:
            group.breaker.end_probe()


def _of_caller(ask: Ask, own: Credential) -> Lease:
    """Lend a caller's own login: once a call, and nothing is learned from how it goes. Raises `PoolExhausted`."""
    state = AccountState(OWN_KEY, Terms("", ask.provider, source="caller"), Loaded(own))
    if state.name in ask.excluded:
        raise PoolExhausted(None, Exhaustion.UNUSABLE, "the caller's own login was refused")
    state.in_flight = 1
    return Lease(state, state.name, own, None, ask.model or "", ask.now, was_refreshed=True)


def is_open(state: AccountState, ask: Ask) -> bool:
    """Tell whether nothing keeps the account from this call."""
    return (
        state.cooldowns.closed(ask.model or "", ask.now) is None
        and state.quota_cooldown_until(ask.now) is None
        and state.room_at(ask.now) is None
    )
